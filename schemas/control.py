"""What router and gateways say to each other about events: notes, actions, receipts, slip keys.

Every class here writes itself to canonical values and reads itself back, refusing any other shape. Signatures
are put around the bytes by ``broker.crypto.signing`` with a label of their own for each kind.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from schemas import canonical
from schemas.deadlines import RUNGS, SEEN
from schemas.envelope import HASH_BYTES, ID_BYTES
from schemas.reading import (
    MalformedMessageError,
    listed,
    number_of,
    octets,
    optional_text,
    rows,
    text,
    whole,
    yes_or_no,
)
from schemas.wire import InKind, ReceiptKind

MAX_BATCH = 2_000


class ActionKind(StrEnum):
    """What an event may ask the router to do, in its ACTION field; the event's own parts say it to people."""

    LINK = "link"
    UNLINK = "unlink"
    INVOLVE = "involve"
    """A front door confirms that a member is involved with the child."""
    UNINVOLVE = "uninvolve"
    RELEASE = "release"
    ACCEPT = "accept"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    VERIFY = "verify"
    """The new front door has checked the whole bundle."""
    CONFERENCE_HELD = "conference-held"
    CONTEST = "contest"
    """The old area says that an acceptance on the new one's word alone is wrong."""
    SIGHTED = "sighted"
    """A missing child was seen: for the finding area's front door alone; nobody else is told, or granted it."""
    SEEN = "seen"
    """A person there lets those who look for the child hear that it was seen; ``reason`` says whether it is safe."""
    REVIEW = "review"
    """A person looks again at an order that was refused: ``handover`` is the order's id, ``reason`` what was decided."""
    BREAK_GLASS = "break-glass"
    """The new area takes the history of a child at risk without a release; ``reason`` is a code."""
    PROTECT = "protect"
    """A marker of domestic abuse: where the child goes is withheld until a person says otherwise."""
    UNPROTECT = "unprotect"
    """A person of the protecting area says so."""
    ASK = "ask"
    """The old area says on what terms the child is in the new one, by ``reason``: the case passes, or it is a stay."""
    RETURN_OR_RETAIN = "return-or-retain"
    """What the area that read the history does with it now that the case did not pass; ``reason`` says which."""


ASK_NOW: Final = "ask-now"
"""``reason`` of an ACCEPT by which a person has the side that was left asked before the hold is over."""


@dataclass(frozen=True, slots=True)
class Action:
    """One request to the router. ``handover`` for the handover verbs, ``member`` for involvement, ``reason`` a code.

    For LINK and UNLINK the event's TOKENS are the identifiers concerned; ``reason`` is the evidence class.
    ``conference`` on ACCEPT: a protection plan, so the handover closes only when the conference has been held.
    """

    kind: ActionKind
    handover: bytes | None = None
    member: str | None = None
    reason: str | None = None
    conference: bool = False

    def to_value(self) -> list[Any]:
        """The action as canonical values, for ``RoutingFacts.action``."""
        return [self.kind.value, self.handover, self.member, self.reason, self.conference]

    @classmethod
    def from_value(cls, value: Any) -> "Action | None":
        """Read an action; None where the event asks nothing. Raises MalformedMessageError."""
        if value is None:
            return None
        kind, handover, member, reason, conference = rows(value, 5, "action")
        return cls(
            number_of(ActionKind, kind, "action"),
            None if handover is None else octets(handover, ID_BYTES, "handover"),
            optional_text(member, "member"),
            optional_text(reason, "reason"),
            yes_or_no(conference, "conference"),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """The router's signed word on one delivery: its place in the reader's order, and what it covers.

    ``number`` counts a reader's deliveries from 1 without gaps. ``previous`` is the number of the delivery about
    the same child that this reader got before, 0 if none. ``child`` is a handle that only this reader sees for
    this child (None for routine events about a child without an open matter). ``taken_ms`` is the router's commit;
    ``late`` that the author's claim was older than the lane allows; ``skewed`` that its clock was > 5 minutes off.
    """

    LABEL: ClassVar[str] = "handrail-note"

    reader: str
    number: int
    previous: int
    child: bytes | None
    kind: InKind
    message_id: bytes
    author: str
    body_hash: bytes
    taken_ms: int
    late: bool = False
    skewed: bool = False

    def to_bytes(self) -> bytes:
        """The exact bytes that the router signs."""
        return canonical.encode(
            [
                self.reader,
                self.number,
                self.previous,
                self.child,
                int(self.kind),
                self.message_id,
                self.author,
                self.body_hash,
                self.taken_ms,
                self.late,
                self.skewed,
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Note":
        """Read a note; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 11, "note")
        return cls(
            text(row[0], "reader"),
            whole(row[1], "number"),
            whole(row[2], "previous"),
            None if row[3] is None else octets(row[3], ID_BYTES, "child"),
            number_of(InKind, row[4], "kind"),
            octets(row[5], ID_BYTES, "message id"),
            text(row[6], "author"),
            octets(row[7], HASH_BYTES, "body hash"),
            whole(row[8], "taken"),
            yes_or_no(row[9], "late"),
            yes_or_no(row[10], "skewed"),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """One fact about one delivery: what happened, to which message of which author, when, in which role.

    The author is named because the router keeps no row of routine events and could not know it (P12).
    """

    kind: ReceiptKind
    message_id: bytes
    author: str
    number: int
    at_ms: int
    role: str | None = None

    def to_value(self) -> list[Any]:
        """The receipt as canonical values."""
        return [int(self.kind), self.message_id, self.author, self.number, self.at_ms, self.role]

    @classmethod
    def from_value(cls, value: Any) -> "Receipt":
        """Read a receipt; raises MalformedMessageError."""
        row = rows(value, 6, "receipt")
        return cls(
            number_of(ReceiptKind, row[0], "receipt"),
            octets(row[1], ID_BYTES, "message id"),
            text(row[2], "author"),
            whole(row[3], "number"),
            whole(row[4], "at"),
            optional_text(row[5], "role"),
        )


@dataclass(frozen=True, slots=True)
class Receipts:
    """A batch of one member's receipts, signed once. ``sequence`` counts the member's batches without gaps."""

    LABEL: ClassVar[str] = "handrail-receipts"

    member: str
    sequence: int
    receipts: tuple[Receipt, ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that the member signs."""
        return canonical.encode(
            [self.member, self.sequence, [receipt.to_value() for receipt in self.receipts]]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Receipts":
        """Read a batch; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 3, "receipts")
        return cls(
            text(row[0], "member"),
            whole(row[1], "sequence"),
            tuple(Receipt.from_value(item) for item in listed(row[2], MAX_BATCH, "receipts")),
        )


@dataclass(frozen=True, slots=True)
class SlipKey:
    """A slip key of one author for one board and month, sealed to the board."""

    LABEL: ClassVar[str] = "handrail-slip-key"

    author: str
    board: str
    key_ref: bytes
    board_key_id: str
    sealed: bytes

    def to_bytes(self) -> bytes:
        """The exact bytes that the author signs."""
        return canonical.encode([self.author, self.board, self.key_ref, self.board_key_id, self.sealed])

    @classmethod
    def from_bytes(cls, data: bytes) -> "SlipKey":
        """Read a slip key; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 5, "slip key")
        return cls(
            text(row[0], "author"),
            text(row[1], "board"),
            octets(row[2], ID_BYTES, "key reference"),
            text(row[3], "key id"),
            octets(row[4], None, "sealed"),
        )


@dataclass(frozen=True, slots=True)
class Resend:
    """Delivery numbers that a reader has a gap for."""

    LABEL: ClassVar[str] = "handrail-resend"

    member: str
    numbers: tuple[int, ...]
    at_ms: int

    def to_bytes(self) -> bytes:
        """The exact bytes that the member signs."""
        return canonical.encode([self.member, list(self.numbers), self.at_ms])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Resend":
        """Read a request; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 3, "resend")
        return cls(
            text(row[0], "member"),
            tuple(whole(number, "number") for number in listed(row[1], MAX_BATCH, "numbers")),
            whole(row[2], "at"),
        )


@dataclass(frozen=True, slots=True)
class NoticeSent:
    """A member's gateway has told a person of something owed, or one has seen it. Who is not said, but on which rung.

    ``about`` is a handover or an order; ``due_ms`` tells one deadline from the next for the same thing.
    """

    LABEL: ClassVar[str] = "handrail-notice-sent"

    member: str
    about: bytes
    owed: str
    due_ms: int
    rung: str
    at_ms: int

    def to_bytes(self) -> bytes:
        """The exact bytes that the member signs."""
        return canonical.encode([self.member, self.about, self.owed, self.due_ms, self.rung, self.at_ms])

    @classmethod
    def from_bytes(cls, data: bytes) -> "NoticeSent":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 6, "notice sent")
        rung = text(row[4], "rung")
        if rung not in {*RUNGS, SEEN}:
            raise MalformedMessageError("rung: no such rung")
        return cls(
            text(row[0], "member"),
            octets(row[1], ID_BYTES, "about"),
            text(row[2], "owed"),
            whole(row[3], "due"),
            rung,
            whole(row[5], "at"),
        )


@dataclass(frozen=True, slots=True)
class Obligation:
    """A member's word on something owed about an event that it wrote or was given. Its boards alone read what it is.

    ``id`` is of this word, ``ref`` of the obligation: the newest word counts. ``slips`` are pairs of board and
    ``ObligationSlip``, sealed as an event's slip is, with ``id`` in the place of the event's.
    """

    LABEL: ClassVar[str] = "handrail-obligation"
    MOST_BOARDS: ClassVar[int] = 20

    member: str
    id: bytes
    ref: bytes
    event: bytes
    slips: tuple[tuple[str, bytes], ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that the member signs."""
        slips = [[board, slip] for board, slip in self.slips]
        return canonical.encode([self.member, self.id, self.ref, self.event, slips])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Obligation":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 5, "obligation")
        pairs = [rows(item, 2, "slip") for item in listed(row[4], cls.MOST_BOARDS, "slips")]
        return cls(
            text(row[0], "member"),
            octets(row[1], ID_BYTES, "id"),
            octets(row[2], ID_BYTES, "ref"),
            octets(row[3], ID_BYTES, "event"),
            tuple((text(board, "board"), octets(slip, None, "slip")) for board, slip in pairs),
        )


def frame(version: int, *items: Any) -> bytes:
    """The outermost bytes on the bus: ``[version, ...items]``."""
    return canonical.encode([version, *items])


def unframe(data: bytes, count: int, version: int) -> list[Any]:
    """The items of a frame; raises NotCanonicalError or MalformedMessageError (also for another version)."""
    value = canonical.decode(data)
    if not isinstance(value, list) or len(value) != count + 1:
        raise MalformedMessageError(f"frame: expected {count + 1} items")
    if whole(value[0], "version") != version:
        raise MalformedMessageError(f"protocol version {value[0]!r} is not {version}")
    return value[1:]
