"""Subjects as values: they go round, and nothing that widens who receives can be one."""

import pytest

from broker.bus.render import account_of
from broker.bus.subjects import (
    PARTITIONS,
    MalformedSubjectError,
    OutSubject,
    in_subject,
    partition_of,
    shard_of,
)
from schemas.wire import Lane

_MEMBER = "m-abcdefgh23"


@pytest.mark.parametrize("lane", list(Lane))
def test_a_subject_goes_round(lane: Lane) -> None:
    subject = OutSubject(_MEMBER, lane, 7)

    assert subject == OutSubject.parse(str(subject))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "out",
        f"out.{_MEMBER}.urgent",
        f"out.{_MEMBER}.urgent.0.0",
        f"in.{_MEMBER}.urgent.0",
        f"out.{_MEMBER}.slow.0",
        f"out.{_MEMBER}.urgent.8",
        f"out.{_MEMBER}.urgent.-1",
        f"out.{_MEMBER}.urgent.x",
        f"out.{_MEMBER}.urgent.00",
        f"out.{_MEMBER}.urgent.\u0663",
        "out.*.urgent.0",
        "out.>.urgent.0",
        "out.m-ABCDEFGH23.urgent.0",
        "out.m-abcdefgh234.urgent.0",
        f"out.{_MEMBER}\n.urgent.0",
    ],
)
def test_what_is_no_out_subject_is_refused(text: str) -> None:
    with pytest.raises(MalformedSubjectError):
        OutSubject.parse(text)


@pytest.mark.parametrize("member", ["", "*", ">", "m-abc.efgh23", "m-abcdefgh23 ", "M-abcdefgh23"])
def test_no_wildcard_becomes_an_inbox(member: str) -> None:
    with pytest.raises(MalformedSubjectError):
        in_subject(member)


def test_the_shard_of_a_member_never_changes() -> None:
    """Deliveries of 45 days lie there: another answer would orphan them."""
    assert [1, 3, 5] == [shard_of(_MEMBER, shards) for shards in (4, 5, 8)]


def test_members_and_authors_spread_over_shards_and_partitions() -> None:
    members = [f"m-{number:010}" for number in range(400)]
    shards = [shard_of(member, 4) for member in members]
    partitions = [partition_of((), member) for member in members]

    assert all(60 < shards.count(shard) < 140 for shard in range(4))
    assert all(25 < partitions.count(part) < 80 for part in range(PARTITIONS))


def test_an_account_name_says_nothing_about_the_member() -> None:
    assert account_of(_MEMBER) == account_of(_MEMBER)
    assert "abcdefgh23" not in account_of(_MEMBER).lower()
