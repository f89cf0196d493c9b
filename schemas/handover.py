"""What the router tells both front doors at each change of a handover: the same facts, in the same words."""

from dataclasses import dataclass
from typing import Final

from schemas import canonical
from schemas.deadlines import Moment
from schemas.envelope import ID_BYTES
from schemas.reading import listed, octets, optional_text, rows, text, whole, yes_or_no


@dataclass(frozen=True, slots=True)
class Due:
    """One thing owed: what, by which member, until when, by which rule; ``late`` once it has fired unmet."""

    kind: str
    owner: str
    due_ms: int
    reason: str
    met_ms: int
    late: bool


WITHHELD: Final = "withheld"
"""Stands for the area of the safety duty in whatever is told to areas that must not know where the child is (P7)."""


@dataclass(frozen=True, slots=True)
class HandoverView:
    """A handover as both sides see it. ``holder`` and ``safety`` are the two facts of P5.

    ``granted`` of ``expected`` events of the history are on their way to the new side.
    """

    handover: bytes
    kind: str
    state: str
    from_area: str
    to_area: str
    holder: str
    safety: str
    urgency: int
    opened_ms: int
    changed_ms: int
    verified: bool
    granted: int
    expected: int
    due: tuple[Due, ...]
    reason: str | None = None
    moments: tuple[tuple[str, int], ...] = ()
    """Which of the six moments have come, each as the router saw it, in their order."""
    evidence: bytes = bytes(ID_BYTES)
    """The event that the handover rests on."""
    keeping: str = "none"
    """What becomes of a history that was let go for a case that did not pass."""

    def to_bytes(self) -> bytes:
        """The canonical bytes, covered by the router's note."""
        return canonical.encode(
            [
                self.handover,
                self.kind,
                self.state,
                self.from_area,
                self.to_area,
                self.holder,
                self.safety,
                self.urgency,
                self.opened_ms,
                self.changed_ms,
                self.verified,
                self.granted,
                self.expected,
                [[due.kind, due.owner, due.due_ms, due.reason, due.met_ms, due.late] for due in self.due],
                self.reason,
                [list(moment) for moment in self.moments],
                self.evidence,
                self.keeping,
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "HandoverView":
        """Read a view; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 18, "handover")
        return cls(
            handover=octets(row[0], ID_BYTES, "handover"),
            kind=text(row[1], "kind"),
            state=text(row[2], "state"),
            from_area=text(row[3], "from"),
            to_area=text(row[4], "to"),
            holder=text(row[5], "holder"),
            safety=text(row[6], "safety"),
            urgency=whole(row[7], "urgency"),
            opened_ms=whole(row[8], "opened"),
            changed_ms=whole(row[9], "changed"),
            verified=yes_or_no(row[10], "verified"),
            granted=whole(row[11], "granted"),
            expected=whole(row[12], "expected"),
            due=tuple(_due(item) for item in listed(row[13], 32, "due")),
            reason=optional_text(row[14], "reason"),
            moments=tuple(_moment(item) for item in listed(row[15], len(Moment), "moments")),
            evidence=octets(row[16], ID_BYTES, "evidence"),
            keeping=text(row[17], "keeping"),
        )


def _moment(value: object) -> tuple[str, int]:
    name, at_ms = rows(value, 2, "moment")
    return text(name, "moment"), whole(at_ms, "moment")


def _due(value: object) -> Due:
    kind, owner, due_ms, reason, met_ms, late = rows(value, 6, "due")
    return Due(
        text(kind, "kind"),
        text(owner, "owner"),
        whole(due_ms, "due"),
        text(reason, "reason"),
        whole(met_ms, "met"),
        yes_or_no(late, "late"),
    )
