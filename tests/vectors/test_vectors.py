"""The committed vectors: what is fixed is the same byte for byte, what is random opens to what it was made of."""

import json
from typing import Any

import pytest

from broker.crypto.check import check_envelope
from broker.crypto.derive import COUNTER_LABEL, EVENT_LABEL, header_hash, leaf, pad, unpad
from broker.crypto.grants import open_grant, order_hash, read_grant
from broker.crypto.keys import KemKey, SigningKey
from broker.crypto.open import open_view
from broker.crypto.signing import sign, verify
from broker.crypto.slips import open_slip, open_slip_key
from broker.routing.verify import unframe_out
from schemas import canonical
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.canonical import NotCanonicalError
from schemas.control import SlipKey
from schemas.envelope import FullEnvelope, Manifest, View
from schemas.orders import Order
from schemas.slip import BoardSlip
from schemas.wire import Kem, OutKind
from tests.support.sealing import CAST
from tests.vectors.make import FOLDER, everything

RANDOM = {
    "sealed", "leaf", "manifest", "manifest_hash", "signed", "frame", "countersignature", "views",
    "openings_sealed", "order", "order_hash", "order_signed", "grant_signed", "setup",
}  # fmt: skip
"""What rests on HPKE's random encapsulation; everything else never changes."""


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def _fixed(content: Any) -> Any:
    match content:
        case dict():
            return {name: _fixed(item) for name, item in content.items() if name not in RANDOM}
        case list():
            return [_fixed(item) for item in content]
        case _:
            return content


def _private(name: str) -> Any:
    found = load("keys")[name]
    secret = bytes.fromhex(found["private"])
    if found["algorithm"] == "ed25519":
        return SigningKey(secret)
    return KemKey(Kem[found["algorithm"].upper()], secret)


def _public_of(key_id: str) -> bytes | None:
    found = (key for key in load("keys").values() if key["key_id"] == key_id)
    return next((bytes.fromhex(key["public"]) for key in found if key["algorithm"] == "ed25519"), None)


def test_every_vector_file_is_made_and_committed() -> None:
    assert sorted(everything()) == sorted(path.stem for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_what_is_fixed_is_the_same_byte_for_byte(name: str) -> None:
    """A difference here is a change of the protocol: every vendor would have to make it too."""
    fresh = json.loads(json.dumps(_fixed(everything()[name])))

    assert fresh == _fixed(load(name))


@pytest.mark.parametrize("name", ["event", "event-sensitive"])
def test_a_frozen_event_is_still_taken_and_read(name: str) -> None:
    frozen = load(name)
    framed = unframe_out(bytes.fromhex(frozen["frame"]))
    envelope = FullEnvelope.from_bytes(framed.body)
    router = _private("router")

    checked = check_envelope(envelope, _public_of, {router.key_id: router})

    assert OutKind.EVENT is framed.kind
    assert framed.body == envelope.to_bytes()
    assert frozen["signed"] == envelope.signed.hex()
    assert frozen["manifest"] == checked.manifest.to_bytes().hex()
    assert frozen["manifest_hash"] == checked.manifest_hash.hex()
    assert frozen["header_hash"] == header_hash(checked.header).hex()
    assert [(one["field"], one["salt"], one["value"]) for one in frozen["openings"]] == [
        (int(one.field), one.salt.hex(), one.value.hex()) for one in checked.openings
    ]
    assert (
        envelope.signed
        == sign(_private("author"), EVENT_LABEL, bytes.fromhex(frozen["manifest"]))
        == bytes.fromhex(frozen["signed"])
    )


@pytest.mark.parametrize("name", ["event", "event-sensitive"])
def test_each_frozen_wrap_opens_to_the_part_key_and_has_its_leaf(name: str) -> None:
    frozen = load(name)
    envelope = FullEnvelope.from_bytes(unframe_out(bytes.fromhex(frozen["frame"])).body)
    keys = {key.key_id: key for key in map(_private, ("front", "school", "police"))}
    opened = 0

    for part, carried in zip(frozen["parts"], envelope.parts, strict=True):
        for wrap, row in zip(carried.wraps, part["wraps"], strict=True):
            assert (row["key_id"], row["kem"], row["sealed"]) == (wrap.key_id, wrap.kem, wrap.sealed.hex())
            assert row["leaf"] == leaf(wrap).hex()
            assert part["part_key"] == keys[wrap.key_id].open(wrap.sealed, bytes.fromhex(row["info"])).hex()
            opened += 1
    assert 5 == opened


@pytest.mark.parametrize("name", ["event", "event-sensitive"])
@pytest.mark.parametrize(("reader", "count"), [("front", 2), ("school", 1), ("police", 2)])
def test_each_frozen_view_opens_to_the_plaintexts(name: str, reader: str, count: int) -> None:
    frozen = load(name)
    key = _private(reader)

    opened = open_view(View.from_bytes(bytes.fromhex(frozen["views"][reader])), _public_of, {key.key_id: key})

    assert [part["plaintext"] for part in frozen["parts"]][:count] == [
        part.plaintext.hex() for part in opened.parts
    ]
    assert (2 if name == "event" else 0) == len(opened.openings)


def test_the_frozen_countersignature_holds_over_the_frozen_message() -> None:
    frozen = load("event")

    held = verify(bytes.fromhex(frozen["countersignature"]), COUNTER_LABEL, _public_of)

    assert CAST.author_next.key_id == held.key_id


def test_the_frozen_grant_opens_under_the_frozen_order() -> None:
    frozen = load("history")
    held = verify(bytes.fromhex(frozen["order_signed"]), Order.LABEL, _public_of)
    order = Order.from_bytes(held.payload)
    grant, grantor_key = read_grant(bytes.fromhex(frozen["grant_signed"]), _public_of)
    newcomer = _private("newcomer")

    bound = order_hash(order.to_bytes())
    opened = open_grant(grant, grantor_key, bound, _public_of, {newcomer.key_id: newcomer})

    assert (frozen["order"], frozen["order_hash"]) == (order.to_bytes().hex(), bound.hex())
    assert ((grant.event_id, opened.manifest_hash),) == order.events
    assert frozen["plaintexts"] == [part.plaintext.hex() for part in opened.parts]


def test_the_frozen_slip_key_opens_the_frozen_slip() -> None:
    frozen = load("slips")
    setup = SlipKey.from_bytes(bytes.fromhex(frozen["setup"]))
    secret = open_slip_key(setup, _private("board"))
    event = bytes.fromhex(frozen["event"])

    plaintext = open_slip(
        secret,
        bytes.fromhex(frozen["slip"]),
        author=frozen["author"],
        board=frozen["board"],
        event_id=event,
    )

    assert (frozen["slip_key"], frozen["plaintext"]) == (secret.hex(), plaintext.hex())


def test_the_frozen_slip_with_bands_reads_and_writes_the_same() -> None:
    frozen = bytes.fromhex(load("slips")["plaintext_with_bands"])
    slip = BoardSlip.from_bytes(frozen)

    assert Bands(AgeBand.FROM_1_TO_4, EthnicGroup.MIXED, Disabled.YES) == slip.bands
    assert frozen == slip.to_bytes()


def test_frozen_spellings_are_read_or_refused_as_they_say() -> None:
    frozen = load("canonical")

    for row in frozen["accepted"]:
        value = canonical.decode(bytes.fromhex(row["bytes"]))
        shown = {str(key): item for key, item in value.items()} if isinstance(value, dict) else value
        assert row["value"] == shown
        assert row["bytes"] == canonical.encode(value).hex()
    for data in frozen["refused"].values():
        with pytest.raises(NotCanonicalError):
            canonical.decode(bytes.fromhex(data))
    assert len(frozen["accepted"]) > 20


def test_frozen_padding_is_undone() -> None:
    frozen = load("padding")

    assert frozen["example"]["plaintext"] == unpad(bytes.fromhex(frozen["example"]["padded"])).hex()
    for row in frozen["sizes"]:
        assert row["plaintext"] == len(unpad(pad(bytes(row["plaintext"]))))
        assert row["padded"] in frozen["buckets"] or row["padded"] % frozen["buckets"][-1] == 0


def test_the_frozen_manifest_reads_back_to_the_same_bytes() -> None:
    manifest = bytes.fromhex(load("event")["manifest"])

    assert manifest == Manifest.from_bytes(manifest).to_bytes()
