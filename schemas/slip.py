"""The board slip: the few facts about an event that its safeguarding boards may read, and nothing of its content.

The author's gateway seals it to the boards of the areas concerned (``broker.crypto.slips``); the audit entry
carries it, blind. ``case_ref`` is a front door's own case reference, so that a board can ask by it.
"""

from dataclasses import dataclass

from schemas import canonical
from schemas.reading import optional_text, rows, text, whole


@dataclass(frozen=True, slots=True)
class BoardSlip:
    """What kind of thing was shared, why, and when it happened. Times are milliseconds since 1970, UTC."""

    event_type: str
    purpose: str
    basis: str
    occurred_ms: int
    recorded_ms: int
    case_ref: str | None = None

    def to_bytes(self) -> bytes:
        """The bytes that are sealed to the board."""
        return canonical.encode(
            [self.event_type, self.purpose, self.basis, self.occurred_ms, self.recorded_ms, self.case_ref]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "BoardSlip":
        """Read a slip; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 6, "slip")
        return cls(
            text(row[0], "type"),
            text(row[1], "purpose"),
            text(row[2], "basis"),
            whole(row[3], "occurred"),
            whole(row[4], "recorded"),
            optional_text(row[5], "case reference"),
        )
