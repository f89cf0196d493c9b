"""Orders and grants: how a front door hands a child's history to somebody who must now have it.

An order is the router's signed instruction; a grant is the front door's signed answer, one original event with
its part keys sealed anew; a refusal says why not. Shape only: ``broker.crypto`` signs and seals.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Final

from schemas import canonical
from schemas.envelope import HASH_BYTES, ID_BYTES, Wrap
from schemas.reading import listed, number_of, octets, rows, text, whole, yes_or_no

MAX_ORDERED: Final = 10_000
"""Events in one order; a longer history is several orders. Twice as many would be more than one message carries."""
ORDERED_AT_ONCE: Final = 1_000
"""Events in one order as the router gives it: a long history is many orders, each small for whoever reads it."""
MAX_FAULTY: Final = 500
"""Items in one refusal by a reader; more are several refusals."""
SENT_AGAIN_MOST: Final = 3
"""How often an item that a reader refuses is asked for again; refused once more, it is a person's to see to."""


class OrderKind(IntEnum):
    """Why a front door is asked to grant."""

    COMPLETE_READERS = 1
    SENSITIVE = 2
    HANDOVER = 3
    COUNTERPART = 4
    SUBSTITUTE = 5


@dataclass(frozen=True, slots=True)
class Order:
    """The router's signed instruction to ``grantor`` to grant ``events`` to ``reader``.

    ``evidence`` is the event that the order rests on (one evidence event serves one order, once); ``basis`` the
    author-signed evidence itself, as COSE bytes of its manifest, so that the grantor can check it alone.
    ``child`` is the grantor's own handle. ``events`` lists (event id, SHA-256 of the signed manifest).
    """

    LABEL: ClassVar[str] = "handrail-order"

    order_id: bytes
    kind: OrderKind
    grantor: str
    reader: str
    child: bytes
    handover: bytes | None
    evidence: bytes
    events: tuple[tuple[bytes, bytes], ...]
    issued_ms: int
    expires_ms: int

    def to_bytes(self) -> bytes:
        """The exact bytes that the router signs."""
        return canonical.encode(
            [
                self.order_id,
                int(self.kind),
                self.grantor,
                self.reader,
                self.child,
                self.handover,
                self.evidence,
                [[event, digest] for event, digest in self.events],
                self.issued_ms,
                self.expires_ms,
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Order":
        """Read an order; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 10, "order")
        return cls(
            octets(row[0], ID_BYTES, "order id"),
            number_of(OrderKind, row[1], "order kind"),
            text(row[2], "grantor"),
            text(row[3], "reader"),
            octets(row[4], ID_BYTES, "child"),
            None if row[5] is None else octets(row[5], ID_BYTES, "handover"),
            octets(row[6], ID_BYTES, "evidence"),
            tuple(
                (octets(event, ID_BYTES, "event"), octets(digest, HASH_BYTES, "manifest hash"))
                for event, digest in (
                    rows(item, 2, "event") for item in listed(row[7], MAX_ORDERED, "events")
                )
            ),
            whole(row[8], "issued"),
            whole(row[9], "expires"),
        )


@dataclass(frozen=True, slots=True)
class GrantedPart:
    """One part of an original event: its ciphertext, and its key sealed anew to the new reader."""

    index: int
    ciphertext: bytes
    wrap: Wrap

    def to_value(self) -> list[Any]:
        """The part as canonical values."""
        return [self.index, self.ciphertext, self.wrap.to_value()]

    @classmethod
    def from_value(cls, value: Any) -> "GrantedPart":
        """Read a granted part; raises MalformedMessageError."""
        index, ciphertext, wrap = rows(value, 3, "granted part")
        return cls(whole(index, "index"), octets(ciphertext, None, "ciphertext"), Wrap.from_value(wrap))


@dataclass(frozen=True, slots=True)
class Grant:
    """One original event handed to a new reader under an order: the author's own signed bytes, and new wraps.

    ``sequence`` of ``total`` counts the grants of the order; ``taken_ms`` and ``position`` are the original
    delivery's router time and its place in the grantor's order for the child, so that history keeps its order.
    """

    LABEL: ClassVar[str] = "handrail-grant"

    order_id: bytes
    grantor: str
    reader: str
    event_id: bytes
    sequence: int
    total: int
    position: int
    taken_ms: int
    signed: bytes
    parts: tuple[GrantedPart, ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that the grantor signs."""
        return canonical.encode(
            [
                self.order_id,
                self.grantor,
                self.reader,
                self.event_id,
                self.sequence,
                self.total,
                self.position,
                self.taken_ms,
                self.signed,
                [part.to_value() for part in self.parts],
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Grant":
        """Read a grant; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 10, "grant")
        return cls(
            octets(row[0], ID_BYTES, "order id"),
            text(row[1], "grantor"),
            text(row[2], "reader"),
            octets(row[3], ID_BYTES, "event id"),
            whole(row[4], "sequence"),
            whole(row[5], "total"),
            whole(row[6], "position"),
            whole(row[7], "taken"),
            octets(row[8], None, "signed manifest"),
            tuple(GrantedPart.from_value(part) for part in listed(row[9], 64, "parts")),
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A front door's answer to an order that it will not carry out, with the reason's code.

    ``items`` lists exactly what stays, each event with its own code, where the rest was granted; none: all of it stays.
    """

    LABEL: ClassVar[str] = "handrail-refusal"

    order_id: bytes
    grantor: str
    reason: str
    at_ms: int
    items: tuple[tuple[bytes, str], ...] = ()

    def to_bytes(self) -> bytes:
        """The exact bytes that the grantor signs."""
        items = [[event, code] for event, code in self.items]
        return canonical.encode([self.order_id, self.grantor, self.reason, self.at_ms, items])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Refusal":
        """Read a refusal; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 5, "refusal")
        return cls(
            octets(row[0], ID_BYTES, "order id"),
            text(row[1], "grantor"),
            text(row[2], "reason"),
            whole(row[3], "at"),
            tuple(
                (octets(event, ID_BYTES, "event"), text(code, "code"))
                for event, code in (rows(item, 2, "item") for item in listed(row[4], MAX_ORDERED, "items"))
            ),
        )


class Fault(StrEnum):
    """What is wrong with an item that a reader was granted, or should have been. No word of what is in it."""

    MISSING = "missing"
    """Ordered, the grantor has answered, and it has not come."""
    ALTERED = "altered"
    """Came under its name, and is not what its author signed, or cannot be opened with the key that came with it."""
    FOREIGN = "foreign"
    """Came, and is not what was ordered: another event, or of another order."""
    REPLAYED = "replayed"
    """What had come before came again in its place, or beside it."""
    HERE = "here"
    """It had been refused, and has come now as it should be."""


@dataclass(frozen=True, slots=True)
class FaultyItem:
    """One item. ``times``: how often the reader has said so of it by now; ``wanted``: it is not here, and must come."""

    event_id: bytes
    fault: Fault
    times: int
    wanted: bool

    def to_value(self) -> list[Any]:
        """The item as canonical values."""
        return [self.event_id, self.fault.value, self.times, self.wanted]

    @classmethod
    def from_value(cls, value: Any) -> "FaultyItem":
        """Read an item; raises MalformedMessageError."""
        event, fault, times, wanted = rows(value, 4, "item")
        return cls(
            octets(event, ID_BYTES, "event"),
            number_of(Fault, fault, "fault"),
            whole(times, "times"),
            yes_or_no(wanted, "wanted"),
        )


@dataclass(frozen=True, slots=True)
class Faulty:
    """A reader's refusal of exactly these items of one order; what else came under it is taken."""

    LABEL: ClassVar[str] = "handrail-faulty"

    order_id: bytes
    reader: str
    at_ms: int
    items: tuple[FaultyItem, ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that the reader signs."""
        items = [one.to_value() for one in self.items]
        return canonical.encode([self.order_id, self.reader, self.at_ms, items])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Faulty":
        """Read a refusal of items; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 4, "refusal of items")
        return cls(
            octets(row[0], ID_BYTES, "order id"),
            text(row[1], "reader"),
            whole(row[2], "at"),
            tuple(FaultyItem.from_value(item) for item in listed(row[3], MAX_FAULTY, "items")),
        )
