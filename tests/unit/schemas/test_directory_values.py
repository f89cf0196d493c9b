"""The directory as a value: one spelling, nothing contradictory, look-ups that know who has left."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from schemas.codes.members import MemberKind
from schemas.directory import Directory, SignedDirectory
from schemas.ids import KeyId
from schemas.members import Member, PublishedKey
from schemas.reading import MalformedMessageError
from tests.support.directory import CUMBERLAND, NOW, WESTMORLAND, a_directory

WORLD = a_directory(p256=frozenset({"school"}))


def changed(document: bytes, **fields: object) -> bytes:
    whole = json.loads(document) | fields
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_directory_goes_round_byte_for_byte() -> None:
    document = WORLD.directory.to_bytes()

    assert Directory.from_bytes(document) == WORLD.directory
    assert Directory.from_bytes(document).to_bytes() == document


def test_it_stays_small_enough_for_one_message_with_fifty_members() -> None:
    """Most of it is the policy; a member adds under 3 kB, and a directory may have 900 kB."""
    assert len(WORLD.directory.to_bytes()) < 120_000


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(json.dumps(json.loads(WORLD.directory.to_bytes())).encode(), id="other spelling"),
        pytest.param(b'{"areas":[],' + WORLD.directory.to_bytes()[1:], id="a name twice"),
        pytest.param(changed(WORLD.directory.to_bytes(), format="2"), id="later format"),
        pytest.param(changed(WORLD.directory.to_bytes(), extra=1), id="unknown field"),
        pytest.param(changed(WORLD.directory.to_bytes(), version="1"), id="text for a number"),
        pytest.param(
            changed(WORLD.directory.to_bytes(), issued_at="2026-03-02T08:30:00"), id="time without zone"
        ),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b"", id="nothing"),
        pytest.param(b" " * (Directory.MAX_BYTES + 1), id="too long"),
    ],
)
def test_any_other_bytes_are_refused(document: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="directory"):
        Directory.from_bytes(document)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"members": WORLD.directory.members * 2}, "member twice"),
        ({"areas": WORLD.directory.areas * 2}, "area twice"),
        ({"previous": "0" * 64}, "unless it is the first"),
        ({"version": 2}, "unless it is the first"),
        ({"expires_at": WORLD.directory.issued_at}, "expires before"),
    ],
)
def test_a_directory_does_not_contradict_itself(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        WORLD.having(**changes)


def test_there_is_no_exchange_without_its_papers() -> None:
    whole = json.loads(WORLD.directory.to_bytes())
    del whole["governance"]["impact_assessment"]

    with pytest.raises(MalformedMessageError, match="impact_assessment"):
        Directory.from_bytes(json.dumps(whole).encode())


@pytest.mark.parametrize("field", ["dpia_reference", "sharing_agreement"])
def test_there_is_no_member_without_its_papers(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        WORLD.having_member("school", **{field: " "})


def test_a_key_is_known_by_its_fingerprint_and_used_for_one_thing() -> None:
    key = WORLD["school"].member.keys[0]
    whole = {name: getattr(key, name) for name in PublishedKey.model_fields}

    with pytest.raises(ValidationError, match="not its fingerprint"):
        PublishedKey(**whole | {"key_id": KeyId("0" * 16)})
    with pytest.raises(ValidationError, match="not for"):
        PublishedKey(**whole | {"use": "kem"} | {"use": type(key.use)("kem")})
    with pytest.raises(ValidationError, match="ends before"):
        PublishedKey(**whole | {"not_after": key.not_before})


def test_a_member_lists_only_keys_of_its_own_and_only_social_care_is_a_front_door() -> None:
    with pytest.raises(ValidationError, match="not its own"):
        WORLD.having_member("school", keys=WORLD["health"].member.keys)
    with pytest.raises(ValidationError, match="not children's social care"):
        WORLD.having_member("police", front_door=True)


def test_a_key_is_good_from_its_beginning_until_just_before_its_end() -> None:
    key = WORLD["school"].member.keys[0]

    assert key.usable(key.not_before)
    assert not key.usable(key.not_before - timedelta(seconds=1))
    assert not key.usable(key.not_after)


def test_look_ups_answer_by_id_area_and_kind() -> None:
    directory = WORLD.directory
    school = WORLD["school"]

    assert directory.member(school.id) == school.member
    assert directory.member("m-aaaaaaaaaa") is None
    assert directory.public_of(school.kem.key_id) == school.kem.public
    assert directory.key("0" * 16) is None
    assert directory.front_door(CUMBERLAND) == WORLD["cumberland"].member
    assert directory.front_door("E06000001") is None
    assert (WORLD["board"].member,) == directory.boards(WESTMORLAND)
    assert (WORLD["health"].member,) == directory.members_serving(WESTMORLAND, MemberKind.HEALTH_PROVIDER)
    assert directory.router.sign_key(NOW) == directory.key(WORLD.router_sign.key_id)


def test_a_member_serves_from_the_day_it_joined_until_the_day_it_left() -> None:
    day = NOW.date()
    world = WORLD.having_member("school", joined_on=day, left_on=day + timedelta(days=2))
    serving = [
        bool(world.directory.members_serving(CUMBERLAND, MemberKind.SCHOOL, on=day + timedelta(days=n)))
        for n in (-1, 0, 1, 2)
    ]

    assert [False, True, True, False] == serving
    assert () == world.directory.members_serving(CUMBERLAND, MemberKind.SCHOOL)


def test_a_signed_file_goes_round_and_no_other_version_is_read() -> None:
    signed = SignedDirectory(WORLD.directory.to_bytes(), (b"one", b"two"))

    assert SignedDirectory.from_bytes(signed.to_bytes()) == signed
    with pytest.raises(MalformedMessageError, match="version 2"):
        SignedDirectory.from_bytes(signed.to_bytes().replace(b"\x83\x01", b"\x83\x02", 1))


def test_a_repr_of_a_member_says_nothing_secret() -> None:
    assert isinstance(WORLD["school"].member, Member)
    assert WORLD["school"].sign.secret().hex() not in repr(WORLD)
