"""The board slip: the few facts about an event that its safeguarding boards may read, and nothing of its content.

The author's gateway seals it to the boards of the areas concerned (``broker.crypto.slips``); the audit entry
carries it, blind. ``case_ref`` is a front door's own case reference, so that a board can ask by it.
"""

import re
from dataclasses import dataclass
from typing import Final

from schemas import canonical
from schemas.reading import MalformedMessageError, optional_text, rows, text, whole

CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
"""What a kind and a reason look like: no free text fits."""
_WITH_CODE: Final = 7


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

    def to_bytes(self) -> bytes:
        """The bytes that are sealed to the board. Without a code there is no seventh item."""
        said = [self.event_type, self.purpose, self.basis, self.occurred_ms, self.recorded_ms, self.case_ref]
        return canonical.encode(said if self.code is None else [*said, self.code])

    @classmethod
    def from_bytes(cls, data: bytes) -> "BoardSlip":
        """Read a slip; raises NotCanonicalError or MalformedMessageError."""
        value = canonical.decode(data)
        coded = isinstance(value, list) and len(value) == _WITH_CODE
        row = rows(value, _WITH_CODE if coded else 6, "slip")
        code = text(row[6], "code") if coded else None
        if code is not None and not CODE.fullmatch(code):
            raise MalformedMessageError("slip: the code is none")
        return cls(
            text(row[0], "type"),
            text(row[1], "purpose"),
            text(row[2], "basis"),
            whole(row[3], "occurred"),
            whole(row[4], "recorded"),
            optional_text(row[5], "case reference"),
            code,
        )


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
