"""What a mapping hands back, the same for every format: events with an account of every value, or the reasons why not.

Nothing here repeats what was in the message: reasons and remarks name places, never names, numbers or addresses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.events.base import Event


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a message something stands."""

    path: str
    """Such as ``Bundle.entry[3].resource.Patient.address[0].postalCode``; empty for the message as a whole."""
    line: int | None = None
    """Line in the file, counted from 1, where the reader knows it."""

    def __str__(self) -> str:
        where = self.path or "the message"
        return f"{where} (line {self.line})" if self.line else where


WHOLE = Place("")
"""The message as a whole."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message was refused: one thing, its place, and what the sender should do."""

    code: str
    """Stable; the same word for the same fault in every message."""
    place: Place
    why: str
    advice: str

    def __str__(self) -> str:
        return f"{self.code} at {self.place}: {self.why} {self.advice}"


@dataclass(frozen=True, slots=True)
class Remark:
    """One value that is not in the events, or something a person should know about those that are."""

    code: str
    place: Place
    why: str

    def __str__(self) -> str:
        return f"{self.code} at {self.place}: {self.why}"


@dataclass(frozen=True, slots=True)
class Report:
    """The account of every value of a mapped message: mapped + ignored + unmapped = values."""

    format: str
    message_id: str
    message_type: str
    lifecycle: str
    values: int
    """How many values the message has."""
    mapped: int
    ignored: Mapping[str, int]
    """Values left out by a standing rule, counted by rule; the rule is a sentence."""
    unmapped: tuple[Remark, ...]
    """Values that have no place in the events, each with its place and reason."""
    notes: tuple[Remark, ...]
    """What a person should know: doubts, contradictions, numbers not used."""
    sensitive: bool = False
    """The message is marked as restricted: no address, organisation or contact left it, only area codes."""
    same_address: bool = False
    """Old and new address are the same place in two spellings: no move."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "format": self.format,
            "message_id": self.message_id,
            "message_type": self.message_type,
            "lifecycle": self.lifecycle,
            "values": self.values,
            "mapped": self.mapped,
            "ignored": dict(self.ignored),
            "unmapped": [_placed(remark) for remark in self.unmapped],
            "notes": [_placed(remark) for remark in self.notes],
            "sensitive": self.sensitive,
            "same_address": self.same_address,
        }


@dataclass(frozen=True, slots=True)
class Mapped:
    """The message was understood. ``events`` may be empty where the message says nothing that needs one."""

    events: tuple[Event, ...]
    report: Report


@dataclass(frozen=True, slots=True)
class Refused:
    """The message was not understood, or must not be believed. Nothing of it may be published."""

    reasons: tuple[Reason, ...]
    """Never empty."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"reasons": [_placed(reason) | {"advice": reason.advice} for reason in self.reasons]}

    def has(self, code: str) -> bool:
        """Whether this is one of the reasons."""
        return any(reason.code == code for reason in self.reasons)


def _placed(said: Reason | Remark) -> dict[str, Any]:
    return {"code": said.code, "path": said.place.path, "line": said.place.line, "why": said.why}
