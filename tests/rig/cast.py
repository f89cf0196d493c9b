"""Who plays: the members of ``SEATS``, invented children, and the journal of what was published."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from schemas.errors import MalformedIdentifierError
from schemas.ids import NhsNumber
from tests.support.events import CUMBERLAND, WESTMORLAND, Document

READERS: Final = ("cumberland", "westmorland", "health", "school", "education", "police")
"""Members whose gateway runs, those who only read included."""
AUTHORS: Final = ("cumberland", "westmorland", "health", "school", "police")

ABOUT_ANYBODY: Final[Mapping[str, tuple[str, ...]]] = {
    "health": ("appointment.missed", "health.presentation", "gp.changed"),
    "school": ("attendance.summary", "exclusion.recorded"),
    "police": ("household.changed",),
    "cumberland": ("voice.recorded", "household.changed"),
    "westmorland": ("voice.recorded",),
}
"""What is published again and again. None hides a child or waits for its author when handed on; none opens a matter, so it is routine about a child without one (P12)."""

_FIRST_NUMBER: Final = 999_100_000


def children(count: int, *, after: int = 0) -> list[str]:
    """So many NHS numbers of the range that is never given out."""
    found: list[str] = []
    number = _FIRST_NUMBER + after
    while len(found) < count:
        number += 1
        for digit in range(10):
            try:
                found.append(NhsNumber(f"{number}{digit}"))
            except MalformedIdentifierError:
                continue
    return found


def area_of(member: str) -> str:
    """Where a member acts."""
    return WESTMORLAND if member == "westmorland" else CUMBERLAND


@dataclass(slots=True)
class Journal:
    """The authors' own record, one line a fact, on disk before the next thing is done.

    ``planned`` before ``publish`` is called, ``accepted`` after it has returned: only what was accepted must arrive.
    """

    path: Path
    planned: dict[str, Document] = field(default_factory=dict)
    author: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    """What an event is to the board: ``matter`` (must be in the trail) or ``routine`` (must leave nothing)."""
    accepted: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    acted: set[str] = field(default_factory=set)
    """Handovers and what a front door's person has done with them."""

    @classmethod
    def read(cls, path: Path) -> "Journal":
        """What was written so far; a last line that a kill cut short is no fact."""
        journal = cls(path)
        if path.exists():
            for line in _whole_lines(path):
                journal._take(json.loads(line))
        return journal

    def plan(self, author: str, about: str, document: Document) -> None:
        """An author is about to publish this."""
        self._write({"planned": document, "author": author, "about": about})

    def accept(self, event_id: str, author: str | None = None) -> None:
        """``publish`` has returned; a person's act is known only from here on, so it names its author."""
        self._write({"accepted": event_id} | ({"author": author} if author else {}))

    def act(self, deed: str) -> None:
        """A person has done this."""
        self._write({"acted": deed})

    def _write(self, fact: dict[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(fact).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(fact)

    def _take(self, fact: dict[str, Any]) -> None:
        match fact:
            case {"planned": document, "author": author, "about": about}:
                self.planned[document["id"]] = document
                self.author[document["id"]] = author
                self.about[document["id"]] = about
                if document["type"] == "move.notified":
                    self.moved.add(document["subject"]["nhs_number"])
            case {"accepted": event_id, **rest}:
                self.accepted.add(event_id)
                if "author" in rest:
                    self.author[event_id], self.about[event_id] = rest["author"], "matter"
            case {"acted": deed}:
                self.acted.add(deed)


def _whole_lines(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    whole, _, rest = data.rpartition(b"\n")
    if rest:
        path.write_bytes(whole + b"\n" if whole else b"")
    yield from (line for line in whole.split(b"\n") if line)
