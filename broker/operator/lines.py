"""One line of the status: a thing, a verdict, what is seen, what to do."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final

_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")
_STEP: Final = 1000


class Verdict(IntEnum):
    """What a person is to do; also the command's exit code."""

    OK = 0
    LOOK = 1
    """Not now, but before long: it does not mend itself."""
    ACT = 2
    """Now: something accepted waits that must not wait, or is about to."""


@dataclass(frozen=True, slots=True)
class Line:
    """``topic`` is stable (monitoring may rest on it); ``facts`` are the numbers behind ``says``."""

    topic: str
    verdict: Verdict
    says: str
    todo: str = ""
    page: str = ""
    """The runbook's page, without folder and ending."""
    facts: dict[str, Any] = field(default_factory=dict)


def age(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    return span(now - since)


def span(length: timedelta) -> str:
    """A length of time in words."""
    seconds = max(0, int(length.total_seconds()))
    for unit, in_seconds in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * in_seconds:
            return f"{seconds // in_seconds} {unit}"
    return counted(seconds, "second")


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int) -> str:
    """A number of bytes for people."""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.3g} {_UNITS[unit]}"
