"""Clocks that a test turns: of our own processes, by libfaketime, and of what runs in the test itself."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from broker.clock import system_clock

FAKETIME: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
"""Empty where it is not installed (Debian: faketime)."""


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self.ahead


class Stopped:
    """A clock that stands at ten in the morning until a test moves it: what is due by days never depends on the hour."""

    def __init__(self) -> None:
        # Of tomorrow: the keys of an exchange are good from when it was made, which may be this evening.
        self.now = (datetime.now(UTC) + timedelta(days=1)).replace(hour=10, minute=0, microsecond=0)

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Turned:
    """One clock for all: how far it is from the machine's, in a file that every process reads."""

    file: Path
    off: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.off

    def to(self, moment: datetime) -> None:
        """Let it be that moment now."""
        self.turn(moment - datetime.now(UTC))

    def turn(self, off: timedelta) -> None:
        """Turn it, in one move, so that nobody reads half of it."""
        self.off = off
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{off.total_seconds():+.0f}\n")
        fresh.rename(self.file)

    def environment(self) -> dict[str, str]:
        """Of a process whose time is this; intervals stay what they are."""
        return {
            "LD_PRELOAD": str(FAKETIME[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
