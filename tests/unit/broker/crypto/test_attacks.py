"""What an attacker between author and reader may try, each with the refusal that it must meet."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.crypto.check import Checked, check_envelope
from broker.crypto.derive import EVENT_LABEL, derive, header_hash, leaf, pad, part_aad, unpad
from broker.crypto.errors import (
    AlteredError,
    BadSignatureError,
    CryptoRejectedError,
    MalformedError,
    NotAddressedError,
    TwoFacedError,
    UnknownSignerError,
    UnknownSuiteError,
)
from broker.crypto.keys import KemKey
from broker.crypto.open import Opened, open_view
from broker.crypto.seal import DraftPart, seal_event
from broker.crypto.signing import sign
from broker.routing.verify import ChainStep, judge_chain
from schemas.canonical import NotCanonicalError
from schemas.envelope import FullEnvelope, Manifest, SealedPart, View, ViewPart, Wrap
from schemas.reading import MalformedMessageError
from schemas.wire import ChainLink, Field, Kem, Lane, PartKind
from tests.support.sealing import (
    AUTHOR,
    CAST,
    CORE,
    LOCATION,
    OTHER_EVENT,
    Drawn,
    a_draft,
    a_part,
    keys_of,
    sealed,
    some_facts,
    view_of,
)
from tests.support.two_faces import two_faced

FORM = (NotCanonicalError, MalformedMessageError)
"""What reading bytes may raise before any cryptography is done."""


def check(envelope: FullEnvelope) -> Checked:
    return check_envelope(envelope, CAST.public_of, keys_of(CAST.router))


def read(view: View, reader: KemKey) -> Opened:
    return open_view(view, CAST.public_of, keys_of(reader))


def test_each_reader_opens_what_was_sealed_to_it_and_no_more() -> None:
    """Hybrid and P-256 readers of one event, each with the parts and openings meant for it."""
    envelope = FullEnvelope.from_bytes(sealed().envelope.to_bytes())

    opened = {
        name: read(View.from_bytes(view_of(key, envelope, Field.TO).to_bytes()), key)
        for name, key in (("front", CAST.front), ("school", CAST.school), ("police", CAST.police))
    }

    assert {
        "front": [(PartKind.CORE, CORE), (PartKind.LOCATION, LOCATION)],
        "school": [(PartKind.CORE, CORE)],
        "police": [(PartKind.CORE, CORE), (PartKind.LOCATION, LOCATION)],
    } == {name: [(part.kind, part.plaintext) for part in one.parts] for name, one in opened.items()}
    assert all(one.openings == {Field.TO: "E06000064"} for one in opened.values())
    assert [Kem.MLKEM768_X25519, Kem.MLKEM768_X25519, Kem.P256] == [
        wrap.kem for wrap in envelope.parts[0].wraps
    ]


def test_the_router_reads_the_routing_fields_and_nothing_else() -> None:
    event = sealed()

    checked = check(event.envelope)

    assert some_facts() == checked.facts
    assert (event.manifest, event.manifest_hash) == (checked.manifest, checked.manifest_hash)
    assert CORE not in event.envelope.to_bytes()


def _flips(data: bytes, *, every_bit: bool) -> list[bytes]:
    """``data`` with each single bit flipped, or one bit of each byte, another one from byte to byte."""
    return [
        data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
        for at in range(len(data))
        for bit in (range(8) if every_bit else (at % 8,))
    ]


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (CryptoRejectedError, *FORM):
        return "refused"
    return "accepted"


@pytest.mark.parametrize(
    ("reader", "every_bit"),
    [(CAST.police, True), (CAST.front, False)],
    ids=["p256, every bit", "hybrid, a bit of each byte"],
)
def test_no_single_bit_of_a_view_can_be_changed(reader: KemKey, every_bit: bool) -> None:
    """Every byte lies under a signature, a hash or an authentication tag; no flip raises anything unforeseen."""
    event = sealed(a_draft(parts=(a_part(PartKind.CORE, CORE, reader),), slips=()))
    view = view_of(reader, event.envelope, *Field).to_bytes()
    assert read(View.from_bytes(view), reader).part(PartKind.CORE) == CORE

    flips = _flips(view, every_bit=every_bit)
    outcomes = [_outcome(lambda data=data: read(View.from_bytes(data), reader)) for data in flips]  # type: ignore[misc]

    assert len(view) * (8 if every_bit else 1) == len(flips)
    assert (len(flips), 0) == (outcomes.count("refused"), outcomes.count("accepted"))


@pytest.mark.parametrize("router", [None, CAST.router.as_public], ids=["clear openings", "sealed openings"])
def test_no_single_bit_of_an_envelope_can_be_changed(router: object) -> None:
    """The router refuses each flip of what an author sent; wraps, slips and openings are outside the signature."""
    draft = a_draft(parts=(a_part(PartKind.CORE, CORE, CAST.police),))
    envelope = sealed(draft, router=None if router is None else CAST.router.as_public).envelope.to_bytes()
    check(FullEnvelope.from_bytes(envelope))

    flips = _flips(envelope, every_bit=False)
    outcomes = [_outcome(lambda data=data: check(FullEnvelope.from_bytes(data))) for data in flips]  # type: ignore[misc]

    assert (len(envelope), 0) == (outcomes.count("refused"), outcomes.count("accepted"))


def test_a_message_cut_short_anywhere_is_refused() -> None:
    view = view_of(CAST.police).to_bytes()

    outcomes = {_outcome(lambda end=end: View.from_bytes(view[:end])) for end in range(len(view))}  # type: ignore[misc]

    assert {"refused"} == outcomes


def test_surreptitious_forwarding_with_a_new_wrap_is_refused() -> None:
    """The school seals the part key anew to a reader whom the author did not choose, under the author's name."""
    view = view_of(CAST.school)
    key = read(view, CAST.school).parts[0].key
    info = b"whatever the school likes"
    wrap = Wrap(CAST.newcomer.key_id, Kem.MLKEM768_X25519, CAST.newcomer.as_public.seal(key, info))

    with pytest.raises(AlteredError, match="not one that was signed"):
        read(replace(view, parts=(replace(view.parts[0], wrap=wrap),)), CAST.newcomer)


def test_a_view_for_one_reader_is_of_no_use_to_another() -> None:
    with pytest.raises(NotAddressedError, match="does not have"):
        read(view_of(CAST.school), CAST.front)


def test_another_reader_cannot_be_made_to_try_its_key_on_a_foreign_wrap() -> None:
    """A key under a foreign id: even then the wrap does not open."""
    view = view_of(CAST.school)

    with pytest.raises(NotAddressedError, match="does not open"):
        open_view(view, CAST.public_of, {CAST.school.key_id: CAST.front})


def test_authorship_cannot_be_claimed_by_signing_the_same_manifest() -> None:
    """The signature is stripped and replaced: the header still names the true author's key."""
    event = sealed()
    stolen = sign(CAST.mallory, EVENT_LABEL, event.manifest.to_bytes())

    with pytest.raises(AlteredError, match="another key than the one that signed"):
        check(replace(event.envelope, signed=stolen))


def test_authorship_cannot_be_claimed_by_rewriting_the_header() -> None:
    """With the header rewritten too, router and signature are satisfied, but no reader's wrap opens any more."""
    event = sealed()
    header = replace(event.manifest.header, key_id=CAST.mallory.key_id, author="m-malloryaaa")
    manifest = replace(event.manifest, header=header)
    envelope = replace(event.envelope, signed=sign(CAST.mallory, EVENT_LABEL, manifest.to_bytes()))
    view = view_of(CAST.front, envelope)

    with pytest.raises(NotAddressedError, match="in this context"):
        read(view, CAST.front)


def test_a_two_faced_message_shows_its_second_face_to_nobody() -> None:
    """The invisible salamander, really built: one ciphertext whose tag verifies under two keys with two texts.

    The author seals one key to the front door and the other to the school. The commitment tells them apart.
    """
    made = two_faced(CAST.author, AUTHOR, CAST.front.as_public, CAST.school.as_public)

    faces = [
        AESGCM(keys.key).decrypt(keys.nonce, made.ciphertext, made.aad) for keys in (made.first, made.second)
    ]
    assert faces[0] != faces[1]
    assert b"risk: HIGH" in faces[0]
    assert b"risk: none" in faces[1]

    envelope = replace(sealed().envelope, signed=made.signed, parts=(made.part,), slips=())
    front, school = (
        View(envelope.signed, (), view_for_two_faced(envelope, made.manifest, key))
        for key in (CAST.front, CAST.school)
    )
    opened = read(front, CAST.front).part(PartKind.CORE)
    assert opened is not None
    assert b"risk: HIGH" in opened
    with pytest.raises(TwoFacedError, match="not the one that the author committed to"):
        read(school, CAST.school)


def view_for_two_faced(envelope: FullEnvelope, manifest: Manifest, reader: KemKey) -> tuple[ViewPart, ...]:
    position = [wrap.key_id for wrap in envelope.parts[0].wraps].index(reader.key_id)
    wrap = envelope.parts[0].wraps[position]
    assert manifest.parts[0].leaves[position] == leaf(wrap)
    return (ViewPart(0, envelope.parts[0].ciphertext, position, wrap),)


def test_a_part_key_that_is_padded_by_hmac_is_refused() -> None:
    """HMAC fills a short key with zeros, so a key of 31 bytes would pass the commitment of its padded twin."""
    key = bytes([7] * 31 + [0])
    of_header = header_hash(sealed().manifest.header)

    with pytest.raises(TwoFacedError, match="wrong length"):
        derive(key[:31], of_header, 0, PartKind.CORE)
    with pytest.raises(TwoFacedError, match="wrong length"):
        derive(key + b"\x00", of_header, 0, PartKind.CORE)


def _stripped(part: SealedPart) -> SealedPart:
    return replace(part, wraps=part.wraps[:-1])


def _added(part: SealedPart) -> SealedPart:
    extra = Wrap(CAST.newcomer.key_id, Kem.MLKEM768_X25519, b"x" * 1168)
    return replace(part, wraps=(*part.wraps, extra))


def _swapped(part: SealedPart) -> SealedPart:
    first, second, *rest = part.wraps
    return replace(part, wraps=(second, first, *rest))


def _renamed(part: SealedPart) -> SealedPart:
    first, *rest = part.wraps
    return replace(part, wraps=(replace(first, key_id=CAST.newcomer.key_id), *rest))


def _downgraded(part: SealedPart) -> SealedPart:
    first, *rest = part.wraps
    return replace(part, wraps=(replace(first, kem=Kem.P256), *rest))


@pytest.mark.parametrize("change", [_stripped, _added, _swapped, _renamed, _downgraded])
def test_readers_cannot_be_changed_on_the_way(change: Callable[[SealedPart], SealedPart]) -> None:
    envelope = sealed().envelope
    core, location = envelope.parts

    with pytest.raises(AlteredError, match="readers were removed, added or exchanged"):
        check(replace(envelope, parts=(change(core), location)))


def test_readers_learn_how_many_they_are_but_not_who() -> None:
    view = view_of(CAST.school).to_bytes()

    assert CAST.front.key_id.encode() not in view
    assert CAST.police.key_id.encode() not in view


def test_a_reader_moved_to_another_place_of_the_list_is_refused() -> None:
    view = view_of(CAST.school)

    for position in (0, 2, 3, 10**6):
        with pytest.raises(AlteredError, match="not one that was signed"):
            read(replace(view, parts=(replace(view.parts[0], position=position),)), CAST.school)


@pytest.mark.parametrize("suite", [0, 1, 3, 99])
def test_a_signed_suite_that_we_do_not_accept_is_refused(suite: int) -> None:
    """No negotiation and no fall-back: an author who signs another suite is refused by router and reader."""
    event = sealed()
    manifest = replace(event.manifest, header=replace(event.manifest.header, suite=suite))
    signed = sign(CAST.author, EVENT_LABEL, manifest.to_bytes())

    with pytest.raises(UnknownSuiteError, match=f"suite {suite}"):
        check(replace(event.envelope, signed=signed))
    with pytest.raises(UnknownSuiteError, match=f"suite {suite}"):
        read(replace(view_of(CAST.front), signed=signed), CAST.front)


def test_an_author_cannot_seal_with_a_weaker_kem_to_a_hybrid_key() -> None:
    """The reader's own record of its key decides, not the number in the wrap."""
    wrong = DraftPart(PartKind.CORE, CORE, (replace(CAST.police.as_public, key_id=CAST.front.key_id),))
    event = sealed(a_draft(parts=(wrong,)))

    with pytest.raises(NotAddressedError, match="a key that this gateway does not have"):
        read(view_of(CAST.front, event.envelope), CAST.front)


def test_a_replayed_event_is_known_by_its_place_in_the_authors_chain() -> None:
    """Replay and silent drop show in the signed chain: nothing is applied twice, a hole is seen."""
    first = check(sealed().envelope)
    link = first.facts.chain
    later = ChainLink(Lane.URGENT, 3, b"\x01" * 32)

    assert ChainStep.NEXT is judge_chain(link, first.manifest_hash, 0, bytes(32))
    assert ChainStep.REPEAT is judge_chain(link, first.manifest_hash, 1, first.manifest_hash)
    assert ChainStep.FORK is judge_chain(link, b"\x02" * 32, 1, first.manifest_hash)
    assert ChainStep.GAP is judge_chain(later, b"\x03" * 32, 1, first.manifest_hash)


def test_a_part_cannot_be_moved_to_another_event() -> None:
    """The same author and readers, another event id: ciphertext and wraps are bound to theirs."""
    event, other = sealed(), sealed(a_draft(event_id=OTHER_EVENT), entropy=Drawn("another event"))

    with pytest.raises(AlteredError, match="a ciphertext is not the one"):
        check(replace(other.envelope, parts=event.envelope.parts))
    view, other_view = view_of(CAST.front), view_of(CAST.front, other.envelope)
    with pytest.raises(AlteredError, match="not one that was signed"):
        read(replace(other_view, parts=view.parts), CAST.front)


def test_a_part_cannot_be_moved_even_by_an_author_who_signs_the_move() -> None:
    """A dishonest author puts an old part into a new event: key derivation and wrap are bound to the header."""
    event, other = sealed(), sealed(a_draft(event_id=OTHER_EVENT), entropy=Drawn("another event"))
    manifest = replace(other.manifest, parts=event.manifest.parts)
    signed = sign(CAST.author, EVENT_LABEL, manifest.to_bytes())
    envelope = replace(other.envelope, signed=signed, parts=event.envelope.parts)

    with pytest.raises(NotAddressedError, match="in this context"):
        read(view_of(CAST.front, envelope), CAST.front)


def test_parts_cannot_change_places() -> None:
    envelope = sealed().envelope
    core, location = envelope.parts
    view = view_of(CAST.front)
    first, second = view.parts

    with pytest.raises(AlteredError, match="a ciphertext is not the one"):
        check(replace(envelope, parts=(location, core)))
    with pytest.raises(AlteredError, match="not one that was signed"):
        read(replace(view, parts=(replace(first, index=1), replace(second, index=0))), CAST.front)
    with pytest.raises(AlteredError, match="no such part"):
        read(replace(view, parts=(replace(first, index=2),)), CAST.front)


def test_a_part_cannot_be_left_out_towards_the_router_or_given_twice_to_a_reader() -> None:
    envelope = sealed().envelope
    view = view_of(CAST.front)

    with pytest.raises(AlteredError, match="parts are missing or added"):
        check(replace(envelope, parts=envelope.parts[:1]))
    with pytest.raises(AlteredError, match="twice"):
        read(replace(view, parts=(view.parts[0], view.parts[0])), CAST.front)
    with pytest.raises(NotAddressedError, match="no part for this reader"):
        read(replace(view, parts=()), CAST.front)


def test_another_ciphertext_under_the_right_wrap_is_refused() -> None:
    view = view_of(CAST.front)
    first = replace(view.parts[0], ciphertext=view.parts[1].ciphertext)

    with pytest.raises(AlteredError, match="a ciphertext is not the one"):
        read(replace(view, parts=(first,)), CAST.front)


def test_a_ciphertext_that_does_not_decrypt_is_refused_although_it_was_signed() -> None:
    """An author who signs rubbish under a right commitment."""
    event = sealed()
    core = event.manifest.parts[0]
    of_header = header_hash(event.manifest.header)
    keys = derive(event.part_keys[0], of_header, 0, core.kind)
    rubbish = bytes(core.length)
    with pytest.raises(AlteredError, match="does not decrypt"):
        _open_signed(event.manifest, rubbish, event.part_keys[0])

    unpadded = AESGCM(keys.key).encrypt(keys.nonce, b"\xff" * 512, part_aad(of_header, 0, core.kind))
    with pytest.raises(MalformedError, match="padding"):
        _open_signed(event.manifest, unpadded, event.part_keys[0])


def _open_signed(manifest: Manifest, ciphertext: bytes, key: bytes) -> None:
    from broker.crypto.open import open_with_key

    summary = replace(
        manifest.parts[0],
        ciphertext_hash=hashlib.sha256(ciphertext).digest(),
        length=len(ciphertext),
    )
    open_with_key(replace(manifest, parts=(summary,)), 0, ciphertext, key)


def test_a_length_that_is_not_the_ciphertexts_is_refused_although_it_was_signed() -> None:
    event = sealed()
    core, location = event.manifest.parts
    manifest = replace(event.manifest, parts=(replace(core, length=core.length + 1), location))

    with pytest.raises(AlteredError, match="a ciphertext is not the one"):
        check(replace(event.envelope, signed=sign(CAST.author, EVENT_LABEL, manifest.to_bytes())))


@pytest.mark.parametrize(
    "padded",
    [
        pytest.param(pad(b"text")[:-1] + b"\x01", id="something after the text"),
        pytest.param((509).to_bytes(4, "big") + bytes(508), id="a length beyond the end"),
        pytest.param(b"\x00\x00\x00", id="no whole length"),
    ],
)
def test_padding_that_could_hide_something_is_refused(padded: bytes) -> None:
    with pytest.raises(MalformedError, match="padding"):
        unpad(padded)


def test_nothing_is_sealed_to_nobody() -> None:
    with pytest.raises(ValueError, match="at least one reader"):
        sealed(a_draft(parts=(DraftPart(PartKind.CORE, CORE, ()),)))


def test_an_untrusted_key_and_a_wrong_signature_are_told_apart() -> None:
    event = sealed()
    stranger = seal_event(a_draft(), signer=CAST.author, router=None, entropy=Drawn("x"))

    with pytest.raises(UnknownSignerError, match=CAST.author.key_id):
        check_envelope(event.envelope, lambda _: None, {})
    with pytest.raises(BadSignatureError):
        check_envelope(stranger.envelope, lambda _: CAST.mallory.public, {})
