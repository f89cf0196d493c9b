"""Identifiers cannot be wrong, say what is wrong, and never repeat themselves where they point at a person."""

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from schemas.errors import MalformedIdentifierError
from schemas.ids import (
    DfeNumber,
    EventId,
    GssCode,
    Identifier,
    KeyId,
    MemberId,
    NhsNumber,
    OdsCode,
    Postcode,
    UnitId,
    Upn,
    Urn,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034", "9990000042", "9000000009", "9912003888")
UPNS = ("E909999923001", "N909999919003", "M909999916007")


@st.composite
def nhs_numbers(draw: st.DrawFn) -> str:
    """Valid numbers of any range."""
    body = draw(st.text("0123456789", min_size=9, max_size=9).filter(_has_check_digit))
    return body + str(_check_digit(body))


def _check_digit(body: str) -> int:
    return (11 - sum(int(d) * w for d, w in zip(body, range(10, 1, -1), strict=True)) % 11) % 11


def _has_check_digit(body: str) -> bool:
    return _check_digit(body) != 10


@st.composite
def upns(draw: st.DrawFn) -> str:
    """Valid numbers, permanent and temporary."""
    alphabet = Upn.alphabet
    body = draw(st.text("0123456789", min_size=11, max_size=11))
    last = draw(st.sampled_from("0123456789" + alphabet))
    values = [int(d) for d in body] + [alphabet.index(last) if last.isalpha() else int(last)]
    return alphabet[sum(v * p for p, v in enumerate(values, start=2)) % 23] + body + last


class TestNhsNumber:
    @pytest.mark.parametrize("text", NHS_NUMBERS)
    def test_known_numbers_are_taken(self, text: str) -> None:
        assert text == NhsNumber(text)

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("9000000000", "check-digit"),
            ("1112223330", "check-digit"),
            ("999000001", "form"),
            ("99900000188", "form"),
            ("999 000 0018", "form"),
            ("999000001x", "form"),
            ("９９９００００１８", "form"),
            ("9990000018\n", "form"),
            ("", "form"),
            ("9" * 100_000, "form"),
        ],
    )
    def test_each_wrong_form_names_its_rule(self, text: str, rule: str) -> None:
        with pytest.raises(MalformedIdentifierError) as caught:
            NhsNumber(text)

        assert rule == caught.value.rule

    @given(number=nhs_numbers(), place=st.integers(0, 9), digit=st.sampled_from("0123456789"))
    def test_no_single_changed_digit_is_taken(self, number: str, place: int, digit: str) -> None:
        changed = number[:place] + digit + number[place + 1 :]

        if changed == number:
            assert number == NhsNumber(number)
        else:
            with pytest.raises(MalformedIdentifierError):
                NhsNumber(changed)

    @given(number=nhs_numbers(), place=st.integers(0, 8))
    def test_no_two_exchanged_neighbours_are_taken(self, number: str, place: int) -> None:
        changed = number[:place] + number[place + 1] + number[place] + number[place + 2 :]

        if changed != number:
            with pytest.raises(MalformedIdentifierError):
                NhsNumber(changed)

    def test_a_number_as_people_write_it_can_be_parsed(self) -> None:
        assert NhsNumber("9990000018") == NhsNumber.parse("999 000-0018")

    def test_it_hides_itself_in_repr_and_in_errors(self) -> None:
        """A log line or a returned error must not carry the number."""
        with pytest.raises(MalformedIdentifierError) as caught:
            NhsNumber("9990000019")

        assert "9990000018" not in repr(NhsNumber("9990000018"))
        assert "9990000019" not in str(caught.value)
        assert "do not correct it by guessing" in str(caught.value)


class TestUpn:
    @pytest.mark.parametrize("text", UPNS)
    def test_known_numbers_are_taken(self, text: str) -> None:
        assert not Upn(text).temporary

    @given(number=upns())
    def test_every_number_with_its_letter_is_taken(self, number: str) -> None:
        assert number[12].isalpha() == Upn(number).temporary

    @given(number=upns(), letter=st.sampled_from(Upn.alphabet))
    def test_no_other_check_letter_is_taken(self, number: str, letter: str) -> None:
        if letter != number[0]:
            with pytest.raises(MalformedIdentifierError, match="check letter"):
                Upn(letter + number[1:])

    @given(number=upns(), place=st.integers(1, 11), digit=st.sampled_from("0123456789"))
    def test_no_single_changed_digit_is_taken(self, number: str, place: int, digit: str) -> None:
        if digit != number[place]:
            with pytest.raises(MalformedIdentifierError):
                Upn(number[:place] + digit + number[place + 1 :])

    @pytest.mark.parametrize(
        "text", ["I909999923001", "e909999923001", "E90999992300", "E90999992300O", "E9099999230011"]
    )
    def test_wrong_forms_are_refused(self, text: str) -> None:
        with pytest.raises(MalformedIdentifierError):
            Upn(text)


class TestPostcode:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("ca38na", "CA3 8NA"),
            (" CA3  8NA ", "CA3 8NA"),
            ("M1 1AE", "M1 1AE"),
            ("EC1A1BB", "EC1A 1BB"),
            ("LA9 4DQ", "LA9 4DQ"),
            ("GIR0AA", "GIR 0AA"),
            ("zz993vz", "ZZ99 3VZ"),
        ],
    )
    def test_is_kept_in_one_spelling(self, text: str, expected: str) -> None:
        assert expected == Postcode(text)

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("CA3", "incomplete"),
            ("", "incomplete"),
            ("12345", "form"),
            ("CA3 8CA", "form"),
            ("CA3 8N4", "form"),
            ("CARLISLE", "form"),
            ("unknown", "form"),
            ("CA3 8NA, CA3 8NB", "form"),
        ],
    )
    def test_malformed_and_incomplete_are_told_apart(self, text: str, rule: str) -> None:
        with pytest.raises(MalformedIdentifierError) as caught:
            Postcode(text)

        assert rule == caught.value.rule

    def test_stand_ins_of_the_nhs_are_marked(self) -> None:
        assert Postcode("ZZ99 3VZ").pseudo
        assert not Postcode("CA3 8NA").pseudo

    def test_compact_is_how_directories_index_it(self) -> None:
        assert "CA38NA" == Postcode("CA3 8NA").compact


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (GssCode, "E06000063", "E0600063"),
        (GssCode, "S12000006", "X12000006"),
        (Urn, "112345", "012345"),
        (DfeNumber, "9094000", "909400"),
        (OdsCode, "A83627", "a83627"),
        (MemberId, "m-abcdefgh27", "m-abcdefgh18"),
        (UnitId, "u-abcdefgh27", "m-abcdefgh27"),
        (KeyId, "0123456789abcdef", "0123456789ABCDEF"),
        (EventId, "0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d", "0198f2a0-5c00-4a4b-8c1d-2e3f4a5b6c7d"),
        (EventId, "0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d", "0198F2A0-5C00-7A4B-8C1D-2E3F4A5B6C7D"),
    ],
)
def test_the_plain_kinds_have_one_form(kind: type[Identifier], good: str, bad: str) -> None:
    assert good == kind(good)
    with pytest.raises(MalformedIdentifierError, match=kind.kind):
        kind(bad)


def test_a_dfe_number_is_kept_without_its_slash() -> None:
    assert "9094000" == DfeNumber("909/4000")
    assert "909" == DfeNumber("909/4000").authority


def test_the_entity_of_an_area_is_its_kind() -> None:
    assert "E06" == GssCode("E06000063").entity


class TestEventId:
    @given(
        ms=st.integers(0, 2**47),
        noise=st.binary(min_size=10, max_size=10),
    )
    def test_goes_round_through_text_and_bytes(self, ms: int, noise: bytes) -> None:
        made = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(ms, 250_000_000_000_000))
        one = EventId.new(made, lambda _: noise)

        assert one == EventId(str(one))
        assert one == EventId.from_raw(one.raw)
        assert made == one.made_at

    def test_ids_sort_by_their_time(self) -> None:
        rng = random.Random(1)
        ids = [EventId.new(NOW + timedelta(milliseconds=n), rng.randbytes) for n in range(50)]

        assert sorted(ids) == ids

    def test_the_zone_of_the_time_does_not_matter(self) -> None:
        local = NOW.astimezone(timezone(timedelta(hours=1)))

        assert EventId.new(NOW, random.Random(1).randbytes) == EventId.new(local, random.Random(1).randbytes)

    def test_a_time_without_zone_is_refused(self) -> None:
        with pytest.raises(MalformedIdentifierError, match="zone"):
            EventId.new(NOW.replace(tzinfo=None), random.Random(1).randbytes)

    @pytest.mark.parametrize("raw", [b"", bytes(16), bytes(17), b"\xff" * 16])
    def test_bytes_that_are_no_version_7_uuid_are_refused(self, raw: bytes) -> None:
        with pytest.raises(MalformedIdentifierError):
            EventId.from_raw(raw)


def test_a_key_id_is_the_start_of_the_keys_hash() -> None:
    one = KeyId.of(b"public")

    assert 8 == len(one.raw)
    assert one == KeyId.from_raw(one.raw)
    assert one != KeyId.of(b"other")


def test_member_ids_are_drawn_in_their_form() -> None:
    assert MemberId.new(random.Random(7).randbytes) == MemberId.new(random.Random(7).randbytes)
    assert UnitId.new(random.Random(7).randbytes).startswith("u-")


class Holder(BaseModel):
    number: NhsNumber


class TestAsFields:
    def test_text_becomes_a_checked_value(self) -> None:
        held = Holder.model_validate_json('{"number": "9990000018"}')

        assert isinstance(held.number, NhsNumber)
        assert '{"number":"9990000018"}' == held.model_dump_json()

    @pytest.mark.parametrize("value", ['"9990000019"', "9990000018", "null", "[]"])
    def test_anything_else_is_refused(self, value: str) -> None:
        with pytest.raises(ValidationError):
            Holder.model_validate_json(f'{{"number": {value}}}')

    def test_the_json_schema_carries_the_pattern(self) -> None:
        assert "^(?:[0-9]{10})$" == Holder.model_json_schema()["properties"]["number"]["pattern"]
