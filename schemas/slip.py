"""The board slip: the few facts about an event that its safeguarding boards may read, and nothing of its content.

The author's gateway seals it to the boards of the areas concerned (``broker.crypto.slips``); the audit entry
carries it, blind. ``case_ref`` is a front door's own case reference, so that a board can ask by it.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

from schemas import canonical
from schemas.bands import Bands
from schemas.reading import MalformedMessageError, listed, number_of, optional_text, rows, text, whole

CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
"""What a kind and a reason look like: no free text fits."""
_LEAST: Final = 6
_WITH_CODE: Final = 7
_WITH_INFORMED: Final = 8
_WITH_BANDS: Final = 9


class Whom(IntEnum):
    """Who may be told of a sharing, by role alone; in numbers, so that the length of a slip tells nothing."""

    CHILD = 1
    PARENT = 2
    """Both parents count as one."""
    OTHER_ADULT = 3


class Heard(IntEnum):
    """What became of telling them."""

    TOLD = 1
    NOT_TOLD = 2
    """At least one of them was not. Why stands in the event."""
    OBJECTED = 3
    """At least one of them had something against it. What stands in the event."""


Informed: TypeAlias = tuple[tuple[Whom, Heard], ...]
"""Each of them once, in the order of ``Whom``; of whom the author says nothing, nothing."""


@dataclass(frozen=True, slots=True)
class BoardSlip:
    """What kind of thing was shared, why, and when it happened. Times are milliseconds since 1970, UTC."""

    event_type: str
    purpose: str
    basis: str
    occurred_ms: int
    recorded_ms: int
    case_ref: str | None = None
    code: str | None = None
    """Why a case was closed, by the census's code, such as ``RC5``; never text."""
    informed: Informed = ()
    """Who was told of the sharing, and who objected, as far as its author says."""
    bands: Bands | None = None
    """Of the child's characteristics. None: the policy lets boards hold none, or the author is no front door."""

    def to_bytes(self) -> bytes:
        """The bytes that are sealed to the board. What it does not say at its end is not there: no item, or some."""
        said = [self.event_type, self.purpose, self.basis, self.occurred_ms, self.recorded_ms, self.case_ref]
        informed = [[int(whom), int(heard)] for whom, heard in self.informed]
        if self.bands is not None:
            said += [self.code, informed, self.bands.to_value()]
        elif informed:
            said += [self.code, informed]
        elif self.code is not None:
            said.append(self.code)
        return canonical.encode(said)

    @classmethod
    def from_bytes(cls, data: bytes) -> "BoardSlip":
        """Read a slip; raises NotCanonicalError or MalformedMessageError."""
        value = canonical.decode(data)
        length = len(value) if isinstance(value, list) else 0
        row = rows(value, min(max(length, _LEAST), _WITH_BANDS), "slip")
        code = None if length < _WITH_CODE else optional_text(row[6], "code")
        # One value has one spelling: an item that says nothing is not there.
        if (length == _WITH_CODE and code is None) or (code is not None and not CODE.fullmatch(code)):
            raise MalformedMessageError("slip: the code is none")
        return cls(
            text(row[0], "type"),
            text(row[1], "purpose"),
            text(row[2], "basis"),
            whole(row[3], "occurred"),
            whole(row[4], "recorded"),
            optional_text(row[5], "case reference"),
            code,
            _informed(row[7], none=length == _WITH_BANDS) if length >= _WITH_INFORMED else (),
            Bands.read(row[8]) if length == _WITH_BANDS else None,
        )


def _informed(value: Any, *, none: bool) -> Informed:
    """``none``: the list may be empty, since something stands after it."""
    pairs = [rows(pair, 2, "informed") for pair in listed(value, len(Whom), "informed")]
    found = tuple((number_of(Whom, whom, "whom"), number_of(Heard, heard, "heard")) for whom, heard in pairs)
    if not (found or none) or [whom for whom, _ in found] != sorted({whom for whom, _ in found}):
        raise MalformedMessageError("slip: those informed are given each once, in order")
    return found


@dataclass(frozen=True, slots=True)
class ObligationSlip:
    """What a board may know of something owed: which clock, when it began, is due and was met, and a reason's code.

    Times are milliseconds since 1970, UTC. ``reason`` is a code, such as the census's for a closure; never text.
    """

    kind: str
    opened_ms: int
    due_ms: int
    met_ms: int | None = None
    reason: str | None = None

    def to_bytes(self) -> bytes:
        """The bytes that are sealed to the board. Of another shape than an event's slip: neither passes for the other."""
        return canonical.encode(["owed", self.kind, self.opened_ms, self.due_ms, self.met_ms, self.reason])

    @classmethod
    def from_bytes(cls, data: bytes) -> "ObligationSlip":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 6, "obligation")
        if row[0] != "owed":
            raise MalformedMessageError("obligation: not one")
        reason = optional_text(row[5], "reason")
        kind = text(row[1], "kind")
        if not CODE.fullmatch(kind) or (reason is not None and not CODE.fullmatch(reason)):
            raise MalformedMessageError("obligation: kind and reason are codes")
        return cls(
            kind,
            whole(row[2], "opened"),
            whole(row[3], "due"),
            None if row[4] is None else whole(row[4], "met"),
            reason,
        )
