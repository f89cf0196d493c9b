"""The lies of members: a front door's in grants that it signed, others' in events of their own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broker.bus.subjects import OutSubject, partition_of
from broker.clock import to_ms
from broker.crypto.grants import read_grant, sign_grant
from broker.crypto.signing import unverified_payload
from broker.routing.intake import Outcome
from broker.store.router.intake import QuarantineRow
from schemas.control import Action, ActionKind, Note, frame, unframe
from schemas.orders import Grant
from schemas.wire import PROTOCOL_VERSION, EventClass, InKind, Lane, OutKind
from tests.attack.stage import HERE, THERE, WORKER, Stage, a_plan, of_kind, released
from tests.support import bad_messages as wrong
from tests.support.desk import RouterDesk, a_desk
from tests.support.events import CHILD, PUPIL, WESTMORLAND


def _false_grant(stage: Stage, change: Callable[[Grant], Grant]) -> object:
    """The old front door answers a rightful order with a grant that it signed and that is false."""
    room = stage.room
    bodies = released(stage)
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
    bodies = released(stage)
    fine = of_kind(bodies, InKind.GRANTED)
    room["westmorland"].receiving.take(bodies)
    with room["westmorland"].home.store.work() as work:
        count = len(list(work.inbox.history(None)))
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
    a_plan(stage)
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
    a_plan(stage)
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
    a_plan(stage)
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
