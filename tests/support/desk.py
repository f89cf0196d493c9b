"""A router without a bus: real store, keys, seals and signatures, and a clock that the test owns.

Everything goes through ``Batch.take`` and ``Batch.tick``, as in the service; what the bus would carry away is read
here with the readers' own eyes: each note's signature, number and body hash are checked whenever an inbox is opened.
"""

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from broker.bus.subjects import OutSubject, partition_of
from broker.clock import to_ms
from broker.crypto.keys import KemPublic, SigningKey
from broker.crypto.seal import Draft, DraftPart, Sealed, seal_event
from broker.crypto.signing import sign, verify
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch, BatchResult, Outcome
from broker.store.router.intake import QuarantineRow
from broker.store.router.outgoing import InboxRow
from broker.store.router.store import RouterStore
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.codes.members import MemberKind
from schemas.control import Action, Note, Receipt, Receipts
from schemas.directory import AreaEntry
from schemas.facts import RoutingFacts
from schemas.handover import HandoverView
from schemas.ids import EventId, GssCode
from schemas.orders import Grant, Order, Refusal
from schemas.wire import (
    PROTOCOL_VERSION,
    ChainLink,
    EventClass,
    InKind,
    Lane,
    MatterEffect,
    OutKind,
    PartKind,
    ReceiptKind,
    Token,
    Urgency,
)
from tests.support.directory import AREAS, CUMBERLAND, NOW, WESTMORLAND, Seat, World, a_directory, a_seat

NORTHUMBERLAND: Final = GssCode("E06000057")
LEEDS: Final = GssCode("E08000035")
"""An area whose front door is no member."""
KNOWN_AREAS: Final = frozenset({CUMBERLAND, WESTMORLAND, NORTHUMBERLAND, LEEDS})
CHILD: Final = Token(1, bytes([0xC1]) * 16)
PUPIL: Final = Token(1, bytes([0xE9]) * 16)
STRANGER: Final = Token(1, bytes([0x5A]) * 16)
OLD: Final = "cumberland"
NEW: Final = "westmorland"
THIRD: Final = "northumberland"


def a_wide_directory() -> World:
    """``a_directory()`` with a third front door, ``northumberland``, where health and police work too."""
    world = a_directory()
    since = NOW - timedelta(hours=1)
    third = a_seat(
        MemberKind.SOCIAL_CARE, (NORTHUMBERLAND,), now=since, seed=77, name="Example northumberland"
    )
    world = world.having(
        areas=(*world.directory.areas, AreaEntry(gss=NORTHUMBERLAND, name="Example third area")),
        members=(*world.directory.members, third.member),
    )
    world = World(
        world.directory,
        {**world.seats, THIRD: third},
        world.router_sign,
        world.router_kem,
        world.roots,
        world.token_secret,
    )
    for name in ("health", "police"):
        world = world.having_member(name, areas=(*AREAS, NORTHUMBERLAND))
    return world


@dataclass(frozen=True, slots=True)
class Posted:
    """One message as a gateway would put it on its OUT subject."""

    subject: OutSubject
    data: bytes
    event_id: bytes = b""
    sealed: Sealed | None = None

    @property
    def item(self) -> tuple[OutSubject | None, bytes]:
        """What ``Batch.take`` is given."""
        return self.subject, self.data


@dataclass(frozen=True, slots=True)
class Got:
    """One delivery, its note checked."""

    note: Note
    body: bytes

    def handover(self) -> HandoverView:
        """The body as a handover view."""
        return HandoverView.from_bytes(self.body)


@dataclass(slots=True)
class RouterDesk:
    """The router, and what a test asks of it. ``now`` is the only clock."""

    world: World
    path: Path
    now: datetime = NOW
    seed: int = 7
    chains: dict[tuple[str, Lane], tuple[int, bytes]] = field(default_factory=dict)
    store: RouterStore = field(init=False)
    batch: Batch = field(init=False)
    _noise: random.Random = field(init=False)
    _inboxes: dict[str, list[bytes]] = field(default_factory=dict)
    _log: list[bytes] = field(default_factory=list)
    _bus: int = 0

    def __post_init__(self) -> None:
        self._noise = random.Random(self.seed)
        self.restart()

    def restart(self) -> None:
        """Open the same file anew, as after a crash."""
        if hasattr(self, "store"):
            self.store.close()
        self.store = RouterStore(self.path / "router.db")
        self.batch = Batch(
            store=self.store,
            keys=RouterKeys(self.world.router_sign, b"h" * 32),
            routing_keys={self.world.router_kem.key_id: self.world.router_kem},
            is_area=KNOWN_AREAS.__contains__,
            entropy=self._noise.randbytes,
        )

    def wait(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    # What members do.

    def event(
        self,
        by: str,
        *,
        to: tuple[str, ...] = (OLD,),
        tokens: tuple[Token, ...] = (CHILD,),
        event_class: EventClass = EventClass.RECORD,
        urgency: Urgency = Urgency.U2,
        acting: str | None = None,
        residence: str | None = CUMBERLAND,
        from_area: str | None = None,
        to_area: str | None = None,
        matter: tuple[MatterEffect, bytes | None] = (MatterEffect.NONE, None),
        action: Action | None = None,
        hidden: bool = False,
        slips: tuple[tuple[str, bytes], ...] = (),
        **odd: Any,
    ) -> Posted:
        """Seal an event as ``by``'s gateway would. ``odd`` overrides what a rightful gateway computes itself.

        ``odd``: sequence, previous, lane, partition, signer, author, directory_version, created_ms, event_id,
        raw_action, router (the key that hidden routing fields are sealed to).
        """
        seat = self.world[by]
        lane = Lane.of(urgency)
        sequence, previous = self.chains.get((by, lane), (0, bytes(32)))
        link = ChainLink(
            odd.get("lane", lane), odd.get("sequence", sequence + 1), odd.get("previous", previous)
        )
        facts = RoutingFacts(
            tokens=tokens,
            acting_area=acting or str(seat.member.areas[0]),
            residence=residence,
            from_area=from_area,
            to_area=to_area,
            readers=tuple(self.world[name].id for name in to),
            chain=link,
            matter=matter,
            action=odd.get("raw_action", None if action is None else action.to_value()),
        )
        draft = Draft(
            event_id=odd.get("event_id", EventId.new(self.now, self._noise.randbytes).raw),
            author=odd.get("author", seat.id),
            event_class=event_class,
            urgency=urgency,
            created_ms=odd.get("created_ms", to_ms(self.now)),
            directory_version=odd.get("directory_version", self.world.directory.version),
            facts=facts,
            parts=(DraftPart(PartKind.CORE, b"sealed words", tuple(self.kem(name) for name in to)),),
            slips=slips,
        )
        router = odd.get("router", self.world.router_kem.as_public) if hidden else None
        sealed = seal_event(
            draft, signer=odd.get("signer", seat.sign), router=router, entropy=self._noise.randbytes
        )
        self.chains[by, lane] = (link.sequence, sealed.manifest_hash)
        subject = OutSubject(seat.id, lane, odd.get("partition", partition_of(tokens, seat.id)))
        return Posted(subject, framed(OutKind.EVENT, sealed.envelope.to_bytes()), draft.event_id, sealed)

    def opens_matter(self, by: str = OLD, **changes: Any) -> Posted:
        """A first matter: a plan of the front door, or a concern of another member."""
        matter = changes.pop("ref", b"m" * 16)
        return self.event(
            by,
            **{"event_class": EventClass.CONCERN, "matter": (MatterEffect.OPEN, matter), **changes},
        )

    def closes_matter(self, by: str = OLD, **changes: Any) -> Posted:
        """The end of that matter."""
        matter = changes.pop("ref", b"m" * 16)
        return self.event(
            by,
            **{"event_class": EventClass.CONCERN, "matter": (MatterEffect.CLOSE, matter), **changes},
        )

    def move(self, by: str = "health", **changes: Any) -> Posted:
        """The child has moved from Cumberland to Westmorland."""
        return self.event(
            by,
            **{
                "event_class": EventClass.MOVE,
                "to": (OLD, NEW),
                "residence": WESTMORLAND,
                "from_area": CUMBERLAND,
                "to_area": WESTMORLAND,
                **changes,
            },
        )

    def acts(self, by: str, action: Action, **changes: Any) -> Posted:
        """A front door's person acts in a handover, or on an identity."""
        return self.event(
            by, **{"event_class": EventClass.HANDOVER, "to": (OLD, NEW), "action": action, **changes}
        )

    def control(
        self, by: str, kind: OutKind, label: str, payload: bytes, *, signer: SigningKey | None = None
    ) -> Posted:
        """A signed control message."""
        seat = self.world[by]
        subject = OutSubject(seat.id, Lane.URGENT, partition_of((), seat.id))
        return Posted(subject, framed(kind, sign(signer or seat.sign, label, payload)))

    def receipts(self, by: str, *receipts: Receipt, member: str | None = None) -> Posted:
        """A batch of receipts."""
        batch = Receipts(member or self.world[by].id, 1, receipts)
        return self.control(by, OutKind.RECEIPTS, Receipts.LABEL, batch.to_bytes())

    def receipt(self, got: Got, kind: ReceiptKind = ReceiptKind.DELIVERED) -> Receipt:
        """A receipt for a delivery."""
        return Receipt(kind, got.note.message_id, got.note.author, got.note.number, to_ms(self.now))

    def grant(self, by: str, order: Order, event_id: bytes, **changes: Any) -> Posted:
        """The answer to an order, for one of its events. The router forwards it unread, so it carries no part."""
        fields: dict[str, Any] = {
            "order_id": order.order_id,
            "grantor": self.world[by].id,
            "reader": order.reader,
            "event_id": event_id,
            "sequence": 1,
            "total": len(order.events),
            "position": 1,
            "taken_ms": to_ms(self.now),
            "signed": b"the author's own signed manifest",
            "parts": (),
        }
        return self.control(by, OutKind.GRANTS, Grant.LABEL, Grant(**(fields | changes)).to_bytes())

    def refuses(self, by: str, order: Order, reason: str = "not-in-our-record") -> Posted:
        """A front door will not carry an order out."""
        refusal = Refusal(order.order_id, self.world[by].id, reason, to_ms(self.now))
        return self.control(by, OutKind.REFUSAL, Refusal.LABEL, refusal.to_bytes())

    # What the router does.

    def take(self, *posted: Posted, before_commit: Callable[[], None] = lambda: None) -> list[Outcome]:
        """The outcome of each of one batch."""
        return self.take_all(*posted, before_commit=before_commit).outcomes

    def take_all(self, *posted: Posted, before_commit: Callable[[], None] = lambda: None) -> BatchResult:
        """Take one batch; gives the whole result."""
        return self.batch.take(
            [one.item for one in posted], self.world.directory, self.now, before_commit=before_commit
        )

    def tick(self) -> int:
        """Let the router look at its clock."""
        return self.batch.tick(self.world.directory, self.now)

    def publish(self) -> None:
        """Carry what waits to the bus and overwrite it at the router, as the service does."""
        with self.store.work() as work:
            inbox, audit = work.outgoing.waiting_inbox(100_000), work.outgoing.waiting_audit(100_000)
            sent: list[tuple[InboxRow, int]] = []
            for row in inbox:
                self._bus += 1
                self._inboxes.setdefault(row.reader, []).append(row.body)
                sent.append((row, self._bus))
            self._log.extend(row.body for row in audit)
            work.outgoing.inbox_published(sent)
            work.outgoing.audit_published(audit)
        self.store.scrub()

    # What readers, boards and operators see.

    def inbox(self, name: str, kind: InKind | None = None) -> list[Got]:
        """A member's deliveries in order, each note verified; all, or those of one kind."""
        self.publish()
        seat = self.world[name]
        found = [self._got(seat, body) for body in self._inboxes.get(seat.id, ())]
        assert [got.note.number for got in found] == list(range(1, len(found) + 1)), "a gap in the numbers"
        return [got for got in found if kind is None or got.note.kind is kind]

    def _got(self, seat: Seat, data: bytes) -> Got:
        version, signed, kind, body = canonical.decode(data)
        note = Note.from_bytes(verify(signed, Note.LABEL, self.world.public_of).payload)
        assert (PROTOCOL_VERSION, int(note.kind)) == (version, kind)
        assert (seat.id, hashlib.sha256(body).digest()) == (note.reader, note.body_hash)
        return Got(note, body)

    def views(self, name: str) -> list[bytes]:
        """The ids of the events that a member was given, in order."""
        return [got.note.message_id for got in self.inbox(name, InKind.VIEW)]

    def orders(self, name: str) -> list[Order]:
        """The orders that a member was sent, its own to answer and those for it."""
        return [
            Order.from_bytes(verify(got.body, Order.LABEL, self.world.public_of).payload)
            for got in self.inbox(name, InKind.ORDER)
        ]

    def handover(self, name: str) -> HandoverView:
        """The newest word on a handover that a member has."""
        return self.inbox(name, InKind.HANDOVER)[-1].handover()

    def returned(self, name: str) -> list[list[Any]]:
        """What came back to a sender: code, sentence, advice, event id."""
        return [canonical.decode(got.body) for got in self.inbox(name, InKind.RETURNED)]

    def notices(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """The router's notices to a member."""
        return [tuple(canonical.decode(got.body)) for got in self.inbox(name, InKind.NOTICE)]

    def audit(self, kind: EntryKind | None = None) -> list[AuditEntry]:
        """The audit trail, all or of one kind, without gaps in its numbers."""
        self.publish()
        found = [AuditEntry.from_bytes(body) for body in self._log]
        assert [entry.number for entry in found] == list(range(1, len(found) + 1)), "a gap in the log"
        return [entry for entry in found if kind is None or entry.kind is kind]

    def quarantine(self) -> list[QuarantineRow]:
        """What lies in quarantine."""
        with self.store.work() as work:
            return work.intake.in_quarantine()

    def child(self, token: Token = CHILD) -> tuple[str, str] | None:
        """Case holder and safety duty of the child that a token leads to."""
        with self.store.work() as work:
            rows = work.children.by_tokens([token.value])
        return (rows[0].holder, rows[0].safety) if rows else None

    def kem(self, name: str) -> KemPublic:
        """A member's key to seal to."""
        return self.world[name].kem.as_public


def framed(kind: OutKind, body: bytes) -> bytes:
    """The outermost bytes on the bus."""
    return canonical.encode([PROTOCOL_VERSION, int(kind), body])


def a_desk(path: Path, world: World | None = None, **changes: Any) -> RouterDesk:
    """A desk on an empty database."""
    database = path / "router.db"
    if not database.exists():
        database.write_bytes(_empty_database())
    return RouterDesk(world or a_wide_directory(), path, **changes)


@cache
def _empty_database() -> bytes:
    """The tables, made once by the real migrations and copied from then on: most of a desk's cost otherwise."""
    with TemporaryDirectory() as folder:
        store = RouterStore(Path(folder) / "router.db")
        store.scrub()
        store.close()
        return (Path(folder) / "router.db").read_bytes()
