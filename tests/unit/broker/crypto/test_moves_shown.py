"""A move as endorsers are shown it: the destination to them, the child to the old area, and neither both."""

from dataclasses import replace

import pytest

from broker.crypto.check import Views, check_envelope
from broker.crypto.derive import field_hash
from broker.crypto.endorsing import OneTimeKeys
from broker.crypto.errors import AlteredError, CryptoRejectedError, MalformedError, NotAddressedError
from broker.crypto.keys import SigningKey
from broker.crypto.moves import children_of, read_shown, show
from broker.crypto.open import open_view
from broker.crypto.signing import sign
from schemas import canonical
from schemas.envelope import Opening, View
from schemas.hiding import Asked, Endorsed, Shown, Ticket
from schemas.wire import Field
from tests.support.sealing import CAST, Drawn, keys_of, sealed, some_facts

EVENT = sealed()
HASHES = dict(EVENT.manifest.header.field_hashes)
KEYS = OneTimeKeys.generate(Drawn("handrail test one-time"))
TICKET = Ticket(b"h" * 16, KEYS.kem.public, KEYS.sign.public, 3, 1_790_000_000_000, HASHES[Field.TOKENS])
assert isinstance(EVENT.envelope.openings, tuple)
OPENINGS = {one.field: one for one in EVENT.envelope.openings}
SHOWN = Shown(EVENT.envelope.signed, OPENINGS[Field.TO])


def test_an_endorser_reads_where_the_move_leads_and_not_whose_it_is() -> None:
    plain = SHOWN.to_bytes()
    move = read_shown(show(SHOWN, TICKET, CAST.board.as_public), TICKET, CAST.board, CAST.public_of)

    assert ("E06000064", "m-authoraaaa") == (move.to_area, move.header.author)
    assert not [token for token in some_facts().tokens if token.value in plain]


def test_the_old_area_reads_whose_move_it_is_and_not_where_it_leads() -> None:
    endorsed = Endorsed(TICKET.to_bytes(), (), OPENINGS[Field.TOKENS])

    assert {token.value for token in some_facts().tokens} == children_of(TICKET, endorsed.child)
    assert b"E06000064" not in endorsed.to_bytes()
    assert endorsed == Endorsed.from_bytes(endorsed.to_bytes())


@pytest.mark.parametrize(
    ("opening", "error"),
    [
        pytest.param(None, MalformedError, id="none"),
        pytest.param(OPENINGS[Field.TO], MalformedError, id="of another field"),
        pytest.param(replace(OPENINGS[Field.TOKENS], salt=bytes(16)), AlteredError, id="another salt"),
        pytest.param(
            replace(OPENINGS[Field.TOKENS], value=canonical.encode([[1, b"d" * 16]])),
            AlteredError,
            id="another child",
        ),
    ],
)
def test_a_child_is_believed_only_as_the_ticket_has_it(
    opening: Opening | None, error: type[CryptoRejectedError]
) -> None:
    with pytest.raises(error):
        children_of(TICKET, opening)


def _read(shown: Shown = SHOWN, asked: Ticket = TICKET, read: Ticket = TICKET) -> object:
    return read_shown(show(shown, asked, CAST.board.as_public), read, CAST.board, CAST.public_of)


def test_a_move_serves_only_the_keys_and_the_endorser_that_it_was_shown_for() -> None:
    with pytest.raises(NotAddressedError):
        _read(read=replace(TICKET, handover=b"i" * 16))
    with pytest.raises(NotAddressedError):
        read_shown(show(SHOWN, TICKET, CAST.board.as_public), TICKET, CAST.front, CAST.public_of)


def test_a_move_of_another_child_is_none() -> None:
    other = replace(TICKET, child=bytes(32))

    with pytest.raises(AlteredError, match="another child"):
        _read(asked=other, read=other)


def test_what_its_author_did_not_sign_is_none() -> None:
    to = replace(OPENINGS[Field.TO], value=canonical.encode("E06000063"))
    stranger = SigningKey(Drawn("handrail test stranger")(32))
    forged = sign(stranger, "handrail-event", EVENT.manifest.to_bytes())

    for shown in (replace(SHOWN, to=to), replace(SHOWN, signed=forged)):
        with pytest.raises(CryptoRejectedError):
            _read(shown)


def test_a_ticket_of_a_version_before_is_read_as_it_was_signed() -> None:
    before = replace(TICKET, child=b"")

    assert 5 == len(canonical.decode(before.to_bytes()))
    assert before == Ticket.from_bytes(before.to_bytes())
    assert Endorsed(b"t", (b"e",)) == Endorsed.from_bytes(canonical.encode([b"t", [b"e"]]))


def test_a_request_is_read_as_it_was_written() -> None:
    asked = Asked(b"signed", OPENINGS[Field.TOKENS], (("m-one", b"sealed"),))

    assert asked == Asked.from_bytes(asked.to_bytes())


def test_openings_of_a_sensitive_move_are_for_their_reader_alone() -> None:
    """On the bus neither token nor area can be read; the front door that it leads to opens both, and no third field."""
    event = sealed(router=CAST.router.as_public)
    checked = check_envelope(event.envelope, CAST.public_of, keys_of(CAST.router))
    asked = frozenset({Field.TOKENS, Field.TO})

    cut = Views(checked).cut({CAST.front.key_id}, asked, CAST.front.as_public)

    assert b"E06000064" not in cut
    assert not [token for token in some_facts().tokens if token.value in cut]
    assert cut == View.from_bytes(cut).to_bytes()
    opened = open_view(View.from_bytes(cut), CAST.public_of, keys_of(CAST.front)).openings
    assert asked == opened.keys()
    assert "E06000064" == opened[Field.TO]
    with pytest.raises(NotAddressedError):
        open_view(View.from_bytes(cut), CAST.public_of, keys_of(CAST.school))


def test_the_salt_keeps_a_child_from_being_guessed_at_an_endorser() -> None:
    """Whoever has the ticket and a token in mind cannot tell whether it is that child's."""
    opening = OPENINGS[Field.TOKENS]

    assert TICKET.child == field_hash(Field.TOKENS, opening.salt, opening.value)
    assert TICKET.child != field_hash(Field.TOKENS, bytes(16), opening.value)
