"""Each change of the directory: what it does, at once or with an overlap, and what it refuses."""

from datetime import timedelta

import pytest

from broker.directory import changes
from broker.directory.differences import differences
from broker.directory.errors import ChangeRefusedError
from broker.directory.issue import soon
from broker.directory.publishing import Lifetimes, published_kem, published_sign
from schemas.codes.members import MemberKind
from schemas.directory import Directory, Standing, digest_of
from tests.support.directory import CUMBERLAND, NOW, a_directory, a_seat

LIFE = Lifetimes()
WORLD = a_directory()
SCHOOL = WORLD["school"]
LATER = NOW + timedelta(days=1)


def member_of(directory: Directory) -> object:
    return directory.member(SCHOOL.id)


def test_each_version_names_the_one_before() -> None:
    second = changes.next_version(WORLD.directory, NOW, LIFE)

    assert (2, digest_of(WORLD.directory.to_bytes()).hex()) == (second.version, second.previous)
    assert second.issued_at == NOW
    assert second.expires_at == NOW + LIFE.directory


def test_a_rotated_member_has_two_good_keys_for_fourteen_days_and_signs_with_the_new_one() -> None:
    fresh = a_seat(MemberKind.SCHOOL, (CUMBERLAND,), seed=77)
    keys = (
        published_sign(fresh.sign, SCHOOL.id, LATER, LIFE.sign),
        published_kem(fresh.kem, SCHOOL.id, LATER, LIFE.kem),
    )
    directory = changes.with_rotated_member(WORLD.directory, SCHOOL.id, keys, LATER, LIFE)
    old, new = directory.key(SCHOOL.sign.key_id), directory.key(fresh.sign.key_id)
    member = directory.member(SCHOOL.id)

    assert old
    assert new
    assert member
    assert old.usable(LATER + timedelta(days=13))
    assert not old.usable(LATER + timedelta(days=14))
    assert member.sign_key(LATER) == new
    assert fresh.kem.key_id == getattr(member.kem_key(LATER), "key_id", None)
    assert SCHOOL.sign.key_id == getattr(member.sign_key(LATER - timedelta(hours=1)), "key_id", None)


def test_a_revoked_key_is_useless_from_that_moment_and_was_good_before() -> None:
    directory = changes.with_revoked_key(WORLD.directory, SCHOOL.sign.key_id, "laptop stolen", LATER, LIFE)
    key = directory.key(SCHOOL.sign.key_id)

    assert key
    assert not key.usable(LATER)
    assert key.usable(LATER - timedelta(seconds=1))
    assert "laptop stolen" == key.revoked_because


def test_a_router_key_can_be_revoked_and_replaced() -> None:
    fresh = a_seat(MemberKind.SCHOOL, (CUMBERLAND,), seed=78)
    rotated = changes.with_rotated_router(
        WORLD.directory,
        published_sign(fresh.sign, "router", LATER, LIFE.sign),
        published_kem(fresh.kem, "router", LATER, LIFE.kem),
        LATER,
        LIFE,
    )
    directory = changes.with_revoked_key(rotated, WORLD.router_sign.key_id, "copied", LATER, LIFE)
    old = directory.key(WORLD.router_sign.key_id)

    assert old
    assert not old.usable(LATER)
    assert fresh.sign.key_id == getattr(directory.router.sign_key(LATER), "key_id", None)


def test_a_member_that_is_put_out_serves_no_area_and_signs_nothing_at_once() -> None:
    front_door = WORLD["cumberland"]
    directory = changes.with_revoked_member(WORLD.directory, front_door.id, "gateway taken over", LATER, LIFE)
    member = directory.member(front_door.id)

    assert member
    assert directory.front_door(CUMBERLAND) is None
    assert directory.front_door(CUMBERLAND, on=LATER.date()) is None
    assert member.sign_key(LATER) is None
    assert member.kem_key(LATER) is None
    assert directory.public_of(front_door.sign.key_id) == front_door.sign.public, (
        "earlier signatures still verify"
    )


def test_another_front_door_can_follow_one_that_left() -> None:
    gone = changes.with_revoked_member(WORLD.directory, WORLD["cumberland"].id, "merged", LATER, LIFE)
    successor = a_seat(MemberKind.SOCIAL_CARE, (CUMBERLAND,), seed=5)
    directory = changes.with_member(gone, successor.member, (), LATER, LIFE)

    assert directory.front_door(CUMBERLAND) == successor.member


def test_an_area_has_one_front_door() -> None:
    second = a_seat(MemberKind.SOCIAL_CARE, (CUMBERLAND,), seed=5)

    with pytest.raises(ChangeRefusedError, match="two front doors"):
        changes.with_member(WORLD.directory, second.member, (), NOW, LIFE)


def test_nothing_is_changed_twice_or_for_nobody() -> None:
    directory = changes.with_revoked_key(WORLD.directory, SCHOOL.sign.key_id, "lost", NOW, LIFE)
    gone = changes.with_revoked_member(WORLD.directory, SCHOOL.id, "closed", NOW, LIFE)

    with pytest.raises(ChangeRefusedError, match="was revoked at"):
        changes.with_revoked_key(directory, SCHOOL.sign.key_id, "lost again", NOW, LIFE)
    with pytest.raises(ChangeRefusedError, match="was ever published"):
        changes.with_revoked_key(directory, "0" * 16, "what", NOW, LIFE)
    with pytest.raises(ChangeRefusedError, match="no member"):
        changes.with_revoked_member(directory, "m-aaaaaaaaaa", "who", NOW, LIFE)
    with pytest.raises(ChangeRefusedError, match="left on"):
        changes.with_revoked_member(gone, SCHOOL.id, "again", NOW, LIFE)


def test_an_envelope_may_name_a_directory_superseded_less_than_forty_days_ago() -> None:
    second = changes.next_version(WORLD.directory, NOW, LIFE)
    day_40, day_41 = NOW + timedelta(days=40), NOW + timedelta(days=41)

    assert Standing.CURRENT is second.standing_of(2, day_41)
    assert Standing.GOOD is second.standing_of(1, day_40)
    assert Standing.TOO_OLD is second.standing_of(1, day_41)
    assert Standing.NOT_YET_KNOWN is second.standing_of(3, NOW)


def test_versions_that_nobody_may_name_any_more_are_forgotten() -> None:
    directory = WORLD.directory
    for day in range(0, 200, 20):
        directory = changes.next_version(directory, NOW + timedelta(days=day), LIFE)

    assert [past.version for past in directory.past] == [8, 9, 10]


def test_every_change_is_said_in_a_sentence() -> None:
    newcomer = a_seat(MemberKind.HOUSING, (CUMBERLAND,), seed=6, name="Example Housing")
    admitted = changes.with_member(WORLD.directory, newcomer.member, (), NOW, LIFE)
    revoked = changes.with_revoked_key(admitted, newcomer.sign.key_id, "lost", NOW, LIFE)
    out = changes.with_revoked_member(admitted, newcomer.id, "left the exchange", NOW, LIFE)

    assert differences(WORLD.directory, admitted)[0] == (
        f"+ member {newcomer.id} Example Housing (housing) for E06000063"
    )
    assert (f"- key {newcomer.sign.key_id} of {newcomer.id} revoked: lost",) == differences(admitted, revoked)
    assert "left the exchange" in differences(admitted, out)[0]
    assert ("~ signed again, nothing else changed",) == differences(out, changes.next_version(out, NOW, LIFE))


def test_a_changed_rule_of_the_policy_is_named() -> None:
    policy = WORLD.directory.policy
    rules = tuple(
        rule.model_copy(update={"admits": ()}) if rule.event_type == "concern.raised" else rule
        for rule in policy.rules
    )
    changed = changes.with_policy(WORLD.directory, policy.model_copy(update={"rules": rules}), NOW, LIFE)

    assert "~ rule for concern.raised" in differences(WORLD.directory, changed)


def test_what_expires_soon_is_said_in_time() -> None:
    quiet = soon(WORLD.directory, NOW)
    loud = soon(WORLD.directory, NOW + timedelta(days=88))

    assert () == quiet
    assert any("directory expires" in line for line in loud)
    assert any(SCHOOL.id in line for line in loud)
