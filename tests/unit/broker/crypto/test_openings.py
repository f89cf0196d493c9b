"""Routing fields: each reader may learn some, nobody may change any, and the router must get them all."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.check import Views, check_envelope, view_for
from broker.crypto.derive import EVENT_LABEL, field_hash, header_hash, openings_info, pad
from broker.crypto.errors import AlteredError, CryptoRejectedError, MalformedError, NotAddressedError
from broker.crypto.keys import KemKey, KemPublic
from broker.crypto.open import open_view
from broker.crypto.seal import Sealed
from broker.crypto.signing import sign
from schemas import canonical
from schemas.envelope import FullEnvelope, Opening, SealedOpenings
from schemas.reading import MOST, MalformedMessageError
from schemas.wire import Field
from tests.support.sealing import CAST, a_draft, keys_of, sealed, some_facts


def check(envelope: FullEnvelope) -> None:
    check_envelope(envelope, CAST.public_of, keys_of(CAST.router))


def clear(event: Sealed) -> tuple[Opening, ...]:
    assert not isinstance(event.envelope.openings, SealedOpenings)
    return event.envelope.openings


def _salt(one: Opening) -> Opening:
    return replace(one, salt=bytes(16))


def _value(one: Opening) -> Opening:
    return replace(one, value=canonical.encode("E06000064"))


def _field(one: Opening) -> Opening:
    return replace(one, field=Field.RESIDENCE)


@pytest.mark.parametrize("change", [_salt, _value, _field])
def test_an_opening_that_is_not_the_signed_one_is_refused(change: Callable[[Opening], Opening]) -> None:
    """Another salt, another area, or one field's opening offered as another's: router and reader refuse."""
    event = sealed()
    tokens, acting, *rest = clear(event)
    forged = (tokens, change(acting), *rest)
    view = view_for(
        check_envelope(event.envelope, CAST.public_of, {}), {CAST.front.key_id}, {Field.ACTING_AREA}
    )

    with pytest.raises(AlteredError, match="is not what was signed"):
        check(replace(event.envelope, openings=forged))
    with pytest.raises(AlteredError, match="is not what was signed"):
        open_view(replace(view, openings=(change(acting),)), CAST.public_of, keys_of(CAST.front))


def test_a_field_that_is_not_opened_to_the_router_is_refused() -> None:
    event = sealed()

    for left_out in range(len(Field)):
        openings = clear(event)[:left_out] + clear(event)[left_out + 1 :]
        with pytest.raises(AlteredError, match="not every routing field"):
            check(replace(event.envelope, openings=openings))


def test_a_field_opened_twice_is_refused() -> None:
    event = sealed()
    tokens, *rest = clear(event)

    with pytest.raises(AlteredError, match="is not what was signed"):
        check(replace(event.envelope, openings=(tokens, tokens, *rest[1:])))


def test_openings_of_another_event_are_refused_although_their_values_are_the_same() -> None:
    """Salts differ from event to event, so equal areas cannot be told from equal hashes either."""
    event, other = sealed(), sealed(entropy=lambda count: b"\x05" * count)

    assert set(dict(event.manifest.header.field_hashes).values()).isdisjoint(
        dict(other.manifest.header.field_hashes).values()
    )
    with pytest.raises(AlteredError, match="is not what was signed"):
        check(replace(event.envelope, openings=clear(other)))


def test_sealed_openings_are_read_by_the_router_only() -> None:
    event = sealed(router=CAST.router.as_public)

    checked = check_envelope(event.envelope, CAST.public_of, keys_of(CAST.router))

    assert some_facts() == checked.facts
    assert b"E06000064" not in event.envelope.to_bytes()
    with pytest.raises(NotAddressedError, match="is not here"):
        check_envelope(event.envelope, CAST.public_of, keys_of(CAST.front))


def test_sealed_openings_of_different_lengths_look_alike() -> None:
    """That a destination is given must not show in the size of what is sealed to the router."""

    def size(**changes: object) -> int:
        event = sealed(a_draft(facts=some_facts(**changes)), router=CAST.router.as_public)
        assert isinstance(event.envelope.openings, SealedOpenings)
        return len(event.envelope.openings.sealed)

    assert size() == size(to_area=None, from_area=None) == size(readers=("m-frontaaaaa",))


def test_clear_and_sealed_openings_cannot_be_exchanged() -> None:
    """Which of the two it is was signed: a sensitive event cannot be laid open, nor an open one hidden."""
    open_event, sensitive = sealed(), sealed(router=CAST.router.as_public)

    with pytest.raises(AlteredError, match="clear where sealed ones were signed"):
        check(replace(sensitive.envelope, openings=clear(open_event)))
    with pytest.raises(AlteredError, match="clear where sealed ones were signed"):
        check(replace(open_event.envelope, openings=sensitive.envelope.openings))


@pytest.mark.parametrize("router", [None, CAST.router.as_public], ids=["clear", "sealed"])
def test_true_and_false_are_no_second_spelling_of_the_form_of_openings(router: KemPublic | None) -> None:
    row = canonical.decode(sealed(router=router).envelope.to_bytes())
    row[1][0] = bool(row[1][0])

    with pytest.raises(MalformedMessageError, match="neither clear nor sealed"):
        FullEnvelope.from_bytes(canonical.encode(row))


def test_sealed_openings_cannot_be_moved_to_another_event() -> None:
    event = sealed(router=CAST.router.as_public)
    other = sealed(a_draft(created_ms=1), router=CAST.router.as_public)

    with pytest.raises(NotAddressedError, match="in this context"):
        check(replace(event.envelope, openings=other.envelope.openings))


def _signed_with(values: dict[Field, bytes]) -> tuple[FullEnvelope, tuple[Opening, ...]]:
    """An event whose author signs these bytes as routing fields."""
    event = sealed()
    openings = tuple(replace(one, value=values.get(one.field, one.value)) for one in clear(event))
    header = replace(
        event.manifest.header,
        field_hashes=tuple((one.field, field_hash(one.field, one.salt, one.value)) for one in openings),
    )
    manifest = replace(event.manifest, header=header)
    signed = sign(CAST.author, EVENT_LABEL, manifest.to_bytes())
    return replace(event.envelope, signed=signed, openings=openings), openings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(Field.TOKENS, [[1, b"short"]], id="a short token"),
        pytest.param(Field.TOKENS, [[MOST + 1, bytes(16)]], id="an epoch beyond all numbers"),
        pytest.param(Field.TOKENS, [[1, bytes(16)]] * 17, id="too many tokens"),
        pytest.param(Field.ACTING_AREA, None, id="no acting area"),
        pytest.param(Field.ACTING_AREA, "", id="an empty area"),
        pytest.param(Field.RESIDENCE, 7, id="an area that is a number"),
        pytest.param(Field.READERS, ["m"] * 257, id="too many readers"),
        pytest.param(Field.CHAIN, ["urgent", 2**63, bytes(32)], id="a sequence that no database holds"),
        pytest.param(Field.CHAIN, ["express", 1, bytes(32)], id="an unknown lane"),
        pytest.param(Field.CHAIN, ["urgent", 1, bytes(31)], id="a short hash"),
        pytest.param(Field.MATTER, [3, None], id="an unknown effect"),
        pytest.param(Field.MATTER, [True, None], id="true where one is meant"),
        pytest.param(Field.ACTION, ["promote", None, None, None, False], id="an unknown action"),
        pytest.param(Field.ACTION, ["accept"], id="an action of another shape"),
        pytest.param(Field.ACTION, "accept", id="an action that is text"),
    ],
)
def test_routing_fields_of_another_shape_are_malformed(field: Field, value: object) -> None:
    """Its author signed it, so hashes hold; the shape is refused all the same, before anything is stored."""
    with pytest.raises(MalformedError):
        check(_signed_with({field: canonical.encode(value)})[0])


def test_routing_fields_in_another_spelling_are_malformed_for_router_and_reader() -> None:
    envelope, openings = _signed_with({Field.TO: b"\x78\x09E06000064"})
    opening = next(one for one in openings if one.field is Field.TO)
    event = sealed()
    view = view_for(check_envelope(event.envelope, CAST.public_of, {}), {CAST.front.key_id}, set())

    with pytest.raises(MalformedError, match="longer spelling"):
        check(envelope)
    with pytest.raises(CryptoRejectedError, match="longer spelling"):
        open_view(
            replace(view, signed=envelope.signed, openings=(opening,)), CAST.public_of, keys_of(CAST.front)
        )


def test_sealed_openings_with_other_content_are_malformed() -> None:
    event = sealed(router=CAST.router.as_public)
    info = openings_info(CAST.router.key_id, header_hash(event.manifest.header))

    for content in (b"", b"\x00", pad(b"\xff"), pad(canonical.encode([1])), b"\x00\x00\xff\xff rest"):
        forged = SealedOpenings(CAST.router.key_id, CAST.router.as_public.seal(content, info))
        with pytest.raises(MalformedError):
            check(replace(event.envelope, openings=forged))


@given(st.sets(st.sampled_from(Field)), st.sets(st.sampled_from([CAST.front, CAST.school, CAST.police])))
def test_views_cut_together_are_those_cut_one_by_one(fields: set[Field], readers: set[KemKey]) -> None:
    """What readers share is written once, and not a byte is another for it."""
    checked = check_envelope(sealed().envelope, CAST.public_of, {})
    views = Views(checked)
    for _ in range(2):
        for keys in ({key.key_id for key in readers}, {CAST.front.key_id}):
            for opened in (frozenset(fields), frozenset[Field]()):
                assert views.cut(keys, opened) == view_for(checked, keys, opened).to_bytes()
