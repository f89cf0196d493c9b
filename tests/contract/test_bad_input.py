"""One table of everything that can be wrong with what a member sends, and the promise that covers all of it.

Each bad message gets a stable reason code, a sentence, and advice; it is kept, written down and returned to its
sender; and what was sent before and after it, in the same batch, is neither delayed nor lost.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.formats.nems.tree import MAX_BYTES
from broker.bus.subjects import partition_of
from broker.crypto import errors as crypto_errors
from broker.crypto.keys import KemKey, SigningKey
from broker.errors import RejectedError
from broker.routing import refusals
from broker.routing.intake import Outcome
from schemas import canonical
from schemas.audit import EntryKind
from schemas.catalogue import parse_event, read_event
from schemas.control import Action, ActionKind
from schemas.errors import EventRefusedError
from schemas.wire import MAX_MESSAGE_BYTES, EventClass, Kem, Lane, OutKind
from tests.support import bad_messages as wrong
from tests.support.desk import (
    CHILD,
    NEW,
    OLD,
    PUPIL,
    STRANGER,
    RouterDesk,
    a_desk,
    a_wide_directory,
    framed,
)
from tests.support.directory import CUMBERLAND, NOW, WESTMORLAND, World
from tests.support.events import a_document
from tests.support.nems_messages import a_move, as_xml, nhs_identifier, refused

NOT_THE_ROUTERS: Final = {
    crypto_errors.CryptoRejectedError: "never raised itself",
    crypto_errors.UnusableKeyError: "keys are judged when a directory is made, not when a message comes",
    crypto_errors.TwoFacedError: "only a reader can open a part: tests/unit/broker/crypto/test_attacks.py",
    refusals.LostOnTheBusError: "what was taken is no bad input; it comes back: tests/rig/test_damaged_streams.py",
}


@dataclass(frozen=True)
class Bad:
    """One way to be wrong. ``send`` may first bring the router into the state in which it is."""

    code: str
    send: wrong.Send
    sender: str = "police"
    world: Callable[[World], World] = lambda world: world
    returned: bool = True


AT_THE_ROUTER: Final = {
    "malformed: no canonical bytes": Bad("malformed", wrong.raw("police", b"\xff\xff\xff")),
    "malformed: nothing": Bad("malformed", wrong.raw("police", b"")),
    "malformed: no frame": Bad("malformed", wrong.raw("police", canonical.encode({"hello": 1}))),
    "malformed: no envelope": Bad("malformed", wrong.raw("police", framed(OutKind.EVENT, b"\x80"))),
    "malformed: no signature": Bad("malformed", wrong.resigned(wrong.no_signature)),
    "malformed: an unknown action": Bad(
        "malformed", wrong.event(raw_action=["dance", None, None, None, False])
    ),
    "malformed: an action of no shape": Bad("malformed", wrong.event(raw_action={"kind": "release"})),
    "malformed: a control message": Bad("malformed", wrong.raw("police", framed(OutKind.RECEIPTS, b"\x80"))),
    "oversized": Bad("oversized", wrong.raw("police", bytes(MAX_MESSAGE_BYTES + 1))),
    "unknown schema version": Bad("unknown-version", wrong.raw("police", canonical.encode([2, 1, b""]))),
    "unsigned": Bad("bad-signature", wrong.resigned(wrong.unsigned)),
    "forged": Bad("bad-signature", wrong.forged),
    "signed with another member's key": Bad("bad-signature", wrong.by_anothers_key),
    "unknown signer": Bad("unknown-signer", wrong.event(signer=SigningKey(b"n" * 32))),
    "signed as another kind of message": Bad("wrong-label", wrong.wrong_label),
    "altered on its way": Bad("altered", wrong.altered),
    "unknown cipher suite": Bad("unknown-suite", wrong.resigned(wrong.unknown_suite)),
    "sealed to another router": Bad(
        "not-addressed",
        wrong.event(hidden=True, router=KemKey.generate(Kem.MLKEM768_X25519, b"r" * 96).as_public),
    ),
    "impostor": Bad("impostor", wrong.impostor),
    "another author in the header": Bad("impostor", wrong.other_author),
    "expired key": Bad("key-expired", wrong.event(), world=wrong.EXPIRED),
    "expired key on a control message": Bad(
        "key-expired", wrong.receipt_for("police", "police"), world=wrong.EXPIRED
    ),
    "revoked key": Bad("key-revoked", wrong.event(), world=wrong.REVOKED),
    "revoked key on a control message": Bad(
        "key-revoked", wrong.receipt_for("police", "police"), world=wrong.REVOKED
    ),
    "a member that has left": Bad(
        "unknown-member", wrong.event(), world=lambda world: world.having_member("police", left_on=NOW.date())
    ),
    "nobody we know": Bad("unknown-member", wrong.from_a_stranger, returned=False),
    "directory too old": Bad("directory-too-old", wrong.event(directory_version=0)),
    "replayed place, other content": Bad("chain-fork", wrong.fork),
    "another history": Bad("chain-fork", wrong.fork_of_the_next),
    "wrong acting area": Bad("wrong-acting-area", wrong.event("school", acting=WESTMORLAND), sender="school"),
    "wrong kind of member": Bad(
        "wrong-kind", wrong.event("board", event_class=EventClass.PLAN), sender="board"
    ),
    "unknown area": Bad("unknown-area", wrong.event(to_area="E99999999", event_class=EventClass.MOVE)),
    "an area that is no code": Bad("unknown-area", wrong.event(residence="12 Example Street")),
    "another member's event id": Bad("event-id-taken", wrong.with_anothers_id),
    "wrong lane": Bad("wrong-lane", wrong.event(lane=Lane.BULK)),
    "misaddressed": Bad("misaddressed", wrong.event(partition=(partition_of((CHILD,), "") + 1) % 8)),
    "release by the police": Bad("not-your-action", wrong.in_handover("police", ActionKind.RELEASE)),
    "release by the new side": Bad("not-your-action", wrong.in_handover(NEW, ActionKind.RELEASE), sender=NEW),
    "accept by the old side": Bad("not-your-action", wrong.in_handover(OLD, ActionKind.ACCEPT), sender=OLD),
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
    "a handover of another child": Bad("unknown-handover", wrong.for_another_child, sender=NEW),
    "verified before released": Bad(
        "not-possible-now", wrong.in_handover(NEW, ActionKind.VERIFY), sender=NEW
    ),
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
    "grant for no order": Bad("unknown-order", wrong.grant(order_id=b"o" * 16), sender=OLD),
    "grant of an event not ordered": Bad("unknown-order", wrong.grant(event_id=b"e" * 16), sender=OLD),
    "grant to another reader": Bad(
        "unknown-order", wrong.grant(reader=lambda desk: desk.world["school"].id), sender=OLD
    ),
    "grant for another's order": Bad("unknown-order", wrong.grant_of_anothers_order, sender=NEW),
    "refusal after the grants": Bad("unknown-order", wrong.refused_after_grant, sender=OLD),
    "grant in another's name": Bad(
        "grant-mismatch", wrong.grant(grantor=lambda desk: desk.world[NEW].id), sender=OLD
    ),
    "receipts in another's name": Bad("foreign-receipt", wrong.receipt_for("police", OLD)),
    "deliveries of another asked for again": Bad("foreign-receipt", wrong.resend_for_another),
    "slip key in another's name": Bad("foreign-receipt", wrong.slip_key_of_another),
    "acceptance that no one-time key has signed": Bad(
        "not-endorsed", wrong.acceptance_by_no_one_time_key, sender=NEW
    ),
    "receipt for another event": Bad("foreign-receipt", wrong.receipt_of_another_event, sender=OLD),
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
        desk.store.close()


@pytest.mark.parametrize("bad", AT_THE_ROUTER.values(), ids=AT_THE_ROUTER)
def test_a_bad_message_is_refused_by_name_and_holds_up_nobody(
    bad: Bad, make_desk: Callable[[Bad], RouterDesk]
) -> None:
    desk = make_desk(bad)
    desk.take(desk.opens_matter("health", ref=b"h" * 16))
    sent = bad.send(desk)
    seen = len(desk.quarantine()), len(desk.audit(EntryKind.REFUSED))
    before, after = desk.event("health"), desk.event("health")

    outcomes = desk.take(before, sent, after)

    assert [Outcome.TAKEN, Outcome.REFUSED, Outcome.TAKEN] == outcomes
    assert [before.event_id, after.event_id] == desk.views(OLD)[-2:]
    [kept] = desk.quarantine()[seen[0] :]
    assert (bad.code, sent.data, "waiting") == (kept.code, kept.body, kept.state)
    [entry] = desk.audit(EntryKind.REFUSED)[seen[1] :]
    assert (bad.code, sent.subject.member) == (entry.fields["code"], entry.fields["member"])
    if bad.returned:
        code, sentence, advice, event_id = desk.returned(bad.sender)[-1]
        assert (bad.code, kept.sentence) == (code, sentence)
        assert_says_what_to_do(sentence, advice)
        assert_names_nobody(desk, sentence + advice)
        assert event_id in {None, sent.event_id}


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
    order = wrong.an_order(desk)
    grants = [desk.grant(OLD, order, event) for event, _ in order.events]
    desk.take(*grants)
    before = {name: desk.inbox(name) for name in desk.world.seats}, desk.audit()

    outcomes = desk.take(*first, *grants)

    assert [Outcome.REPEAT] * len(first) + [Outcome.TAKEN] * len(grants) == outcomes
    assert before == ({name: desk.inbox(name) for name in desk.world.seats}, desk.audit())
    desk.store.close()


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
