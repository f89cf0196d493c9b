"""A directory with a key that cannot be used changes no trust, however many roots have signed it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.crypto.directories import Accept, Refuse, judge_directory, reopen_directory, sign_directory
from broker.directory import changes
from broker.directory.publishing import Lifetimes
from schemas.directory import Directory, KeyUse, PublishedKey
from schemas.ids import KeyId
from schemas.members import RootKey, RootSet
from tests.support.directory import NOW, World, a_directory

WORLD = a_directory()
NEXT = replace(WORLD, directory=changes.next_version(WORLD.directory, NOW, Lifetimes()))
LATER = NOW + timedelta(days=1)


def with_key(world: World, use: KeyUse, public: bytes) -> World:
    """The same world, in which the school has published these bytes as its key."""
    member = world["school"].member
    keys = tuple(
        PublishedKey(**(dict(key) | {"public": public, "key_id": KeyId.of(public)}))
        if key.use is use
        else key
        for key in member.keys
    )
    return world.having_member("school", keys=keys)


def judged(directory: Directory, current: Directory | None) -> Accept | Refuse:
    signed = sign_directory(directory, WORLD.roots).to_bytes()
    return judge_directory(signed, current, WORLD.root_set, LATER)


_HYBRID = next(key.public for key in WORLD["school"].member.keys if key.use is KeyUse.KEM)


@pytest.mark.parametrize(
    ("use", "public"),
    [
        pytest.param(KeyUse.KEM, _HYBRID[:1184] + bytes(32), id="a curve point of small order"),
        pytest.param(KeyUse.KEM, _HYBRID[:-1], id="a key cut short"),
        pytest.param(KeyUse.SIGN, b"\x01" + bytes(31), id="the identity as a signing key"),
        pytest.param(KeyUse.SIGN, b"\xff" * 32, id="no point of the curve"),
    ],
)
def test_an_unusable_key_is_refused_when_it_is_new(use: KeyUse, public: bytes) -> None:
    """Else it would stop every event that its owner is to read, or let anybody sign in its owner's name."""
    following = with_key(NEXT, use, public).directory

    for current in (None, WORLD.directory):
        answer = judged(following, current)

        assert isinstance(answer, Refuse)
        assert "unusable-key" == answer.code
        assert KeyId.of(public) in answer.sentence


def test_an_unusable_root_is_refused() -> None:
    identity = b"\x01" + bytes(31)
    roots = RootSet(
        threshold=WORLD.root_set.threshold,
        keys=(*WORLD.root_set.keys, RootKey(key_id=KeyId.of(identity), public=identity)),
    )
    answer = judged(NEXT.having(roots=roots).directory, WORLD.directory)

    assert isinstance(answer, Refuse)
    assert "unusable-key" == answer.code


def test_a_key_that_was_taken_before_is_not_a_reason_to_refuse_what_follows() -> None:
    """One's own copy is read again, and later directories are judged by what is new in them."""
    old = with_key(WORLD, KeyUse.KEM, _HYBRID[:1184] + bytes(32)).directory
    following = changes.next_version(old, NOW, Lifetimes())

    assert isinstance(judged(following, old), Accept)
    assert old == reopen_directory(sign_directory(old, WORLD.roots).to_bytes())
