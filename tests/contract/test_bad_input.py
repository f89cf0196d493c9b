"""One table of everything that can be wrong with what a member sends, and the promise that covers all of it.

Each bad message gets a stable reason code, a sentence, and advice; it is kept, written down and returned to its
sender; and what was sent before and after it, in the same batch, is neither delayed nor lost.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.formats.nems.tree import MAX_BYTES
from broker.bus.subjects import OutSubject, partition_of
from broker.crypto import errors as crypto_errors
from broker.crypto.derive import EVENT_LABEL
from broker.crypto.keys import KemKey, SigningKey
from broker.crypto.signing import sign
from broker.errors import RejectedError
from broker.routing import refusals
from broker.routing.intake import Outcome
from schemas import canonical
from schemas.audit import EntryKind
from schemas.catalogue import parse_event, read_event
from schemas.control import Action, ActionKind, Receipts, Resend, SlipKey
from schemas.envelope import FullEnvelope
from schemas.errors import EventRefusedError
from schemas.orders import Order
from schemas.wire import MAX_MESSAGE_BYTES, EventClass, Kem, Lane, OutKind
from tests.support.desk import (
    CHILD,
    NEW,
    OLD,
    PUPIL,
    STRANGER,
    Posted,
    RouterDesk,
    a_desk,
    a_wide_directory,
    framed,
)
from tests.support.directory import CUMBERLAND, NOW, WESTMORLAND, World
from tests.support.events import a_document
from tests.support.nems_messages import a_move, as_xml, nhs_identifier, refused

Send = Callable[[RouterDesk], Posted]
NOT_THE_ROUTERS: Final = {
    crypto_errors.CryptoRejectedError: "never raised itself",
    crypto_errors.UnusableKeyError: "keys are judged when a directory is made, not when a message comes",
    crypto_errors.TwoFacedError: "only a reader can open a part: tests/unit/broker/crypto/test_attacks.py",
}


@dataclass(frozen=True)
class Bad:
    """One way to be wrong. ``send`` may first bring the router into the state in which it is."""

    code: str
    send: Send
    sender: str = "police"
    world: Callable[[World], World] = lambda world: world
    returned: bool = True


def _raw(by: str, data: bytes) -> Send:
    def send(desk: RouterDesk) -> Posted:
        seat = desk.world[by]
        return Posted(OutSubject(seat.id, Lane.NORMAL, partition_of((), seat.id)), data)

    return send


def _event(by: str = "police", **changes: Any) -> Send:
    return lambda desk: desk.event(by, **changes)


def _resigned(change: Callable[[RouterDesk, FullEnvelope], bytes]) -> Send:
    """A sealed event whose signed bytes were exchanged afterwards."""

    def send(desk: RouterDesk) -> Posted:
        posted = desk.event("police")
        assert posted.sealed is not None
        envelope = posted.sealed.envelope
        other = replace(envelope, signed=change(desk, envelope))
        return replace(posted, data=framed(OutKind.EVENT, other.to_bytes()))

    return send


def _unsigned(_desk: RouterDesk, envelope: FullEnvelope) -> bytes:
    protected, unprotected, payload, _ = canonical.decode(envelope.signed)
    return canonical.encode([protected, unprotected, payload, bytes(64)])


def _no_signature(_desk: RouterDesk, envelope: FullEnvelope) -> bytes:
    protected, unprotected, payload, _ = canonical.decode(envelope.signed)
    return canonical.encode([protected, unprotected, payload, b""])


def _unknown_suite(desk: RouterDesk, envelope: FullEnvelope) -> bytes:
    payload = canonical.decode(envelope.signed)[2]
    assert payload is not None
    manifest = canonical.decode(payload)
    manifest[0][2] = 99
    return sign(desk.world["police"].sign, EVENT_LABEL, canonical.encode(manifest))


def _forged(desk: RouterDesk) -> Posted:
    """Signed by a thief under the author's key id."""
    thief = SigningKey(b"t" * 32)
    thief.key_id = desk.world["police"].sign.key_id
    return desk.event("police", signer=thief)


def _altered(desk: RouterDesk) -> Posted:
    posted = desk.event("police")
    assert posted.sealed is not None
    envelope = posted.sealed.envelope
    part = envelope.parts[0]
    flipped = replace(part, ciphertext=bytes([part.ciphertext[0] ^ 1]) + part.ciphertext[1:])
    return replace(posted, data=framed(OutKind.EVENT, replace(envelope, parts=(flipped,)).to_bytes()))


def _impostor(desk: RouterDesk) -> Posted:
    posted = desk.event("school")
    return replace(posted, subject=replace(posted.subject, member=desk.world["police"].id))


def _other_author(desk: RouterDesk) -> Posted:
    return desk.event("police", author=desk.world["school"].id)


def _fork(desk: RouterDesk) -> Posted:
    desk.take(desk.event("police", event_class=EventClass.CONCERN))
    return desk.event(
        "police", sequence=desk.chains["police", Lane.NORMAL][0], event_class=EventClass.CONCERN
    )


def _fork_of_the_next(desk: RouterDesk) -> Posted:
    desk.take(desk.event("police", event_class=EventClass.CONCERN))
    return desk.event("police", previous=b"another history".ljust(32), event_class=EventClass.CONCERN)


def _in_handover(by: str, kind: ActionKind, **changes: Any) -> Send:
    def send(desk: RouterDesk) -> Posted:
        desk.take(desk.opens_matter(), desk.move())
        found = desk.handover(NEW).handover
        return desk.acts(by, Action(kind, found), **changes)

    return send


def _for_another_child(desk: RouterDesk) -> Posted:
    desk.take(desk.opens_matter(), desk.move(), desk.opens_matter(tokens=(PUPIL,), ref=b"p" * 16))
    action = Action(ActionKind.ACCEPT, desk.handover(NEW).handover)
    return desk.acts(NEW, action, tokens=(PUPIL,))


def _an_order(desk: RouterDesk) -> Order:
    desk.take(desk.opens_matter(), desk.move())
    desk.take(desk.acts(OLD, Action(ActionKind.RELEASE, desk.handover(NEW).handover)))
    return desk.orders(OLD)[-1]


def _grant(**changes: Any) -> Send:
    def send(desk: RouterDesk) -> Posted:
        order = _an_order(desk)
        values = {name: make(desk) if callable(make) else make for name, make in changes.items()}
        event_id = values.pop("event_id", order.events[0][0])
        return desk.grant(OLD, order, event_id, **values)

    return send


def _grant_of_anothers_order(desk: RouterDesk) -> Posted:
    order = _an_order(desk)
    return desk.grant(NEW, order, order.events[0][0])


def _refused_after_grant(desk: RouterDesk) -> Posted:
    order = _an_order(desk)
    desk.take(*(desk.grant(OLD, order, event) for event, _ in order.events))
    return desk.refuses(OLD, order)


def _receipt_for(by: str, member: str) -> Send:
    def send(desk: RouterDesk) -> Posted:
        desk.take(desk.opens_matter("police"))
        return desk.receipts(by, desk.receipt(desk.inbox(OLD)[0]), member=desk.world[member].id)

    return send


def _receipt_of_another_event(desk: RouterDesk) -> Posted:
    desk.take(desk.opens_matter("police"))
    receipt = replace(desk.receipt(desk.inbox(OLD)[0]), message_id=b"n" * 16)
    return desk.receipts(OLD, receipt)


def _resend_for_another(desk: RouterDesk) -> Posted:
    request = Resend(desk.world[OLD].id, (1,), 1)
    return desk.control("police", OutKind.RESEND, Resend.LABEL, request.to_bytes())


def _slip_key_of_another(desk: RouterDesk) -> Posted:
    setup = SlipKey(desk.world[OLD].id, desk.world["board"].id, b"k" * 16, "0" * 16, b"sealed")
    return desk.control("police", OutKind.SLIP_KEY, SlipKey.LABEL, setup.to_bytes())


def _wrong_label(desk: RouterDesk) -> Posted:
    batch = Receipts(desk.world["police"].id, 1, ())
    return desk.control("police", OutKind.RECEIPTS, "handrail-resend", batch.to_bytes())


def _by_anothers_key(desk: RouterDesk) -> Posted:
    batch = Receipts(desk.world["police"].id, 1, ())
    return desk.control(
        "police", OutKind.RECEIPTS, Receipts.LABEL, batch.to_bytes(), signer=desk.world["school"].sign
    )


def _from_a_stranger(desk: RouterDesk) -> Posted:
    batch = Receipts("m-aaaaaaaaaa", 1, ())
    posted = desk.control("police", OutKind.RECEIPTS, Receipts.LABEL, batch.to_bytes())
    return replace(posted, subject=replace(posted.subject, member="m-aaaaaaaaaa"))


def _key_times(**times: Any) -> Callable[[World], World]:
    def change(world: World) -> World:
        keys = tuple(key.model_copy(update=times) for key in world["police"].member.keys)
        return world.having_member("police", keys=keys)

    return change


EXPIRED: Final = _key_times(not_after=NOW - timedelta(minutes=1))
REVOKED: Final = _key_times(revoked_at=NOW - timedelta(minutes=1))

AT_THE_ROUTER: Final = {
    "malformed: no canonical bytes": Bad("malformed", _raw("police", b"\xff\xff\xff")),
    "malformed: nothing": Bad("malformed", _raw("police", b"")),
    "malformed: no frame": Bad("malformed", _raw("police", canonical.encode({"hello": 1}))),
    "malformed: no envelope": Bad("malformed", _raw("police", framed(OutKind.EVENT, b"\x80"))),
    "malformed: no signature": Bad("malformed", _resigned(_no_signature)),
    "malformed: an unknown action": Bad("malformed", _event(raw_action=["dance", None, None, None, False])),
    "malformed: an action of no shape": Bad("malformed", _event(raw_action={"kind": "release"})),
    "malformed: a control message": Bad("malformed", _raw("police", framed(OutKind.RECEIPTS, b"\x80"))),
    "oversized": Bad("oversized", _raw("police", bytes(MAX_MESSAGE_BYTES + 1))),
    "unknown schema version": Bad("unknown-version", _raw("police", canonical.encode([2, 1, b""]))),
    "unsigned": Bad("bad-signature", _resigned(_unsigned)),
    "forged": Bad("bad-signature", _forged),
    "signed with another member's key": Bad("bad-signature", _by_anothers_key),
    "unknown signer": Bad("unknown-signer", _event(signer=SigningKey(b"n" * 32))),
    "signed as another kind of message": Bad("wrong-label", _wrong_label),
    "altered on its way": Bad("altered", _altered),
    "unknown cipher suite": Bad("unknown-suite", _resigned(_unknown_suite)),
    "sealed to another router": Bad(
        "not-addressed",
        _event(hidden=True, router=KemKey.generate(Kem.MLKEM768_X25519, b"r" * 96).as_public),
    ),
    "impostor": Bad("impostor", _impostor),
    "another author in the header": Bad("impostor", _other_author),
    "expired key": Bad("key-expired", _event(), world=EXPIRED),
    "expired key on a control message": Bad("key-expired", _receipt_for("police", "police"), world=EXPIRED),
    "revoked key": Bad("key-revoked", _event(), world=REVOKED),
    "revoked key on a control message": Bad("key-revoked", _receipt_for("police", "police"), world=REVOKED),
    "a member that has left": Bad(
        "unknown-member", _event(), world=lambda world: world.having_member("police", left_on=NOW.date())
    ),
    "nobody we know": Bad("unknown-member", _from_a_stranger, returned=False),
    "directory too old": Bad("directory-too-old", _event(directory_version=0)),
    "replayed place, other content": Bad("chain-fork", _fork),
    "another history": Bad("chain-fork", _fork_of_the_next),
    "wrong acting area": Bad("wrong-acting-area", _event("school", acting=WESTMORLAND), sender="school"),
    "wrong kind of member": Bad("wrong-kind", _event("board", event_class=EventClass.PLAN), sender="board"),
    "unknown area": Bad("unknown-area", _event(to_area="E99999999", event_class=EventClass.MOVE)),
    "an area that is no code": Bad("unknown-area", _event(residence="12 Example Street")),
    "wrong lane": Bad("wrong-lane", _event(lane=Lane.BULK)),
    "misaddressed": Bad("misaddressed", _event(partition=(partition_of((CHILD,), "") + 1) % 8)),
    "release by the police": Bad("not-your-action", _in_handover("police", ActionKind.RELEASE)),
    "release by the new side": Bad("not-your-action", _in_handover(NEW, ActionKind.RELEASE), sender=NEW),
    "accept by the old side": Bad("not-your-action", _in_handover(OLD, ActionKind.ACCEPT), sender=OLD),
    "involvement by the school itself": Bad(
        "not-your-action",
        lambda desk: desk.event(
            "school",
            event_class=EventClass.INVOLVEMENT,
            action=Action(ActionKind.INVOLVE, member=desk.world["school"].id),
        ),
        sender="school",
    ),
    "unknown handover": Bad(
        "unknown-handover", lambda desk: desk.acts(NEW, Action(ActionKind.ACCEPT, b"x" * 16)), sender=NEW
    ),
    "a handover of another child": Bad("unknown-handover", _for_another_child, sender=NEW),
    "verified before released": Bad("not-possible-now", _in_handover(NEW, ActionKind.VERIFY), sender=NEW),
    "nothing to link": Bad(
        "nothing-to-link",
        lambda desk: desk.acts(OLD, Action(ActionKind.LINK), tokens=(STRANGER, PUPIL)),
        sender=OLD,
    ),
    "one identifier linked with itself": Bad(
        "nothing-to-link",
        lambda desk: desk.acts(OLD, Action(ActionKind.LINK), tokens=(CHILD, CHILD)),
        sender=OLD,
    ),
    "unlinked without a link": Bad(
        "nothing-to-link",
        lambda desk: desk.acts(OLD, Action(ActionKind.UNLINK), tokens=(CHILD, PUPIL)),
        sender=OLD,
    ),
    "grant for no order": Bad("unknown-order", _grant(order_id=b"o" * 16), sender=OLD),
    "grant of an event not ordered": Bad("unknown-order", _grant(event_id=b"e" * 16), sender=OLD),
    "grant to another reader": Bad(
        "unknown-order", _grant(reader=lambda desk: desk.world["school"].id), sender=OLD
    ),
    "grant for another's order": Bad("unknown-order", _grant_of_anothers_order, sender=NEW),
    "refusal after the grants": Bad("unknown-order", _refused_after_grant, sender=OLD),
    "grant in another's name": Bad(
        "grant-mismatch", _grant(grantor=lambda desk: desk.world[NEW].id), sender=OLD
    ),
    "receipts in another's name": Bad("foreign-receipt", _receipt_for("police", OLD)),
    "deliveries of another asked for again": Bad("foreign-receipt", _resend_for_another),
    "slip key in another's name": Bad("foreign-receipt", _slip_key_of_another),
    "receipt for another event": Bad("foreign-receipt", _receipt_of_another_event, sender=OLD),
}


@pytest.fixture(scope="module")
def wide() -> World:
    return a_wide_directory()


@pytest.fixture
def make_desk(tmp_path: Path, wide: World) -> Iterator[Callable[[Bad], RouterDesk]]:
    made: list[RouterDesk] = []

    def make(bad: Bad) -> RouterDesk:
        made.append(a_desk(tmp_path, bad.world(wide)))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.mark.parametrize("bad", AT_THE_ROUTER.values(), ids=AT_THE_ROUTER)
def test_a_bad_message_is_refused_by_name_and_holds_up_nobody(
    bad: Bad, make_desk: Callable[[Bad], RouterDesk]
) -> None:
    desk = make_desk(bad)
    desk.take(desk.opens_matter("health", ref=b"h" * 16))
    wrong = bad.send(desk)
    seen = len(desk.quarantine()), len(desk.audit(EntryKind.REFUSED))
    before, after = desk.event("health"), desk.event("health")

    outcomes = desk.take(before, wrong, after)

    assert [Outcome.TAKEN, Outcome.REFUSED, Outcome.TAKEN] == outcomes
    assert [before.event_id, after.event_id] == desk.views(OLD)[-2:]
    [kept] = desk.quarantine()[seen[0] :]
    assert (bad.code, wrong.data, "waiting") == (kept.code, kept.body, kept.state)
    [entry] = desk.audit(EntryKind.REFUSED)[seen[1] :]
    assert (bad.code, wrong.subject.member) == (entry.fields["code"], entry.fields["member"])
    if bad.returned:
        code, sentence, advice, event_id = desk.returned(bad.sender)[-1]
        assert (bad.code, kept.sentence) == (code, sentence)
        assert_says_what_to_do(sentence, advice)
        assert_names_nobody(desk, sentence + advice)
        assert event_id in {None, wrong.event_id}


def assert_says_what_to_do(sentence: str, advice: str) -> None:
    assert len(sentence.split()) >= 3, sentence
    assert len(advice.split()) >= 4, advice
    assert advice.endswith("."), advice


def assert_names_nobody(desk: RouterDesk, text: str) -> None:
    """No member, area, token, event or word of the message: the sender has the message, everybody else must not."""
    secrets = {str(seat.id) for seat in desk.world.seats.values()}
    secrets |= {CUMBERLAND, WESTMORLAND, "E99999999", "Example Street", "dance", "sealed words"}
    secrets |= {token.value.hex() for token in (CHILD, PUPIL, STRANGER)}
    assert not [secret for secret in secrets if secret in text], text
    assert not re.search(r"\b\d{10}\b", text), text


def test_every_refusal_that_the_router_can_make_is_in_the_table() -> None:
    """A new way to refuse must come with its row."""
    kinds = {
        kind
        for module in (refusals, crypto_errors)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, RejectedError) and kind.__module__ == module.__name__
    }

    reached = {bad.code for bad in AT_THE_ROUTER.values()}

    assert reached == {kind.code for kind in kinds - NOT_THE_ROUTERS.keys()}
    assert len({kind.code for kind in kinds}) == len(kinds), "two refusals share a code"
    for kind in kinds - {crypto_errors.CryptoRejectedError}:
        assert_says_what_to_do(kind().why, kind.advice)


def test_a_message_that_was_taken_is_acknowledged_again_and_changes_nothing(
    tmp_path: Path, wide: World
) -> None:
    desk = a_desk(tmp_path, wide)
    first = [desk.opens_matter(), desk.move(), desk.event("police"), desk.event("school", tokens=(STRANGER,))]
    desk.take(*first)
    order = _an_order(desk)
    grants = [desk.grant(OLD, order, event) for event, _ in order.events]
    desk.take(*grants)
    before = {name: desk.inbox(name) for name in desk.world.seats}, desk.audit()

    outcomes = desk.take(*first, *grants)

    assert [Outcome.REPEAT] * len(first) + [Outcome.TAKEN] * len(grants) == outcomes
    assert before == ({name: desk.inbox(name) for name in desk.world.seats}, desk.audit())
    desk.close()


def _event_document(**changes: Any) -> bytes:
    return json.dumps(a_document("move.notified") | changes, default=str).encode()


LAUGHS: Final = (
    b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Bundle xmlns="http://hl7.org/fhir">&b;</Bundle>'
)
AT_THE_GATEWAY: Final = {
    "hostile XML": ("hostile-xml", LAUGHS),
    "oversized": ("oversized", b" " * (MAX_BYTES + 1)),
    "malformed XML": ("malformed-xml", b'<Bundle xmlns="http://hl7.org/fhir"><id'),
    "malformed JSON": ("malformed-json", b"{"),
    "wrong check digit": (
        "nhs-number-check-digit",
        as_xml(a_move(identifier=[nhs_identifier("9990000019")])),
    ),
}
AS_AN_EVENT: Final = {
    "unknown schema version": ("unknown-version", _event_document(version="9")),
    "unknown type": ("unknown-type", _event_document(type="child.teleported")),
    "wrong check digit": ("invalid-event", _event_document(subject={"nhs_number": "9990000019"})),
    "wrong check letter": ("invalid-event", _event_document(subject={"upn": "A909999923001"})),
    "unknown field": ("invalid-event", _event_document(teleporter=True)),
    "oversized": ("oversized-event", b" " * 2_000_000),
    "malformed": ("malformed-json", b"{"),
}


@pytest.mark.parametrize(("code", "data"), AT_THE_GATEWAY.values(), ids=AT_THE_GATEWAY)
def test_a_bad_nhs_message_never_becomes_an_event(code: str, data: bytes) -> None:
    found = refused(data)

    assert found.has(code), [reason.code for reason in found.reasons]
    for reason in found.reasons:
        assert_says_what_to_do(reason.why, reason.advice)
        assert "9990000019" not in str(reason)


@pytest.mark.parametrize(("code", "data"), AS_AN_EVENT.values(), ids=AS_AN_EVENT)
def test_a_bad_event_is_refused_before_it_is_sealed(code: str, data: bytes) -> None:
    with pytest.raises(EventRefusedError) as raised:
        parse_event(data)

    assert code == raised.value.code
    for fault in raised.value.faults:
        assert fault.advice.strip(), fault
    assert "9990000019" not in str(raised.value)
    assert "A909999923001" not in str(raised.value)


def test_a_reader_refuses_an_event_with_a_critical_field_that_it_does_not_know() -> None:
    """Readers keep what they do not know and show it plainly, but not where its author says that it matters."""
    with pytest.raises(EventRefusedError, match="Update Handrail") as raised:
        read_event(_event_document(teleporter=True, critical=["teleporter"]))

    assert raised.value.code == "unknown-critical-field"
