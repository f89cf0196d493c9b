"""What makes a directory trusted, and each way in which it is not."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.crypto.directories import (
    Accept,
    DirectoryBrokenError,
    Refuse,
    judge_directory,
    reopen_directory,
    sign_directory,
)
from broker.crypto.keys import SigningKey
from broker.crypto.signing import sign
from broker.directory import changes
from broker.directory.publishing import Lifetimes, root_set
from schemas.directory import LABEL, Directory, SignedDirectory
from tests.support.directory import NOW, World, a_directory

LIFE = Lifetimes()
WORLD = a_directory()
LATER = NOW + timedelta(days=1)


def signed(directory: Directory, *roots: SigningKey) -> bytes:
    return sign_directory(directory, roots or WORLD.roots).to_bytes()


def following(world: World = WORLD) -> Directory:
    return changes.next_version(world.directory, NOW, LIFE)


def judged(candidate: bytes, current: Directory | None = WORLD.directory) -> str:
    answer = judge_directory(candidate, current, WORLD.root_set, LATER)
    return "accepted" if isinstance(answer, Accept) else answer.code


def test_enough_roots_make_a_directory_trusted_and_are_named() -> None:
    answer = judge_directory(signed(following(), *WORLD.roots[1:]), WORLD.directory, WORLD.root_set, LATER)

    assert isinstance(answer, Accept)
    assert {root.key_id for root in WORLD.roots[1:]} == answer.signers
    assert 2 == answer.directory.version


def test_the_first_directory_is_judged_by_the_roots_known_from_the_start() -> None:
    stranger = a_directory(seed=99)

    assert judged(signed(WORLD.directory), None) == "accepted"
    assert judged(signed(stranger.directory, *stranger.roots), None) == "too-few-signatures"


@pytest.mark.parametrize(
    "roots",
    [
        pytest.param(WORLD.roots[:1], id="one fewer than needed"),
        pytest.param((WORLD.roots[0], WORLD.roots[0]), id="one root twice"),
        pytest.param((WORLD.roots[0], SigningKey(bytes(32))), id="one root and a stranger"),
    ],
)
def test_fewer_roots_than_the_threshold_are_refused(roots: tuple[SigningKey, ...]) -> None:
    assert "too-few-signatures" == judged(signed(following(), *roots))


def test_signatures_over_another_document_count_for_nothing() -> None:
    honest = sign_directory(following(), WORLD.roots)
    other = changes.with_revoked_member(WORLD.directory, WORLD["school"].id, "why not", NOW, LIFE)
    mixed = SignedDirectory(other.to_bytes(), honest.signatures)

    assert "too-few-signatures" == judged(mixed.to_bytes())


def test_a_root_s_signature_for_another_purpose_counts_for_nothing() -> None:
    directory = following()
    digest = SignedDirectory(directory.to_bytes(), ()).digest
    wrong = tuple(sign(root, "handrail-grant", digest) for root in WORLD.roots)
    right = tuple(sign(root, LABEL, digest) for root in WORLD.roots)

    assert "too-few-signatures" == judged(SignedDirectory(directory.to_bytes(), wrong).to_bytes())
    assert "accepted" == judged(SignedDirectory(directory.to_bytes(), right).to_bytes())


GOOD = signed(following(), *WORLD.roots[:2])


@given(place=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_no_byte_of_the_file_can_be_changed(place: int, bit: int) -> None:
    """With no signature to spare, any flipped bit is refused."""
    broken = bytearray(GOOD)
    broken[place] ^= 1 << bit

    assert judged(bytes(broken)) in {"malformed", "too-few-signatures", "new-roots-unsigned"}


def test_an_older_version_is_refused() -> None:
    second = following()
    third = changes.next_version(second, NOW, LIFE)

    assert "rollback" == judged(signed(second), third)
    assert "rollback" == judged(signed(WORLD.directory), third)


def test_two_directories_of_one_version_are_a_fork() -> None:
    other = changes.with_revoked_member(WORLD.directory, WORLD["school"].id, "closed", NOW, LIFE)

    assert "fork" == judged(signed(other), following())


def test_a_next_version_that_names_another_predecessor_is_refused() -> None:
    elsewhere = WORLD.having(expires_at=WORLD.directory.expires_at + timedelta(days=1))

    assert "broken-chain" == judged(signed(following(elsewhere)))


def test_a_member_that_was_away_takes_a_much_later_version() -> None:
    directory = WORLD.directory
    for _ in range(5):
        directory = changes.next_version(directory, NOW, LIFE)

    assert "accepted" == judged(signed(directory))


def test_the_same_directory_again_changes_nothing_even_when_expired() -> None:
    long_after = NOW + timedelta(days=400)

    answer = judge_directory(signed(WORLD.directory), WORLD.directory, WORLD.root_set, long_after)

    assert isinstance(answer, Accept)


def test_an_expired_directory_changes_no_trust_but_can_still_be_used() -> None:
    candidate = signed(following())

    answer = judge_directory(candidate, WORLD.directory, WORLD.root_set, NOW + timedelta(days=91))

    assert isinstance(answer, Refuse)
    assert "expired" == answer.code
    assert 2 == reopen_directory(candidate).version


def test_a_directory_of_the_future_is_refused() -> None:
    early = judge_directory(signed(following()), WORLD.directory, WORLD.root_set, NOW - timedelta(minutes=6))

    assert isinstance(early, Refuse)
    assert "not-yet-issued" == early.code


class TestNewRoots:
    fresh = (SigningKey(b"a" * 32), SigningKey(b"b" * 32))
    changed = changes.with_roots(WORLD.directory, root_set(fresh, 2), NOW, LIFE)

    def test_old_and_new_roots_have_to_sign(self) -> None:
        assert "accepted" == judged(signed(self.changed, *WORLD.roots[:2], *self.fresh))

    def test_without_enough_old_roots_they_are_refused(self) -> None:
        assert "too-few-signatures" == judged(signed(self.changed, WORLD.roots[0], *self.fresh))

    def test_without_enough_new_roots_they_are_refused(self) -> None:
        assert "new-roots-unsigned" == judged(signed(self.changed, *WORLD.roots, self.fresh[0]))

    def test_afterwards_the_old_roots_can_change_nothing(self) -> None:
        afterwards = changes.next_version(self.changed, NOW, LIFE)

        assert "too-few-signatures" == judged(signed(afterwards, *WORLD.roots), self.changed)
        assert "accepted" == judged(signed(afterwards, *self.fresh), self.changed)


def test_a_stored_copy_that_its_roots_did_not_sign_stops_everything() -> None:
    with pytest.raises(DirectoryBrokenError, match="not signed by enough"):
        reopen_directory(signed(WORLD.directory, WORLD.roots[0]))
    with pytest.raises(DirectoryBrokenError, match="damaged"):
        reopen_directory(b"nothing like it")
