"""A record as a person reads it: its rows and its moments."""

from collections.abc import Iterator, Mapping
from typing import Any

from broker.calendars import LONDON
from broker.clock import from_ms


def day_and_time(at_ms: int) -> str:
    """A moment as clocks in England show it, on the command line as on every page and in ``handrail watch``."""
    return from_ms(at_ms).astimezone(LONDON).strftime("%a %d %b %Y %H:%M:%S")


def lines_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """A document as rows of name and value, as a person reads it: ``adult, relation``."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            words = str(name).replace("_", " ")
            yield from lines_of(inner, f"{path}, {words}" if path else words)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from lines_of(item, f"{path} {number}")
    elif value not in (None, [], ""):
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        yield (
            path,
            {True: "yes", False: "no"}.get(shown, str(shown)) if isinstance(shown, bool) else str(shown),
        )
