"""How a message can be wrong: each function brings the router where it must be and gives the message to send."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from broker.bus.subjects import OutSubject, partition_of
from broker.crypto.derive import EVENT_LABEL
from broker.crypto.keys import SigningKey
from broker.crypto.signing import sign
from schemas import canonical
from schemas.control import Action, ActionKind, Receipts, Resend, SlipKey
from schemas.envelope import FullEnvelope
from schemas.hiding import HiddenAcceptance
from schemas.orders import Order
from schemas.wire import EventClass, Lane, OutKind
from tests.support.desk import NEW, OLD, PUPIL, Posted, RouterDesk, framed
from tests.support.directory import NOW, World

Send = Callable[[RouterDesk], Posted]


def raw(by: str, data: bytes) -> Send:
    def send(desk: RouterDesk) -> Posted:
        seat = desk.world[by]
        return Posted(OutSubject(seat.id, Lane.NORMAL, partition_of((), seat.id)), data)

    return send


def event(by: str = "police", **changes: Any) -> Send:
    return lambda desk: desk.event(by, **changes)


def resigned(change: Callable[[RouterDesk, FullEnvelope], bytes]) -> Send:
    """A sealed event whose signed bytes were exchanged afterwards."""

    def send(desk: RouterDesk) -> Posted:
        posted = desk.event("police")
        assert posted.sealed is not None
        envelope = posted.sealed.envelope
        other = replace(envelope, signed=change(desk, envelope))
        return replace(posted, data=framed(OutKind.EVENT, other.to_bytes()))

    return send


def unsigned(_desk: RouterDesk, envelope: FullEnvelope) -> bytes:
    protected, unprotected, payload, _ = canonical.decode(envelope.signed)
    return canonical.encode([protected, unprotected, payload, bytes(64)])


def no_signature(_desk: RouterDesk, envelope: FullEnvelope) -> bytes:
    protected, unprotected, payload, _ = canonical.decode(envelope.signed)
    return canonical.encode([protected, unprotected, payload, b""])


def unknown_suite(desk: RouterDesk, envelope: FullEnvelope) -> bytes:
    payload = canonical.decode(envelope.signed)[2]
    assert payload is not None
    manifest = canonical.decode(payload)
    manifest[0][2] = 99
    return sign(desk.world["police"].sign, EVENT_LABEL, canonical.encode(manifest))


def forged(desk: RouterDesk) -> Posted:
    """Signed by a thief under the author's key id."""
    thief = SigningKey(b"t" * 32)
    thief.key_id = desk.world["police"].sign.key_id
    return desk.event("police", signer=thief)


def with_anothers_id(desk: RouterDesk) -> Posted:
    """A routine event of its own under the id of another member's event about a child with an open matter."""
    theirs = desk.event("health")
    desk.take(theirs)
    return desk.event("police", tokens=(), event_id=theirs.event_id)


def altered(desk: RouterDesk) -> Posted:
    posted = desk.event("police")
    assert posted.sealed is not None
    envelope = posted.sealed.envelope
    part = envelope.parts[0]
    flipped = replace(part, ciphertext=bytes([part.ciphertext[0] ^ 1]) + part.ciphertext[1:])
    return replace(posted, data=framed(OutKind.EVENT, replace(envelope, parts=(flipped,)).to_bytes()))


def impostor(desk: RouterDesk) -> Posted:
    posted = desk.event("school")
    return replace(posted, subject=replace(posted.subject, member=desk.world["police"].id))


def other_author(desk: RouterDesk) -> Posted:
    return desk.event("police", author=desk.world["school"].id)


def fork(desk: RouterDesk) -> Posted:
    desk.take(desk.event("police", event_class=EventClass.CONCERN))
    return desk.event(
        "police", sequence=desk.chains["police", Lane.NORMAL][0], event_class=EventClass.CONCERN
    )


def fork_of_the_next(desk: RouterDesk) -> Posted:
    desk.take(desk.event("police", event_class=EventClass.CONCERN))
    return desk.event("police", previous=b"another history".ljust(32), event_class=EventClass.CONCERN)


def in_handover(by: str, kind: ActionKind, **changes: Any) -> Send:
    def send(desk: RouterDesk) -> Posted:
        desk.take(desk.opens_matter(), desk.move())
        found = desk.handover(NEW).handover
        return desk.acts(by, Action(kind, found), **changes)

    return send


def for_another_child(desk: RouterDesk) -> Posted:
    desk.take(desk.opens_matter(), desk.move(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    action = Action(ActionKind.ACCEPT, desk.handover(NEW).handover)
    return desk.acts(NEW, action, tokens=(PUPIL,))


def an_order(desk: RouterDesk) -> Order:
    desk.take(desk.opens_matter(), desk.move())
    desk.take(desk.acts(OLD, Action(ActionKind.RELEASE, desk.handover(NEW).handover)))
    return desk.orders(OLD)[-1]


def grant(**changes: Any) -> Send:
    def send(desk: RouterDesk) -> Posted:
        order = an_order(desk)
        values = {name: make(desk) if callable(make) else make for name, make in changes.items()}
        event_id = values.pop("event_id", order.events[0][0])
        return desk.grant(OLD, order, event_id, **values)

    return send


def grant_of_anothers_order(desk: RouterDesk) -> Posted:
    order = an_order(desk)
    return desk.grant(NEW, order, order.events[0][0])


def refused_after_grant(desk: RouterDesk) -> Posted:
    order = an_order(desk)
    desk.take(*(desk.grant(OLD, order, event) for event, _ in order.events))
    return desk.refuses(OLD, order)


def receipt_for(by: str, member: str) -> Send:
    def send(desk: RouterDesk) -> Posted:
        desk.take(desk.opens_matter("police"))
        return desk.receipts(by, desk.receipt(desk.inbox(OLD)[0]), member=desk.world[member].id)

    return send


def receipt_of_another_event(desk: RouterDesk) -> Posted:
    desk.take(desk.opens_matter("police"))
    receipt = replace(desk.receipt(desk.inbox(OLD)[0]), message_id=b"n" * 16)
    return desk.receipts(OLD, receipt)


def resend_for_another(desk: RouterDesk) -> Posted:
    request = Resend(desk.world[OLD].id, (1,), 1)
    return desk.control("police", OutKind.RESEND, Resend.LABEL, request.to_bytes())


def slip_key_of_another(desk: RouterDesk) -> Posted:
    setup = SlipKey(desk.world[OLD].id, desk.world["board"].id, b"k" * 16, "0" * 16, b"sealed")
    return desk.control("police", OutKind.SLIP_KEY, SlipKey.LABEL, setup.to_bytes())


def wrong_label(desk: RouterDesk) -> Posted:
    batch = Receipts(desk.world["police"].id, 1, ())
    return desk.control("police", OutKind.RECEIPTS, "handrail-resend", batch.to_bytes())


def by_anothers_key(desk: RouterDesk) -> Posted:
    batch = Receipts(desk.world["police"].id, 1, ())
    return desk.control(
        "police", OutKind.RECEIPTS, Receipts.LABEL, batch.to_bytes(), signer=desk.world["school"].sign
    )


def from_a_stranger(desk: RouterDesk) -> Posted:
    batch = Receipts("m-aaaaaaaaaa", 1, ())
    posted = desk.control("police", OutKind.RECEIPTS, Receipts.LABEL, batch.to_bytes())
    return replace(posted, subject=replace(posted.subject, member="m-aaaaaaaaaa"))


def acceptance_by_no_one_time_key(desk: RouterDesk) -> Posted:
    accepted = HiddenAcceptance(b"h" * 16, "accepted")
    return desk.control(NEW, OutKind.UNNAMED, HiddenAcceptance.LABEL, accepted.to_bytes())


def key_times(**times: Any) -> Callable[[World], World]:
    def change(world: World) -> World:
        keys = tuple(key.model_copy(update=times) for key in world["police"].member.keys)
        return world.having_member("police", keys=keys)

    return change


EXPIRED: Final = key_times(not_after=NOW - timedelta(minutes=1))
REVOKED: Final = key_times(revoked_at=NOW - timedelta(minutes=1))
