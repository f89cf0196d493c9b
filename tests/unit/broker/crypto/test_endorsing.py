"""One-time keys: believed with enough endorsers of the directory, and for nothing but what was endorsed."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.endorsing import (
    OneTimeKeys,
    accept_unnamed,
    check_endorsed,
    choose_endorsements,
    endorse,
    kem_of,
    read_request,
    read_unnamed,
    request,
)
from broker.crypto.errors import (
    BadSignatureError,
    CryptoRejectedError,
    NotEndorsedError,
    UnknownSignerError,
    WrongLabelError,
)
from broker.crypto.keys import SigningKey
from schemas.hiding import ACCEPTED, Endorsed, HiddenAcceptance, Ticket

HANDOVER = b"h" * 16
NOISE = random.Random(4).randbytes
KEYS = OneTimeKeys.generate(NOISE)
TICKET = Ticket(HANDOVER, KEYS.kem.public, KEYS.sign.public, 3, 1_790_000_000_000)
ENDORSERS = [SigningKey(NOISE(32)) for _ in range(4)]
STRANGER = SigningKey(NOISE(32))
OWNERS = {key.key_id: f"m-{place}" for place, key in enumerate(ENDORSERS)}
PUBLIC = {key.key_id: key.public for key in [*ENDORSERS, STRANGER, KEYS.sign]}


def _checked(*signers: SigningKey, ticket: Ticket = TICKET, threshold: int = 2) -> Ticket:
    signed = tuple(endorse(TICKET, signer) for signer in signers)
    return check_endorsed(Endorsed(ticket.to_bytes(), signed), OWNERS, PUBLIC.get, threshold)


@given(st.sets(st.integers(0, 3)), st.integers(1, 4))
def test_it_takes_so_many_endorsers_and_no_fewer(who: set[int], threshold: int) -> None:
    signers = [ENDORSERS[place] for place in who]

    if len(signers) >= threshold:
        assert TICKET == _checked(*signers, threshold=threshold)
    else:
        with pytest.raises(NotEndorsedError):
            _checked(*signers, threshold=threshold)


def test_an_endorser_counts_once_with_however_many_keys() -> None:
    both = {key.key_id: "m-one" for key in ENDORSERS}
    signed = tuple(endorse(TICKET, key) for key in ENDORSERS)

    with pytest.raises(NotEndorsedError):
        check_endorsed(Endorsed(TICKET.to_bytes(), signed), both, PUBLIC.get, 2)


def test_signatures_of_others_count_for_nothing() -> None:
    with pytest.raises(NotEndorsedError):
        _checked(ENDORSERS[0], STRANGER, KEYS.sign)


def test_an_exchange_without_endorsers_believes_no_one_time_key() -> None:
    with pytest.raises(NotEndorsedError):
        _checked(threshold=0)


@pytest.mark.parametrize(
    "other",
    [
        {"handover": b"i" * 16},
        {"directory_version": 4},
        {"expires_ms": 1},
        {"kem_public": OneTimeKeys.generate(NOISE).kem.public},
        {"sign_public": STRANGER.public},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_was_endorsed_is_good_for_nothing_else(other: dict[str, object]) -> None:
    with pytest.raises(NotEndorsedError):
        _checked(*ENDORSERS, ticket=replace(TICKET, **other))  # type: ignore[arg-type]


def test_a_request_is_no_endorsement_and_says_whose_it_is_to_the_endorsers_only() -> None:
    asked = request(TICKET, STRANGER)

    assert (TICKET, STRANGER.key_id) == read_request(asked, PUBLIC.get)
    with pytest.raises(NotEndorsedError):
        check_endorsed(Endorsed(TICKET.to_bytes(), (request(TICKET, ENDORSERS[0]),)), OWNERS, PUBLIC.get, 1)
    with pytest.raises(WrongLabelError):
        read_request(endorse(TICKET, STRANGER), PUBLIC.get)


def test_an_acceptance_is_the_endorsed_keys_word_about_that_handover() -> None:
    word = HiddenAcceptance(HANDOVER, ACCEPTED)
    signed = accept_unnamed(word, KEYS)

    assert word == read_unnamed(signed, TICKET)
    with pytest.raises(UnknownSignerError):
        read_unnamed(signed, replace(TICKET, sign_public=STRANGER.public))
    with pytest.raises(NotEndorsedError):
        read_unnamed(accept_unnamed(HiddenAcceptance(b"i" * 16, ACCEPTED), KEYS), TICKET)
    with pytest.raises(BadSignatureError):
        read_unnamed(signed[:-1] + bytes([signed[-1] ^ 1]), TICKET)


def test_no_key_is_sealed_to_that_cannot_be_used() -> None:
    broken = replace(TICKET, sign_public=bytes(32))
    signed = tuple(endorse(broken, key) for key in ENDORSERS)

    with pytest.raises(CryptoRejectedError):
        check_endorsed(Endorsed(broken.to_bytes(), signed), OWNERS, PUBLIC.get, 2)


def test_keys_come_back_from_the_vault_as_they_were() -> None:
    again = OneTimeKeys.from_secret(KEYS.secret())

    assert (KEYS.kem.key_id, KEYS.sign.key_id) == (again.kem.key_id, again.sign.key_id)
    assert b"part key" == again.kem.open(kem_of(TICKET).seal(b"part key", b"info"), b"info")


def test_which_endorsements_go_along_does_not_tell_which_came_first() -> None:
    signed = [endorse(TICKET, key) for key in ENDORSERS]

    assert choose_endorsements(signed, 2) == choose_endorsements(signed[::-1], 2)
    assert 2 == len(choose_endorsements(signed, 2))
