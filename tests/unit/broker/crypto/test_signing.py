"""COSE_Sign1 as the protocol uses it: one algorithm, one header form, one label for each kind of message."""

import contextlib
from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.derive import COUNTER_LABEL, EVENT_LABEL
from broker.crypto.errors import (
    BadSignatureError,
    MalformedError,
    UnknownSignerError,
    UnusableKeyError,
    WrongLabelError,
)
from broker.crypto.keys import SigningKey, check_signing_key, signature_holds
from broker.crypto.signing import Signed, sign, unverified_payload, unverified_signer, verify
from schemas import canonical, directory
from schemas.control import Note, Receipts, Resend, SlipKey
from schemas.orders import Grant, Order, Refusal
from tests.support.sealing import CAST

LABELS = (
    EVENT_LABEL,
    COUNTER_LABEL,
    Note.LABEL,
    Receipts.LABEL,
    Resend.LABEL,
    SlipKey.LABEL,
    Order.LABEL,
    Grant.LABEL,
    Refusal.LABEL,
    directory.LABEL,
)
PAYLOAD = b"what was signed"


def test_every_kind_of_message_has_a_label_of_its_own() -> None:
    assert len(LABELS) == len(set(LABELS))


@pytest.mark.parametrize("label", LABELS)
def test_a_signature_is_good_for_its_own_kind_of_message_only(label: str) -> None:
    signed = sign(CAST.author, label, PAYLOAD)

    assert Signed(CAST.author.key_id, PAYLOAD) == verify(signed, label, CAST.public_of)
    for other in set(LABELS) - {label}:
        with pytest.raises(WrongLabelError, match=f"signed as '{label}', offered as '{other}'"):
            verify(signed, other, CAST.public_of)


def test_signing_the_same_again_gives_the_same_bytes() -> None:
    assert sign(CAST.author, EVENT_LABEL, PAYLOAD) == sign(CAST.author, EVENT_LABEL, PAYLOAD)


def test_a_signer_is_a_claim_until_it_was_verified() -> None:
    signed = sign(CAST.mallory, EVENT_LABEL, PAYLOAD)

    assert CAST.mallory.key_id == unverified_signer(signed)
    assert PAYLOAD == unverified_payload(signed)
    with pytest.raises(UnknownSignerError, match=CAST.mallory.key_id):
        verify(signed, EVENT_LABEL, lambda key_id: None)


def _signature(structure: list[object], signer: SigningKey = CAST.author) -> list[object]:
    """The structure signed over what it holds now."""
    to_be_signed = cbor2.dumps(["Signature1", structure[0], b"", structure[2]], canonical=True)
    return [*structure[:3], signer.sign(to_be_signed)]


def _header(**changes: object) -> bytes:
    header = {1: -19, 4: bytes.fromhex(CAST.author.key_id), 16: EVENT_LABEL}
    header |= {int(name.removeprefix("k")): value for name, value in changes.items()}
    return cbor2.dumps({key: value for key, value in header.items() if value is not ...}, canonical=True)


@pytest.mark.parametrize(
    "structure",
    [
        pytest.param([_header(k1=-8), {}, PAYLOAD], id="the deprecated EdDSA number"),
        pytest.param([_header(k1=-7), {}, PAYLOAD], id="ECDSA"),
        pytest.param([_header(k1=0), {}, PAYLOAD], id="algorithm none"),
        pytest.param([_header(k1=...), {}, PAYLOAD], id="no algorithm"),
        pytest.param([_header(k4=...), {}, PAYLOAD], id="no key id"),
        pytest.param([_header(k4=CAST.author.key_id), {}, PAYLOAD], id="key id as text"),
        pytest.param([_header(k16=...), {}, PAYLOAD], id="no label"),
        pytest.param([_header(k16=42), {}, PAYLOAD], id="a label that is a number"),
        pytest.param([_header(k2=[1]), {}, PAYLOAD], id="critical headers"),
        pytest.param([_header(k3="text/plain"), {}, PAYLOAD], id="a content type"),
        pytest.param([_header(), {1: -19}, PAYLOAD], id="an unprotected header"),
        pytest.param([_header(), [], PAYLOAD], id="no map where the unprotected header stands"),
        pytest.param([_header(), {}, None], id="a detached payload"),
        pytest.param([_header(), {}, "text"], id="a payload that is text"),
        pytest.param([b"", {}, PAYLOAD], id="an empty protected header"),
        pytest.param([b"\xa0", {}, PAYLOAD], id="a protected header without entries"),
        pytest.param([_header() + b"\x00", {}, PAYLOAD], id="bytes after the protected header"),
    ],
)
def test_headers_that_the_protocol_does_not_use_are_refused_though_the_signature_holds(
    structure: list[object],
) -> None:
    signed = cbor2.dumps(_signature(structure), canonical=True)

    with pytest.raises(MalformedError):
        verify(signed, EVENT_LABEL, CAST.public_of)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda signed: b"\xd2" + signed, id="tagged"),
        pytest.param(lambda signed: signed + b"\x00", id="bytes after the end"),
        pytest.param(lambda signed: signed[:-1], id="cut short"),
        pytest.param(lambda signed: b"\x83" + signed[1:], id="three items"),
        pytest.param(lambda signed: b"\x98\x04" + signed[1:], id="a longer spelling"),
        pytest.param(lambda signed: signed[:-66] + b"\x58\x3f" + signed[-63:], id="a short signature"),
        pytest.param(lambda signed: b"", id="nothing"),
    ],
)
def test_other_forms_of_a_signed_message_are_refused(change: Callable[[bytes], bytes]) -> None:
    signed = sign(CAST.author, EVENT_LABEL, PAYLOAD)

    with pytest.raises(MalformedError):
        verify(change(signed), EVENT_LABEL, CAST.public_of)


def test_the_signature_covers_header_and_payload() -> None:
    protected = _header()
    other_label = _signature([_header(k16="handrail-note"), {}, PAYLOAD])
    for forged in (
        [protected, {}, b"another payload", _signature([protected, {}, PAYLOAD])[3]],
        [protected, {}, PAYLOAD, other_label[3]],
        [protected, {}, PAYLOAD, bytes(64)],
        _signature([protected, {}, PAYLOAD], CAST.mallory),
    ):
        with pytest.raises(BadSignatureError):
            verify(cbor2.dumps(forged, canonical=True), EVENT_LABEL, CAST.public_of)


SMALL_ORDER = [
    pytest.param("0100000000000000000000000000000000000000000000000000000000000000", id="order 1"),
    pytest.param("0000000000000000000000000000000000000000000000000000000000000000", id="order 4"),
    pytest.param("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", id="order 2"),
    pytest.param("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", id="order 8"),
]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_under_a_key_of_small_order_no_signature_holds_and_none_is_registered(point: str) -> None:
    """Under the identity point the signature R = identity, S = 0 verifies for every message in OpenSSL."""
    public = bytes.fromhex(point)
    forged = bytes.fromhex("01" + "00" * 63)

    assert not signature_holds(public, b"anything", forged)
    with pytest.raises(UnusableKeyError, match="not a usable Ed25519 public key"):
        check_signing_key(public)


def test_a_key_or_signature_of_the_wrong_length_holds_for_nothing() -> None:
    signature = CAST.author.sign(PAYLOAD)

    assert signature_holds(CAST.author.public, PAYLOAD, signature)
    assert not signature_holds(CAST.author.public[:-1], PAYLOAD, signature)
    assert not signature_holds(CAST.author.public, PAYLOAD, signature[:-1])
    assert not signature_holds(CAST.author.public, PAYLOAD, signature + b"\x00")


@given(st.data())
def test_a_signed_message_is_read_only_where_it_is_one_value_in_its_one_spelling(data: st.DataObject) -> None:
    """Its frame is read by hand; what the general reader refuses, or reads as something else, is refused here too."""
    signed = bytearray(sign(CAST.author, Note.LABEL, b"payload" * data.draw(st.integers(0, 50))))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, min(60, len(signed) - 1)))
        signed[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    changed = bytes(signed)
    try:
        signer = unverified_signer(changed)
    except MalformedError:
        with contextlib.suppress(canonical.NotCanonicalError):
            assert not _is_sign1(canonical.decode(changed))
    else:
        value = canonical.decode(changed)
        assert _is_sign1(value)
        assert signer == canonical.decode(value[0])[4].hex()
        assert unverified_payload(changed) == value[2]


def _is_sign1(value: object) -> bool:
    match value:
        case [bytes(protected), {}, bytes(), bytes(signature)] if not value[1] and len(signature) == 64:
            with contextlib.suppress(canonical.NotCanonicalError):
                match header := canonical.decode(protected):
                    case {1: -19, 4: bytes(), 16: str()}:
                        return len(header) == 3
    return False
