"""Where lies are told: a real router and real gateways, whose mail and clock the test holds."""

import hashlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.gateway.frontdoor.actions import Person
from broker.clock import to_ms
from broker.crypto.signing import sign, unverified_payload
from schemas.control import Note, frame, unframe
from schemas.ids import EventId
from schemas.orders import Order, OrderKind
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.support.events import CUMBERLAND, WESTMORLAND, a_document
from tests.support.postroom import PostRoom, a_postroom

WORKER: Final = Person("Rowan Example", "social worker")
HERE: Final = {"residence": {"gss": CUMBERLAND}}
THERE: Final = {"residence": {"gss": WESTMORLAND}}


@dataclass(slots=True)
class Stage:
    """A real router and real gateways; the test carries the mail and owns the clock."""

    room: PostRoom
    now: datetime
    began: float = 0.0
    seconds: float = 0.0

    def lies(self) -> None:
        """From here on it is measured how long the lie stands."""
        self.began = time.perf_counter()

    def found(self) -> None:
        """It was noticed now."""
        self.seconds = time.perf_counter() - self.began

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def alarms(self, name: str) -> set[str]:
        """The codes of the alarms that stand at a gateway."""
        codes = {alarm.code for alarm in self.room[name].alarms()}
        self.found()
        return codes

    def publish(self, name: str, kind: str, n: int, **more: Any) -> EventId:
        """One event of a member's, still in its outbox."""
        return self.room[name].publish(a_document(kind, n=n, **more))

    def faults(self, name: str) -> list[str]:
        """Why deliveries were not applied at a gateway."""
        faults = [item.fault or "" for item in self.room[name].inbox(everything=True) if item.fault]
        self.found()
        return faults

    def kinds(self, name: str) -> list[InKind]:
        """What a gateway was given."""
        return [item.kind for item in self.room[name].inbox(everything=True)]

    def signed(self, reader: str, kind: InKind, message: bytes, body: bytes, **more: Any) -> bytes:
        """A delivery as the router signs it; ``more`` overrides the note."""
        member = self.room.exchange.members[reader]
        number = len(self.room[reader].inbox(everything=True)) + 1
        note = Note(
            reader=member,
            number=number,
            previous=0,
            child=None,
            kind=kind,
            message_id=message,
            author="router",
            body_hash=hashlib.sha256(body).digest(),
            taken_ms=to_ms(self.now),
        )
        signature = sign(self.room.keys.sign, Note.LABEL, replace(note, **more).to_bytes())
        return frame(PROTOCOL_VERSION, signature, int(kind), body)

    def resigned(self, body: bytes, **changes: Any) -> bytes:
        """One of the router's deliveries with another note, rightly signed."""
        signed, kind, inner = unframe(body, 3, PROTOCOL_VERSION)
        note = replace(Note.from_bytes(unverified_payload(signed)), **changes)
        return frame(PROTOCOL_VERSION, sign(self.room.keys.sign, Note.LABEL, note.to_bytes()), kind, inner)

    def forged_order(self, reader: str, evidence: EventId) -> bytes:
        """An order that the router has no reason to give: one event of a child, for a reader of its choice."""
        home = self.room["cumberland"].home
        with home.store.work() as work:
            ours = work.inbox.by_message(evidence.raw, int(InKind.VIEW))
            held = self.room["cumberland"].orders.holdings.one(work, evidence.raw)
        assert ours is not None
        assert held is not None
        order = Order(
            order_id=b"f" * 16,
            kind=OrderKind.COMPLETE_READERS,
            grantor=home.member_id,
            reader=self.room.exchange.members[reader],
            child=ours.child or b"",
            handover=None,
            evidence=evidence.raw,
            events=((evidence.raw, held.read.digest),),
            issued_ms=to_ms(self.now),
            expires_ms=to_ms(self.now + timedelta(days=1)),
        )
        return sign(self.room.keys.sign, Order.LABEL, order.to_bytes())


def a_stage(folder: Path) -> Stage:
    """A fresh one; close ``stage.room`` afterwards."""
    stage = Stage(None, datetime.now(UTC))  # type: ignore[arg-type]  # the clock is the stage's own
    stage.room = a_postroom(folder, lambda: stage.now)
    # Where much else runs the first exchange takes seconds to make, and its keys are good from then on.
    stage.now = datetime.now(UTC)
    return stage


def of_kind(bodies: list[bytes], *kinds: InKind) -> list[bytes]:
    """Those of some kinds among deliveries."""
    return [body for body in bodies if unframe(body, 3, PROTOCOL_VERSION)[1] in kinds]


def a_plan(stage: Stage) -> EventId:
    """Cumberland opens a plan for the child, and everybody has it."""
    event = stage.publish("cumberland", "plan.opened", 1, **HERE)
    stage.room.settle()
    return event


def released(stage: Stage) -> list[bytes]:
    """A plan, a move, a release; gives what the router has for the new side afterwards, up to its grants."""
    room = stage.room
    a_plan(stage)
    stage.publish("health", "move.notified", 6)
    room.settle()
    room["cumberland"].actions.release(room["cumberland"].actions.handovers()[0].handover.hex(), WORKER)
    stage.lies()
    for _ in range(3):
        room.post("cumberland")
        room["cumberland"].receiving.take(room.collect("cumberland"))
    return room.collect("westmorland")
