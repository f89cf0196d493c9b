"""Parts of an exchange that lie, each with its real keys and real code, and what the others make of it.

The router's lies are told with the router's own signing key; a front door's are carried in grants that it signed.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.gateway.frontdoor.actions import Person
from broker.bus.subjects import OutSubject, partition_of
from broker.clock import to_ms
from broker.crypto.grants import read_grant, sign_grant
from broker.crypto.signing import sign, unverified_payload
from broker.routing.intake import Outcome
from broker.store.router.intake import QuarantineRow
from schemas.control import Action, ActionKind, Note, frame, unframe
from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.orders import Grant, Order, OrderKind
from schemas.wire import PROTOCOL_VERSION, EventClass, InKind, Lane, OutKind
from tests.support import bad_messages as wrong
from tests.support.desk import RouterDesk, a_desk
from tests.support.events import CHILD, CUMBERLAND, PUPIL, WESTMORLAND, a_document
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
            held = self.room["cumberland"].orders._held(work, evidence.raw)
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


@dataclass(frozen=True)
class Lie:
    """One lie, and the row of the table: by whom it is met, how, within what limit by the clock."""

    liar: str
    lie: str
    by: str
    how: str
    within: str
    tell: Callable[[Stage], object]
    """Tells it, and gives what was seen."""
    seen: object
    """What must be seen."""


def drops_a_delivery(stage: Stage) -> object:
    stage.publish("cumberland", "plan.opened", 1, **HERE)
    stage.publish("health", "appointment.missed", 2, **HERE)
    stage.room.post("cumberland")
    stage.room.post("health")
    bodies = stage.room.collect("cumberland")
    stage.lies()
    stage.room["cumberland"].receiving.take(bodies[1:])
    missing = stage.room["cumberland"].receiving.gaps()
    stage.later(seconds=61)
    return bool(missing), stage.alarms("cumberland")


def drops_an_event(stage: Stage) -> object:
    stage.publish("health", "concern.raised", 1, **HERE)
    with stage.room["health"].home.store.work() as work:
        for row in work.outbox.waiting(10):
            work.outbox.sent(row.position, to_ms(stage.now))
    stage.lies()
    stage.later(minutes=6)
    return stage.alarms("health")


def reorders(stage: Stage) -> object:
    for n, kind in enumerate(("plan.opened", "appointment.missed", "household.changed"), start=1):
        stage.publish({1: "cumberland", 2: "health", 3: "police"}[n], kind, n, **HERE)
    for name in ("cumberland", "health", "police"):
        stage.room.post(name)
    bodies = stage.room.collect("cumberland")
    stage.lies()
    states = []
    for body in reversed(bodies):
        stage.room["cumberland"].receiving.take([body])
        states.append({item.state for item in stage.room["cumberland"].inbox(everything=True)})
    stage.found()
    return states[0], states[-1]


def duplicates(stage: Stage) -> object:
    stage.publish("health", "concern.raised", 1, **HERE)
    stage.room.post("health")
    body = of_kind(stage.room.collect("cumberland"), InKind.VIEW)[0]
    stage.lies()
    stage.room["cumberland"].receiving.take([body, body, stage.resigned(body, number=2, previous=1)])
    return len(stage.room["cumberland"].inbox()), stage.faults("cumberland")


def swaps_readers(stage: Stage) -> object:
    stage.publish("health", "concern.raised", 1, **HERE)
    stage.room.post("health")
    body = of_kind(stage.room.collect("cumberland"), InKind.VIEW)[0]
    stage.lies()
    other = stage.room["westmorland"]
    other.receiving.take([body])
    as_it_was = len(other.inbox(everything=True))
    other.receiving.take([stage.resigned(body, reader=other.home.member_id)])
    return as_it_was, stage.faults("westmorland"), stage.alarms("westmorland")


def alters_a_note(stage: Stage) -> object:
    stage.publish("health", "concern.raised", 1, **HERE)
    stage.room.post("health")
    body = of_kind(stage.room.collect("cumberland"), InKind.VIEW)[0]
    stage.lies()
    police = stage.room.exchange.members["police"]
    stage.room["cumberland"].receiving.take([stage.resigned(body, author=police)])
    return stage.faults("cumberland"), stage.alarms("cumberland")


def _a_plan(stage: Stage) -> EventId:
    event = stage.publish("cumberland", "plan.opened", 1, **HERE)
    stage.room.settle()
    return event


def forges_an_order(stage: Stage) -> object:
    event = _a_plan(stage)
    order = stage.forged_order("school", event)
    with stage.room["cumberland"].home.store.work() as work:
        ours = work.inbox.by_message(event.raw, int(InKind.VIEW))
    assert ours is not None
    stage.lies()
    cumberland = stage.room["cumberland"]
    cumberland.receiving.take([stage.signed("cumberland", InKind.ORDER, b"f" * 16, order, child=ours.child)])
    at_once = stage.alarms("cumberland")
    stage.later(minutes=11)
    cumberland.orders.reconsider()
    with cumberland.home.store.work() as work:
        kinds = [OutKind(row.kind) for row in work.outbox.waiting(100)]
        answer = work.inbox.order(b"f" * 16)
    return at_once, None if answer is None else answer.answer, OutKind.GRANTS in kinds


def leads_news_astray(stage: Stage) -> object:
    event = _a_plan(stage)
    with stage.room["cumberland"].home.store.work() as work:
        ours = work.inbox.by_message(event.raw, int(InKind.VIEW))
    assert ours is not None
    order = stage.forged_order("westmorland", event)
    stage.lies()
    room = stage.room
    room["cumberland"].receiving.take(
        [stage.signed("cumberland", InKind.ORDER, b"f" * 16, order, child=ours.child)]
    )
    with room["cumberland"].home.store.work() as work:
        (grant,) = [row.body for row in work.outbox.waiting(100) if row.kind == int(OutKind.GRANTS)]
    inner = unframe(grant, 2, PROTOCOL_VERSION)[1]
    child = b"c" * 16
    copy = stage.signed("westmorland", InKind.ORDER, b"f" * 16, order, child=child)
    room["westmorland"].receiving.take([copy])
    room["westmorland"].receiving.take(
        [stage.signed("westmorland", InKind.GRANTED, event.raw, inner, child=child)]
    )
    return stage.alarms("westmorland")


def invents_a_handover(stage: Stage) -> object:
    event = _a_plan(stage)
    with stage.room["cumberland"].home.store.work() as work:
        ours = work.inbox.by_message(event.raw, int(InKind.VIEW))
    assert ours is not None
    now_ms = to_ms(stage.now)
    view = HandoverView(
        handover=b"h" * 16,
        kind="move",
        state="noticed",
        from_area=CUMBERLAND,
        to_area=WESTMORLAND,
        holder=CUMBERLAND,
        safety=WESTMORLAND,
        urgency=2,
        opened_ms=now_ms,
        changed_ms=now_ms,
        verified=False,
        granted=0,
        expected=0,
        due=(),
    )
    stage.lies()
    stage.room["cumberland"].receiving.take(
        [stage.signed("cumberland", InKind.HANDOVER, b"h" * 16, view.to_bytes(), child=ours.child)]
    )
    stage.later(seconds=61)
    return stage.alarms("cumberland")


def _released(stage: Stage) -> list[bytes]:
    """A plan, a move, a release; gives what the router has for the new side afterwards, up to its grants."""
    room = stage.room
    _a_plan(stage)
    stage.publish("health", "move.notified", 6)
    room.settle()
    room["cumberland"].actions.release(room["cumberland"].actions.handovers()[0].handover.hex(), WORKER)
    stage.lies()
    for _ in range(3):
        room.post("cumberland")
        room["cumberland"].receiving.take(room.collect("cumberland"))
    return room.collect("westmorland")


def withholds_grants(stage: Stage) -> object:
    bodies = _released(stage)
    assert of_kind(bodies, InKind.GRANTED)
    kept = set(of_kind(bodies, InKind.GRANTED))
    stage.room["westmorland"].receiving.take([body for body in bodies if body not in kept])
    stage.later(minutes=11)
    return "grants-missing" in stage.alarms("westmorland")


def orders_nothing(stage: Stage) -> object:
    bodies = _released(stage)
    stage.room["westmorland"].receiving.take(of_kind(bodies, InKind.VIEW))
    stage.later(minutes=11)
    return "history-not-ordered" in stage.alarms("westmorland")


def forgets_a_reader(stage: Stage) -> object:
    room = stage.room
    _a_plan(stage)
    room["cumberland"].actions.involve({"nhs_number": CHILD}, room.exchange.members["school"], WORKER)
    room.settle()
    before = stage.alarms("cumberland")
    stage.publish("cumberland", "plan.changed", 2, **HERE)
    room.post("cumberland")
    stage.lies()
    room["cumberland"].receiving.take(of_kind(room.collect("cumberland"), InKind.VIEW))
    stage.later(seconds=61)
    return before, "reader-not-ordered" in stage.alarms("cumberland")


def _false_grant(stage: Stage, change: Callable[[Grant], Grant]) -> object:
    """The old front door answers a rightful order with a grant that it signed and that is false."""
    room = stage.room
    bodies = _released(stage)
    fine = of_kind(bodies, InKind.GRANTED)
    room["westmorland"].receiving.take([body for body in bodies if body not in fine])
    signed, _, inner = unframe(fine[0], 3, PROTOCOL_VERSION)
    note = Note.from_bytes(unverified_payload(signed))
    home = room["cumberland"].home
    grant, _ = read_grant(inner, home.directory.public_of)
    false = sign_grant(change(grant), home.signer())
    stage.lies()
    delivered = stage.signed(
        "westmorland",
        InKind.GRANTED,
        note.message_id,
        false,
        number=note.number,
        previous=note.previous,
        child=note.child,
        author=note.author,
    )
    room["westmorland"].receiving.take([delivered])
    return stage.faults("westmorland")


def _another_key(grant: Grant) -> Grant:
    (first, *rest) = grant.parts
    sealed = bytes(64) + first.wrap.sealed[64:]
    return replace(grant, parts=(replace(first, wrap=replace(first.wrap, sealed=sealed)), *rest))


def grants_another_key(stage: Stage) -> object:
    return _false_grant(stage, _another_key)


def grants_another_event(stage: Stage) -> object:
    return _false_grant(stage, lambda grant: replace(grant, event_id=b"e" * 16))


def alters_an_event(stage: Stage) -> object:
    return _false_grant(
        stage,
        lambda grant: replace(
            grant,
            parts=tuple(replace(part, ciphertext=bytes(len(part.ciphertext))) for part in grant.parts),
        ),
    )


def replays_a_grant(stage: Stage) -> object:
    room = stage.room
    bodies = _released(stage)
    fine = of_kind(bodies, InKind.GRANTED)
    room["westmorland"].receiving.take(bodies)
    with room["westmorland"].home.store.work() as work:
        count = len(work.inbox.history(None))
    inner = unframe(fine[0], 3, PROTOCOL_VERSION)[2]
    subject = OutSubject(room["cumberland"].home.member_id, Lane.URGENT, partition_of((), "x"))
    stage.lies()
    again = room.batch.take(
        [(subject, frame(PROTOCOL_VERSION, int(OutKind.GRANTS), inner))], room.exchange.directory, stage.now
    )
    stage.found()
    return again.outcomes, of_kind(room.collect("westmorland"), InKind.GRANTED), count > 0


def forges_a_link(stage: Stage) -> object:
    """The new area's own front door says that its child is the other area's, to be given the other's record."""
    room = stage.room
    _a_plan(stage)
    stage.publish("westmorland", "plan.opened", 2, subject={"upn": PUPIL}, acting_area=WESTMORLAND, **THERE)
    room.settle()
    stage.lies()
    room["westmorland"].actions.link(
        [{"upn": PUPIL}, {"nhs_number": CHILD}], WORKER, "Because.", "official_document"
    )
    room.settle()
    with room["westmorland"].home.store.work() as work:
        held = [row.author for row in work.inbox.history(None)]
    stage.found()
    return room.exchange.members["cumberland"] in held


def forges_a_move(stage: Stage) -> object:
    room = stage.room
    _a_plan(stage)
    stage.lies()
    stage.publish("westmorland", "move.notified", 6, acting_area=WESTMORLAND)
    room.settle()
    [told] = room["cumberland"].actions.handovers()
    room["westmorland"].actions.accept(told.handover.hex(), WORKER)
    room.settle()
    [after] = room["cumberland"].actions.handovers()
    stage.found()
    return told.state, (after.state, after.holder), InKind.GRANTED in stage.kinds("westmorland")


def declares_itself_involved(stage: Stage) -> object:
    room = stage.room
    _a_plan(stage)
    stage.lies()
    stage.publish("school", "involvement.declared", 2, details={"agency": "school"}, **HERE)
    room.settle()
    stage.publish("cumberland", "plan.changed", 3, **HERE)
    room.settle()
    stage.found()
    return InKind.GRANTED in stage.kinds("school"), InKind.VIEW in stage.kinds("school")


def _desk(stage: Stage, send: Callable[[RouterDesk], list[Any]]) -> list[str]:
    desk = a_desk(stage.room.exchange.layout.data)
    try:
        desk.take(desk.opens_matter("health"))
        sent = send(desk)
        stage.lies()
        outcomes = desk.take(*sent)
        stage.found()
        rows: list[QuarantineRow] = desk.quarantine()
        flood = len(sent) - outcomes.count(Outcome.REFUSED)
        return sorted({row.code for row in rows}) + ([f"{len(rows)} kept, {flood} taken"] if flood else [])
    finally:
        desk.store.close()


def takes_an_id(stage: Stage) -> object:
    return _desk(stage, lambda desk: [wrong.with_anothers_id(desk)])


def replays_anothers(stage: Stage) -> object:
    return _desk(stage, lambda desk: [wrong.impostor(desk)])


def involves_itself(stage: Stage) -> object:
    def send(desk: RouterDesk) -> list[Any]:
        action = Action(ActionKind.INVOLVE, member=desk.world["school"].id)
        return [desk.event("school", event_class=EventClass.INVOLVEMENT, action=action)]

    return _desk(stage, send)


def floods(stage: Stage) -> object:
    def send(desk: RouterDesk) -> list[Any]:
        bad = [wrong.raw("police", b"%d" % n)(desk) for n in range(500)]
        return [*bad, desk.event("health")]

    return _desk(stage, send)


def back_dates(stage: Stage) -> object:
    room = stage.room
    stage.lies()
    stage.publish("health", "concern.raised", 1, **HERE)
    stage.later(days=30)
    room.settle()
    item = room["cumberland"].inbox()[0]
    stage.found()
    return item.late, to_ms(stage.now) - item.taken_ms < 60_000


LIES: Final = (
    Lie(
        "router",
        "drops a delivery",
        "reader's gateway; author's gateway",
        "a gap in the note's numbers: asked for again after 5 s, then alarms `delivery-missing` and `receipt-missing`",
        "1 min; 5 min if urgent",
        drops_a_delivery,
        (True, {"delivery-missing", "receipt-missing"}),
    ),
    Lie(
        "router",
        "drops a whole event",
        "author's gateway",
        "alarm `receipt-missing`",
        "5 min urgent, 1 h normal, 1 day bulk",
        drops_an_event,
        {"receipt-missing"},
    ),
    Lie(
        "router",
        "changes the order on the bus",
        "reader's gateway",
        "held until what the note names came; nothing overtakes",
        "at once",
        reorders,
        ({"held"}, {"applied"}),
    ),
    Lie(
        "router",
        "delivers twice, and again under a new number",
        "reader's gateway",
        "dropped by its number; `repeated`",
        "at once",
        duplicates,
        (2, ["repeated"]),
    ),
    Lie(
        "router",
        "gives one reader's view to another",
        "the other reader's gateway",
        "dropped, or with a new note `not-addressed` and alarm `not-usable`; nothing can be opened",
        "at once",
        swaps_readers,
        (0, ["not-addressed"], {"not-usable"}),
    ),
    Lie(
        "router",
        "alters a note: another author",
        "reader's gateway",
        "`not-the-routers`, alarm `not-usable`",
        "at once",
        alters_a_note,
        (["not-the-routers"], {"not-usable"}),
    ),
    Lie(
        "router",
        "forges an order for a member of its choice",
        "the front door",
        "alarm `order-without-ground`; refused `not-concerned`; nothing granted",
        "at once; refused after 10 min",
        forges_an_order,
        ({"order-without-ground"}, "refused: not-concerned", False),
    ),
    Lie(
        "router",
        "leads one new event to another front door",
        "that front door's gateway",
        "alarm `grant-without-record`; **the event was granted**: a front door is given news on the router's word",
        "at once",
        leads_news_astray,
        {"grant-without-record"},
    ),
    Lie(
        "router",
        "invents a handover",
        "the front door",
        "alarm `handover-without-event`; the history needs a person's release",
        "1 min",
        invents_a_handover,
        {"handover-without-event"},
    ),
    Lie(
        "router",
        "withholds grants",
        "the new front door",
        "alarm `grants-missing`: its copy of the order says how many",
        "10 min",
        withholds_grants,
        True,
    ),
    Lie(
        "router",
        "orders nothing after a release",
        "the new front door",
        "alarm `history-not-ordered`: the release is signed by a person of the old area",
        "10 min",
        orders_nothing,
        True,
    ),
    Lie(
        "router",
        "forgets a confirmed member",
        "the front door",
        "alarm `reader-not-ordered`: it reckons the readers itself",
        "1 min",
        forgets_a_reader,
        (set(), True),
    ),
    Lie(
        "front door",
        "grants under another key",
        "reader's gateway",
        "`not-addressed`",
        "at once",
        grants_another_key,
        ["not-addressed"],
    ),
    Lie(
        "front door",
        "grants another event",
        "reader's gateway",
        "`grant-mismatch`",
        "at once",
        grants_another_event,
        ["grant-mismatch"],
    ),
    Lie(
        "front door",
        "alters what it grants",
        "reader's gateway",
        "`altered`",
        "at once",
        alters_an_event,
        ["altered"],
    ),
    Lie(
        "front door",
        "replays a grant",
        "router",
        "known; nothing is delivered again",
        "at once",
        replays_a_grant,
        ([Outcome.TAKEN], [], True),
    ),
    Lie(
        "front door",
        "links its own child with another area's, to be given the record",
        "the other front door",
        "its order waits; nothing is granted without the other area's person",
        "at once",
        forges_a_link,
        False,
    ),
    Lie(
        "front door",
        "reports a move to itself, to be given the history",
        "the old front door",
        "told of the handover at once; nothing is granted without its person; an acceptance on its own word is `provisional`: the old area stays case holder and may contest. **If nobody there does by the end of the next working day, the acceptance stands**",
        "at once",
        forges_a_move,
        ("noticed", ("provisional", CUMBERLAND), False),
    ),
    Lie(
        "member",
        "declares itself involved",
        "router",
        "grants nothing",
        "at once",
        declares_itself_involved,
        (False, False),
    ),
    Lie(
        "member",
        "asks the router to involve it",
        "router",
        "refused `not-your-action`",
        "at once",
        involves_itself,
        ["not-your-action"],
    ),
    Lie(
        "member",
        "uses another's event id",
        "router",
        "refused `event-id-taken`",
        "at once",
        takes_an_id,
        ["event-id-taken"],
    ),
    Lie(
        "member",
        "sends another's message as its own",
        "router",
        "refused `impostor`",
        "at once",
        replays_anothers,
        ["impostor"],
    ),
    Lie(
        "member",
        "floods with 500 bad messages",
        "router",
        "60 are kept, the rest counted in one audit entry a minute; another's event in the same batch is taken",
        "at once",
        floods,
        ["malformed", "60 kept, 1 taken"],
    ),
    Lie(
        "member",
        "dates an event back a month",
        "router, reader's gateway",
        "flagged late; what counts is the router's time",
        "at once",
        back_dates,
        (True, True),
    ),
)
