"""On the real server, nobody may do what is another's; each may do what is theirs."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.isolation.doors import Deed, doors
from tests.isolation.page import PAGE, table
from tests.isolation.trying import BOARDS, PARTIES, tries, wait_for_each_other
from tests.support.exchange import Exchange, exchange


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with exchange(tmp_path) as running:
        await wait_for_each_other(running)
        yield running


async def test_nobody_gets_through_anothers_door_and_everybody_through_their_own(it: Exchange) -> None:
    """``tries`` fails if anything at all was changed by what was refused."""
    all_doors = doors(it.members, BOARDS)
    trials = {party: await tries(it, party, all_doors) for party in PARTIES}

    assert {} == {party: trial.let_in for party, trial in trials.items() if trial.let_in}
    assert {} == {party: trial.kept_out for party, trial in trials.items() if trial.kept_out}
    assert {} == {party: trial.heard for party, trial in trials.items() if trial.heard}
    assert table(trials) in PAGE.read_text("utf-8")


async def test_a_right_too_many_would_be_seen(it: Exchange) -> None:
    """The same search, told that a school's reading of the directory is nobody's: it must call that let in."""
    nobodys = [
        replace(door, owners=frozenset()) if door.deed is Deed.READ_DIRECTORY else door
        for door in doors(it.members, BOARDS)
    ]
    trial = await tries(it, "school", nobodys)

    assert [Deed.READ_DIRECTORY] == [door.deed for door in trial.let_in]


async def test_what_a_right_too_many_would_do_would_be_seen(it: Exchange) -> None:
    """Told that a school's own outgoing subject is nobody's, the state of the streams is not what it was."""
    nobodys = [
        replace(door, owners=frozenset()) if door.deed is Deed.SEND else door
        for door in doors(it.members, BOARDS)
    ]

    with pytest.raises(AssertionError, match="school changed something"):
        await tries(it, "school", nobodys)


def test_every_right_that_the_configuration_gives_is_tried(it: Exchange) -> None:
    """A subject that a member may publish to and that no door has would be a right that nobody looks at."""
    configuration = it.layout.configuration.read_text()
    given = {
        subject
        for allowed in re.findall(r"publish: \{ allow: \[(.*?)\]", configuration)
        for subject in re.findall(r'"([^"]+)"', allowed)
    }
    tried = [door.subject for door in doors(it.members, BOARDS)]
    untried = [one for one in given if not any(_fits(one, subject) for subject in tried)]

    assert [] == untried


def _fits(pattern: str, subject: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", r"[^.]+").replace(r"\.>", r"\..+")
    return re.fullmatch(expression.replace(r">", ".+"), subject) is not None
