"""The alarms of one gateway as they stand, in a file of its home: written by the gateway, read by ``status``.

Codes, counts and times only: which event, and about whom, is for the member's own people (``gateway alarms``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.errors import UnavailableError

_FILE: Final = "alarms.json"


@dataclass(frozen=True, slots=True)
class StandingAlarms:
    """How many alarms of each code stood when the gateway last looked, and since when the first of them."""

    at_ms: int
    codes: Mapping[str, int]
    first_ms: int | None


def write_alarms(home: Path, seen: StandingAlarms) -> None:
    """Replace what is there. Raises UnavailableError."""
    fresh = home / f".{_FILE}.new"
    document = {"at_ms": seen.at_ms, "codes": dict(seen.codes), "first_ms": seen.first_ms}
    try:
        fresh.touch(0o600)
        fresh.write_text(json.dumps(document, sort_keys=True))
        fresh.replace(home / _FILE)
    except OSError as error:
        raise UnavailableError(f"the alarms could not be written: {error.strerror}") from error


def read_alarms(home: Path) -> StandingAlarms | None:
    """What stands there; None where no gateway has looked yet, or the file is not one of ours."""
    try:
        document = json.loads((home / _FILE).read_text())
        return StandingAlarms(document["at_ms"], document["codes"], document["first_ms"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
