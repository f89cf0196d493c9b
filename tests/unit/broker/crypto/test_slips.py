"""Board slips and countersignatures: small signed facts beside an event that must not be moved to another."""

from dataclasses import replace

import pytest

from broker.crypto.check import check_envelope, view_for
from broker.crypto.derive import COUNTER_LABEL, SLIP_BUCKET
from broker.crypto.errors import (
    AlteredError,
    BadSignatureError,
    MalformedError,
    NotAddressedError,
    UnknownSignerError,
    WrongLabelError,
)
from broker.crypto.keys import KemKey
from broker.crypto.open import open_view
from broker.crypto.seal import countersign
from broker.crypto.signing import sign
from broker.crypto.slips import new_slip_key, open_slip, open_slip_key, seal_slip, slip_key_ref
from schemas import canonical
from schemas.control import SlipKey
from schemas.envelope import FullEnvelope
from schemas.slip import BoardSlip, Heard, Whom
from tests.support.sealing import (
    AUTHOR,
    BOARD,
    CAST,
    CORE,
    EVENT,
    OTHER_EVENT,
    Drawn,
    a_draft,
    keys_of,
    sealed,
)

SLIP = BoardSlip("concern.raised", "safeguarding", "legal-obligation", 1, 2, "C-1").to_bytes()
OWN = new_slip_key(AUTHOR, BOARD, CAST.board.as_public, Drawn("slip key"))


def a_slip(plaintext: bytes = SLIP) -> bytes:
    return seal_slip(
        OWN.secret,
        OWN.setup.key_ref,
        author=AUTHOR,
        board=BOARD,
        event_id=EVENT,
        plaintext=plaintext,
        entropy=Drawn("slip"),
    )


def test_a_board_opens_the_slips_of_a_month_with_one_key() -> None:
    setup = SlipKey.from_bytes(OWN.setup.to_bytes())

    secret = open_slip_key(setup, CAST.board)

    assert setup.key_ref == slip_key_ref(a_slip())
    assert SLIP == open_slip(secret, a_slip(), author=AUTHOR, board=BOARD, event_id=EVENT)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param({"author": "m-malloryaaa", "board": BOARD, "event_id": EVENT}, id="another author"),
        pytest.param({"author": AUTHOR, "board": "m-boardbbbbb", "event_id": EVENT}, id="another board"),
        pytest.param({"author": AUTHOR, "board": BOARD, "event_id": OTHER_EVENT}, id="another event"),
    ],
)
def test_a_slip_cannot_be_moved(place: dict[str, object]) -> None:
    with pytest.raises(AlteredError, match="for this author, board and event"):
        open_slip(OWN.secret, a_slip(), **place)  # type: ignore[arg-type]


def test_a_slip_under_another_key_or_reference_does_not_open() -> None:
    key_ref, nonce, body = canonical.decode(a_slip())
    renamed = canonical.encode([bytes(16), nonce, body])
    assert key_ref != bytes(16)

    for secret, slip in ((bytes(32), a_slip()), (OWN.secret, renamed)):
        with pytest.raises(AlteredError):
            open_slip(secret, slip, author=AUTHOR, board=BOARD, event_id=EVENT)


def test_the_length_of_a_slip_does_not_tell_the_router_what_kind_of_thing_happened() -> None:
    """The router carries slips and must not learn an event's type; types are words of different lengths."""
    short = BoardSlip("da.incident", "care", "consent", 1, 2)
    longer = BoardSlip("professional_contacts.changed", "safeguarding", "public-task", 1, 2, "CASE-0001")
    everybody = tuple((whom, Heard.NOT_TOLD) for whom in Whom)
    told = replace(longer, code="RC5", informed=everybody)
    lengths = {len(a_slip(slip.to_bytes())) for slip in (short, longer, told)}

    assert 1 == len(lengths)
    assert SLIP_BUCKET + 100 > lengths.pop()


@pytest.mark.parametrize(
    "slip", [b"", b"\x80", canonical.encode([bytes(16), bytes(12)]), canonical.encode([b"", bytes(12), b""])]
)
def test_bytes_that_are_no_slip_are_malformed(slip: bytes) -> None:
    with pytest.raises(MalformedError):
        open_slip(OWN.secret, slip, author=AUTHOR, board=BOARD, event_id=EVENT)


def test_a_slip_key_is_set_up_for_one_author_and_board() -> None:
    setup = OWN.setup

    for other in (
        replace(setup, author="m-malloryaaa"),
        replace(setup, board="m-boardbbbbb"),
        replace(setup, key_ref=bytes(16)),
    ):
        with pytest.raises(NotAddressedError):
            open_slip_key(other, CAST.board)
    with pytest.raises(NotAddressedError):
        open_slip_key(setup, CAST.front)


@pytest.mark.parametrize("length", [0, 5, 16, 33])
def test_a_slip_key_of_another_length_is_refused_when_it_is_set_up(length: int) -> None:
    """Or an author could stop a board's node with a key that no cipher takes, or weaken it to AES-128."""
    info = canonical.encode(["handrail slip key", AUTHOR, BOARD, OWN.setup.key_ref])
    forged = replace(OWN.setup, sealed=CAST.board.as_public.seal(bytes(length), info))

    with pytest.raises(MalformedError, match="wrong length"):
        open_slip_key(forged, CAST.board)


def test_an_event_arrives_with_the_slips_that_were_signed() -> None:
    envelope = sealed().envelope
    first, second = envelope.slips

    for slips in (
        (),
        (first,),
        (second, first),
        (first, second, second),
        ((first[0], second[1]), (second[0], first[1])),
        (first, (second[0], b"another")),
        (first, ("m-malloryaaa", second[1])),
    ):
        with pytest.raises(AlteredError, match="slips"):
            check_envelope(replace(envelope, slips=slips), CAST.public_of, {})


def test_a_board_named_twice_is_no_place_to_hide_a_slip() -> None:
    """Its author signed two slips for one board: both must arrive as signed."""
    draft = a_draft(slips=((BOARD, b"one"), (BOARD, b"two")))
    envelope = sealed(draft).envelope

    check_envelope(envelope, CAST.public_of, {})
    with pytest.raises(AlteredError, match="slips"):
        check_envelope(replace(envelope, slips=((BOARD, b"forged"), (BOARD, b"two"))), CAST.public_of, {})


def _countersigner(envelope: FullEnvelope) -> str | None:
    return check_envelope(envelope, CAST.public_of, {}).countersigner


def _reader_sees(envelope: FullEnvelope, reader: KemKey = CAST.front) -> str | None:
    view = view_for(check_envelope(envelope, CAST.public_of, {}), {reader.key_id}, set())
    opened = open_view(view, CAST.public_of, keys_of(reader))
    assert CORE == opened.parts[0].plaintext
    return opened.countersigner


def test_a_countersignature_vouches_for_exactly_one_message() -> None:
    """For router and reader alike; a message without one has none."""
    envelope = sealed().envelope
    vouched = countersign(envelope, CAST.author_next)

    assert [None, None] == [_countersigner(envelope), _reader_sees(envelope)]
    assert [CAST.author_next.key_id] * 2 == [_countersigner(vouched), _reader_sees(vouched)]


def test_a_countersignature_cannot_be_moved_forged_or_made_from_another_signature() -> None:
    envelope = sealed().envelope
    other = countersign(sealed(a_draft(event_id=OTHER_EVENT)).envelope, CAST.author_next)
    assert other.countersigned is not None

    for counter, error in (
        (other.countersigned, AlteredError),
        (other.countersigned[:-1] + bytes([other.countersigned[-1] ^ 1]), BadSignatureError),
        (envelope.signed, WrongLabelError),
        (sign(CAST.author_next, "handrail-note", b""), WrongLabelError),
        (sign(CAST.author_next, COUNTER_LABEL, b""), AlteredError),
        (b"", MalformedError),
    ):
        with pytest.raises(error):
            _countersigner(replace(envelope, countersigned=counter))
    stranger = countersign(envelope, CAST.author_next)
    with pytest.raises(UnknownSignerError):
        check_envelope(stranger, lambda key: CAST.author.public if key == CAST.author.key_id else None, {})
