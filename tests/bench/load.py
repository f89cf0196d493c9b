"""An exchange of any number of areas and its traffic, sealed beforehand: what the benches put before a router."""

import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from broker.bus.connection import Access
from broker.bus.publisher import Outgoing
from broker.bus.server import EmbeddedServer
from broker.bus.subjects import OutSubject, partition_of
from broker.clock import to_ms
from broker.crypto.seal import Draft, DraftPart, seal_event
from broker.crypto.signing import sign
from broker.directory.apply import apply, write_urls
from broker.directory.changes import next_version
from broker.directory.files import read_current
from broker.directory.issue import Issuer
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from broker.directory.publishing import Lifetimes
from schemas import canonical
from schemas.areas import AreaKind, AreaRegister
from schemas.codes.members import MemberKind
from schemas.control import Receipt, Receipts
from schemas.default_policy import default_policy
from schemas.directory import Governance
from schemas.facts import RoutingFacts
from schemas.ids import EventId, GssCode
from schemas.wire import (
    PROTOCOL_VERSION,
    ChainLink,
    EventClass,
    Lane,
    MatterEffect,
    OutKind,
    PartKind,
    ReceiptKind,
    Token,
    Urgency,
)
from tests.support.directory import Seat, a_seat

READERS: Final = 3
_AUTHORS: Final = 4
_CLASSES: Final = (
    EventClass.RECORD,
    EventClass.CONCERN,
    EventClass.SHARE,
    EventClass.PLAN,
    EventClass.INVOLVEMENT,
)
_PLAINTEXT: Final = b"x" * 900
_SLIP: Final = 320
_RECEIPTS_AFTER: Final = 256
"""Events between two batches of receipts: a gateway signs four times a second."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for OUT, and what any relay must make of it: who is told, and how many audit entries."""

    subject: str
    data: bytes
    to: tuple[str, ...]
    audits: int

    def outgoing(self) -> Outgoing:
        """As it is published."""
        return Outgoing(self.subject, self.data, hashlib.sha256(self.data).hexdigest())


@dataclass(slots=True)
class Scene:
    """An exchange whose members' keys are all at hand."""

    layout: Layout
    server: EmbeddedServer
    doors: tuple[Seat, ...]
    authors: tuple[Seat, ...]
    board: Seat
    noise: random.Random
    version: int
    _chains: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _given: dict[str, int] = field(default_factory=dict)
    """How many deliveries each front door has been given so far: its receipts name their numbers."""
    _owed: dict[str, list[Receipt]] = field(default_factory=dict)

    def access(self, user: str) -> Access:
        """How ``admin`` or ``router`` signs in."""
        folder = self.layout.admin if user == "admin" else self.layout.router / "nats"
        return Access.in_folder(folder, user, self.server.url)

    async def start(self) -> None:
        """Server up, streams there."""
        await self.server.start()
        write_urls(self.layout, self.server.url)
        await apply(self.layout)

    def openings(self, children: int) -> list[Message]:
        """The first matter of each child, told to the front door of its area."""
        return [
            self._event(self._author(child), child, self._doors(child)[:1], MatterEffect.OPEN)
            for child in range(children)
        ]

    def traffic(self, count: int, children: int) -> list[Message]:
        """Events of all classes about these children, each to three front doors; and the doors' receipts."""
        made = []
        for turn in range(count):
            child = self.noise.randrange(children)
            made.append(self._event(self._author(turn), child, self._doors(child), MatterEffect.NONE))
            if turn % _RECEIPTS_AFTER == _RECEIPTS_AFTER - 1:
                made += self.receipts()
        return made + self.receipts()

    def receipts(self) -> list[Message]:
        """What every front door owes, one signed batch each."""
        owed, self._owed = self._owed, {}
        return [self._receipts(seat, owed[seat.id]) for seat in self.doors if seat.id in owed]

    def _author(self, turn: int) -> Seat:
        return self.authors[turn % len(self.authors)]

    def _doors(self, child: int) -> list[Seat]:
        """The front door of the child's area, and two others that its events concern."""
        return [self.doors[(child + step) % len(self.doors)] for step in range(READERS)]

    def _event(self, author: Seat, child: int, doors: Sequence[Seat], effect: MatterEffect) -> Message:
        token = Token(1, hashlib.sha256(b"bench child %d" % child).digest()[:16])
        sequence, previous = self._chains.get(author.id, (0, bytes(32)))
        now = datetime.now(UTC)
        opens = effect is MatterEffect.OPEN
        draft = Draft(
            event_id=EventId.new(now, self.noise.randbytes).raw,
            author=author.id,
            event_class=EventClass.CONCERN if opens else self.noise.choice(_CLASSES),
            urgency=Urgency.U2,
            created_ms=to_ms(now),
            directory_version=self.version,
            facts=RoutingFacts(
                tokens=(token,),
                acting_area=str(author.member.areas[0]),
                residence=str(doors[0].member.areas[0]),
                from_area=None,
                to_area=None,
                readers=tuple(seat.id for seat in doors),
                chain=ChainLink(Lane.NORMAL, sequence + 1, previous),
                matter=(effect, token.value if opens else None),
                action=None,
            ),
            parts=(DraftPart(PartKind.CORE, _PLAINTEXT, tuple(seat.kem.as_public for seat in doors)),),
            slips=((self.board.id, self.noise.randbytes(_SLIP)),),
        )
        sealed = seal_event(draft, signer=author.sign, router=None, entropy=self.noise.randbytes)
        self._chains[author.id] = (sequence + 1, sealed.manifest_hash)
        for seat in doors:
            number = self._given[seat.id] = self._given.get(seat.id, 0) + 1
            receipt = Receipt(ReceiptKind.DELIVERED, draft.event_id, author.id, number, to_ms(now))
            self._owed.setdefault(seat.id, []).append(receipt)
        subject = OutSubject(author.id, Lane.NORMAL, partition_of((token,), author.id))
        data = _framed(OutKind.EVENT, sealed.envelope.to_bytes())
        return Message(str(subject), data, tuple(seat.id for seat in doors), 1)

    def _receipts(self, seat: Seat, owed: list[Receipt]) -> Message:
        batch = Receipts(seat.id, 1, tuple(owed))
        subject = OutSubject(seat.id, Lane.NORMAL, partition_of((), seat.id))
        data = _framed(OutKind.RECEIPTS, sign(seat.sign, Receipts.LABEL, batch.to_bytes()))
        return Message(str(subject), data, tuple({receipt.author for receipt in owed}), len(owed))


def make_scene(folder: Path, areas: int, *, seed: int = 1) -> Scene:
    """An exchange with a front door in each of ``areas`` areas, in ``folder``; its server does not run yet."""
    noise = random.Random(seed)
    layout = Layout(folder / "exchange")
    now = datetime.now(UTC).replace(microsecond=0)
    issuer = Issuer(layout=layout, now=now, entropy=os.urandom)
    papers = Governance(
        impact_assessment="example only", policy_document="example only", sharing_agreement="example only"
    )
    issuer.init(default_policy(), papers, roots=1, threshold=1)
    codes = _codes(areas)
    doors = tuple(_seat(MemberKind.SOCIAL_CARE, (code,), now, noise) for code in codes)
    authors = tuple(_seat(MemberKind.HEALTH_PROVIDER, codes[:READERS], now, noise) for _ in range(_AUTHORS))
    board = _seat(MemberKind.BOARD, codes[:READERS], now, noise)
    seats = (*doors, *authors, board)
    changed = next_version(
        read_current(layout),
        now,
        Lifetimes(),
        members=tuple(seat.member for seat in seats),
        areas=tuple(area_entry(code) for code in codes),
    )
    # In one change: an operator would admit them one by one, each time signing the whole anew.
    issuer._put_in_force(read_current(layout), changed)
    return Scene(layout, EmbeddedServer(layout.configuration), doors, authors, board, noise, changed.version)


def _codes(count: int) -> tuple[GssCode, ...]:
    today = datetime.now(UTC).date()
    found = [
        area.gss
        for area in AreaRegister.load()
        if area.kind is not AreaKind.DISTRICT and area.valid_on(today)
    ]
    return tuple(sorted(found)[:count])


def _seat(kind: MemberKind, areas: tuple[GssCode, ...], now: datetime, noise: random.Random) -> Seat:
    return a_seat(kind, areas, now=now - timedelta(hours=1), seed=noise.getrandbits(48))


def _framed(kind: OutKind, body: bytes) -> bytes:
    return canonical.encode([PROTOCOL_VERSION, int(kind), body])
