"""The lies of a router, told with its own signing key."""

from broker.clock import to_ms
from schemas.control import unframe
from schemas.handover import HandoverView
from schemas.wire import PROTOCOL_VERSION, InKind, OutKind
from tests.attack.stage import HERE, WORKER, Stage, a_plan, of_kind, released
from tests.support.events import CHILD, CUMBERLAND, WESTMORLAND


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


def forges_an_order(stage: Stage) -> object:
    event = a_plan(stage)
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
    event = a_plan(stage)
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
    event = a_plan(stage)
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


def withholds_grants(stage: Stage) -> object:
    bodies = released(stage)
    assert of_kind(bodies, InKind.GRANTED)
    kept = set(of_kind(bodies, InKind.GRANTED))
    stage.room["westmorland"].receiving.take([body for body in bodies if body not in kept])
    stage.later(minutes=11)
    return "grants-missing" in stage.alarms("westmorland")


def orders_nothing(stage: Stage) -> object:
    bodies = released(stage)
    stage.room["westmorland"].receiving.take(of_kind(bodies, InKind.VIEW))
    stage.later(minutes=11)
    return "history-not-ordered" in stage.alarms("westmorland")


def forgets_a_reader(stage: Stage) -> object:
    room = stage.room
    a_plan(stage)
    room["cumberland"].actions.involve({"nhs_number": CHILD}, room.exchange.members["school"], WORKER)
    room.settle()
    before = stage.alarms("cumberland")
    stage.publish("cumberland", "plan.changed", 2, **HERE)
    room.post("cumberland")
    stage.lies()
    room["cumberland"].receiving.take(of_kind(room.collect("cumberland"), InKind.VIEW))
    stage.later(seconds=61)
    return before, "reader-not-ordered" in stage.alarms("cumberland")
