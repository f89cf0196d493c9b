"""Handing an event on: a grant is good for one order, one reader, one event and one grantor."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from broker.crypto.check import check_envelope, view_for
from broker.crypto.derive import EVENT_LABEL
from broker.crypto.errors import (
    AlteredError,
    BadSignatureError,
    GrantMismatchError,
    MalformedError,
    NotAddressedError,
    TwoFacedError,
    UnknownSignerError,
    WrongLabelError,
)
from broker.crypto.grants import grant_part, open_grant, order_hash, read_grant, sign_grant
from broker.crypto.keys import KemKey
from broker.crypto.open import Opened, open_view, open_with_key
from broker.crypto.signing import sign
from schemas.envelope import View
from schemas.orders import Grant, GrantedPart, Order, OrderKind
from schemas.wire import Kem
from tests.support.sealing import CAST, CORE, EVENT, LOCATION, OTHER_EVENT, Drawn, a_draft, keys_of, sealed

FRONT = "m-frontaaaaa"
NEWCOMER = "m-newcomeraa"
TAKEN = 1_772_443_801_000


def an_order(digest: bytes, **changes: object) -> Order:
    order = Order(
        order_id=b"\x01" * 16,
        kind=OrderKind.HANDOVER,
        grantor=FRONT,
        reader=NEWCOMER,
        child=b"\x02" * 16,
        handover=b"\x03" * 16,
        evidence=b"\x04" * 16,
        events=((EVENT, digest),),
        issued_ms=TAKEN,
        expires_ms=TAKEN + 86_400_000,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


class Scene:
    """The old front door has opened its view; it grants both parts to the newcomer under one order."""

    def __init__(self) -> None:
        event = sealed()
        checked = check_envelope(event.envelope, CAST.public_of, {})
        self.view: View = view_for(checked, {CAST.front.key_id}, set())
        self.opened: Opened = open_view(self.view, CAST.public_of, keys_of(CAST.front))
        self.order = an_order(event.manifest_hash)

    @property
    def bound(self) -> bytes:
        return order_hash(self.order.to_bytes())

    def part(
        self, index: int, *, reader: KemKey = CAST.newcomer, grantor_key: str = "", key: bytes = b""
    ) -> GrantedPart:
        return grant_part(
            self.opened.manifest,
            index,
            self.view.parts[index].ciphertext,
            key or self.opened.parts[index].key,
            reader=reader.as_public,
            grantor_key=grantor_key or CAST.front_sign.key_id,
            order=self.bound,
        )

    def grant(self, *parts: GrantedPart) -> Grant:
        return Grant(
            order_id=self.order.order_id,
            grantor=FRONT,
            reader=NEWCOMER,
            event_id=EVENT,
            sequence=1,
            total=1,
            position=7,
            taken_ms=TAKEN,
            signed=self.view.signed,
            parts=parts or (self.part(0), self.part(1)),
        )

    def open(self, grant: Grant, key: KemKey = CAST.newcomer) -> Opened:
        return open_grant(grant, CAST.front_sign.key_id, self.bound, CAST.public_of, keys_of(key))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_grant_carries_the_authors_own_event_to_a_new_reader(scene: Scene) -> None:
    """Verified against the author's signature, not the grantor's word."""
    signed = sign_grant(scene.grant(), CAST.front_sign)

    grant, grantor_key = read_grant(signed, CAST.public_of)
    opened = open_grant(grant, grantor_key, scene.bound, CAST.public_of, keys_of(CAST.newcomer))

    assert (scene.grant().position, CAST.front_sign.key_id) == (grant.position, grantor_key)
    assert [CORE, LOCATION] == [part.plaintext for part in opened.parts]
    assert scene.opened.manifest_hash == opened.manifest_hash


def test_a_grant_can_go_to_a_p256_key(scene: Scene) -> None:
    grant = scene.grant(scene.part(0, reader=CAST.police))

    assert Kem.P256 is grant.parts[0].wrap.kem
    assert CORE == scene.open(grant, CAST.police).parts[0].plaintext


def test_what_was_granted_can_be_granted_on(scene: Scene) -> None:
    """The newcomer's vault holds the same part key, and the author's commitment still holds."""
    opened = scene.open(scene.grant())

    again = open_with_key(opened.manifest, 0, scene.view.parts[0].ciphertext, opened.parts[0].key)

    assert CORE == again.plaintext


def test_a_grant_under_another_order_does_not_open(scene: Scene) -> None:
    """The same grantor, reader and event: even one more event in the order makes it another order."""
    grant = scene.grant()
    event, digest = scene.order.events[0]
    others = [
        replace(scene.order, order_id=b"\x09" * 16),
        replace(scene.order, events=((event, digest), (OTHER_EVENT, digest))),
        replace(scene.order, expires_ms=scene.order.expires_ms + 1),
    ]

    for other in others:
        with pytest.raises(NotAddressedError, match="in this context"):
            open_grant(
                grant,
                CAST.front_sign.key_id,
                order_hash(other.to_bytes()),
                CAST.public_of,
                keys_of(CAST.newcomer),
            )


def test_another_grantor_cannot_send_it_as_its_own(scene: Scene) -> None:
    """Mallory signs a grant that the front door made: the wrap names the grantor's key."""
    stolen, key_id = read_grant(sign_grant(scene.grant(), CAST.mallory), CAST.public_of)

    with pytest.raises(NotAddressedError, match="in this context"):
        open_grant(stolen, key_id, scene.bound, CAST.public_of, keys_of(CAST.newcomer))


def test_a_grantor_cannot_grant_a_text_of_its_own(scene: Scene) -> None:
    """Another key than the author committed to shows nothing, whatever it would decrypt."""
    with pytest.raises(TwoFacedError):
        scene.open(scene.grant(scene.part(0, key=b"\x07" * 32)))


def test_a_grantor_cannot_replace_the_ciphertext(scene: Scene) -> None:
    part = replace(scene.part(0), ciphertext=scene.view.parts[1].ciphertext)

    with pytest.raises(AlteredError, match="a ciphertext is not the one"):
        scene.open(scene.grant(part))


def test_a_grant_is_for_the_reader_whose_key_it_names(scene: Scene) -> None:
    grant = scene.grant()

    with pytest.raises(NotAddressedError, match="does not have"):
        scene.open(grant, CAST.school)
    renamed = replace(grant.parts[0], wrap=replace(grant.parts[0].wrap, key_id=CAST.school.key_id))
    with pytest.raises(NotAddressedError, match="in this context"):
        scene.open(replace(grant, parts=(renamed,)), CAST.school)
    with pytest.raises(NotAddressedError, match="does not have"):
        weaker = replace(grant.parts[0], wrap=replace(grant.parts[0].wrap, kem=Kem.P256))
        scene.open(replace(grant, parts=(weaker,)))


def test_a_grant_names_the_event_that_it_carries(scene: Scene) -> None:
    with pytest.raises(GrantMismatchError, match="another event than it carries"):
        scene.open(replace(scene.grant(), event_id=OTHER_EVENT))


def test_a_granted_part_cannot_be_moved_to_another_event(scene: Scene) -> None:
    other = sealed(a_draft(event_id=OTHER_EVENT), entropy=Drawn("another"))
    grant = replace(scene.grant(), event_id=OTHER_EVENT, signed=other.envelope.signed)

    with pytest.raises(NotAddressedError, match="in this context"):
        scene.open(grant)


def _moved(part: GrantedPart) -> GrantedPart:
    return replace(part, index=1)


def _beyond(part: GrantedPart) -> GrantedPart:
    return replace(part, index=2)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [(_moved, NotAddressedError, "in this context"), (_beyond, AlteredError, "no such part")],
    ids=["another part's place", "no part's place"],
)
def test_a_granted_part_keeps_its_place(
    scene: Scene, change: Callable[[GrantedPart], GrantedPart], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        scene.open(scene.grant(change(scene.part(0))))


def test_a_granted_part_is_given_once_and_at_least_one_is_given(scene: Scene) -> None:
    with pytest.raises(AlteredError, match="twice"):
        scene.open(scene.grant(scene.part(0), scene.part(0)))
    with pytest.raises(NotAddressedError, match="holds no part"):
        scene.open(replace(scene.grant(), parts=()))


def test_the_authors_signature_is_checked_again_and_not_taken_from_the_grantor(scene: Scene) -> None:
    """A front door that makes up an event under the author's name has no signature for it."""
    manifest = scene.opened.manifest.to_bytes()
    forged = sign(CAST.front_sign, EVENT_LABEL, manifest)

    with pytest.raises(AlteredError, match="another key than the one that signed"):
        scene.open(replace(scene.grant(), signed=forged))
    signed = scene.view.signed
    with pytest.raises(BadSignatureError):
        scene.open(replace(scene.grant(), signed=signed[:-1] + bytes([signed[-1] ^ 1])))


def test_signatures_of_other_messages_are_no_grants(scene: Scene) -> None:
    payload = scene.grant().to_bytes()

    with pytest.raises(WrongLabelError, match="signed as 'handrail-event', offered as 'handrail-grant'"):
        read_grant(scene.view.signed, CAST.public_of)
    with pytest.raises(WrongLabelError):
        read_grant(sign(CAST.front_sign, Order.LABEL, payload), CAST.public_of)
    with pytest.raises(UnknownSignerError):
        read_grant(sign_grant(scene.grant(), CAST.front_sign), lambda _: None)
    with pytest.raises(MalformedError):
        read_grant(sign(CAST.front_sign, Grant.LABEL, payload[:-1]), CAST.public_of)
    with pytest.raises(MalformedError):
        read_grant(sign(CAST.front_sign, Grant.LABEL, b"\x80"), CAST.public_of)
    with pytest.raises(WrongLabelError):
        scene.open(replace(scene.grant(), signed=sign_grant(scene.grant(), CAST.front_sign)))
