"""A board's learning reaches every member of its areas; each team says that it has it, and the board sees who has not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.gateway.commands.learning import learning
from adapters.gateway.errors import AlreadyDoneError, NoSuchItemError
from adapters.gateway.taking.learning import LearningFeed
from broker.board.feed import read_feed
from broker.errors import RejectedError
from schemas.audit import EntryKind
from schemas.errors import EventRefusedError
from tests.support.postroom import PostRoom, a_postroom

EVERYBODY = {"cumberland", "westmorland", "health", "school", "education", "police"}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PostRoom]:
    room = a_postroom(tmp_path)
    yield room
    room.close()


def feed(room: PostRoom, name: str) -> LearningFeed:
    return LearningFeed(room[name].home, room[name].publishing)


def test_it_reaches_every_member_and_each_team_says_that_it_has_it(room: PostRoom) -> None:
    feed(room, "board").publish("When families move", "Ask where the child is.", ["B"], "Ring the new area.")
    room.settle()

    assert {1, 2} == {len(feed(room, name).lessons()) for name in EVERYBODY}
    lesson = feed(room, "school").lessons()[0]
    assert ("When families move", "Ring the new area.", ()) == (lesson.title, lesson.ask, lesson.teams)
    for team in ("pastoral", "Front-Office"):
        feed(room, "school").acknowledge(lesson.number, team)
    with pytest.raises(AlreadyDoneError):
        feed(room, "school").acknowledge(lesson.number, "pastoral")
    room.settle()

    names = {str(member): name for name, member in room.exchange.members.items()}
    taught = {
        names[one.member]: one.teams
        for lesson in read_feed(room["board"].home.folder)
        for one in lesson.readers
    }
    assert {"school": ("front-office", "pastoral")} == {
        name: teams for name, teams in taught.items() if teams
    }
    assert EVERYBODY <= set(taught)


def test_nothing_of_it_is_on_the_trail(room: PostRoom) -> None:
    """It is about no child: a count per member and day, and no more (P12)."""
    feed(room, "board").publish("When families move", "Ask where the child is.", ["B"])
    room.settle()

    with room.store.work() as work:
        assert not [
            row for row in work.outgoing.waiting_audit(1000) if EntryKind.TAKEN.value.encode() in row.body
        ]


def test_only_a_board_publishes_and_only_what_passes_as_learning(room: PostRoom) -> None:
    with pytest.raises(RejectedError):
        feed(room, "school").publish("Title", "Text.", ["B"])
    with pytest.raises(EventRefusedError):
        feed(room, "board").publish("Title", "Text.", ["no such theme"])


@pytest.mark.parametrize("team", ["", "two words", "x" * 41, "Rowan Example", "team:"])
def test_a_team_is_a_code_and_no_name(room: PostRoom, team: str) -> None:
    feed(room, "board").publish("When families move", "Ask where the child is.", ["B"])
    room.settle()

    with pytest.raises(NoSuchItemError):
        feed(room, "school").acknowledge(feed(room, "school").lessons()[0].number, team)


def test_the_commands_publish_list_and_acknowledge(room: PostRoom, tmp_path: Path) -> None:
    text = tmp_path / "learning.txt"
    text.write_text("Ask where the child is.")
    homes = {name: ["--home", str(room[name].home.folder)] for name in ("board", "school")}
    run = CliRunner().invoke

    told = run(
        learning, ["publish", *homes["board"], "--title", "When families move", "--theme", "B", str(text)]
    )
    room.settle()
    listed = run(learning, ["list", *homes["school"]])
    number = listed.output.split(":")[0]
    done = run(learning, ["acknowledge", *homes["school"], "--team", "pastoral", number])

    assert "every member" in told.output
    assert "When families move" in listed.output
    assert "no team so far" in listed.output
    assert "pastoral has it" in done.output
