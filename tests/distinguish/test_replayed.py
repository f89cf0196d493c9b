"""What the router decided about a hidden child, taken again: by the new side's board whole, by the old side's not at all.

The trail and its blocks are those of real gateways and a real router. A router that lies is one that writes the trail as
a liar would have to, since what it does shows there or in a receipt.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from click.testing import CliRunner

from broker.audit.reading import Entry, read_entry, read_veiled
from broker.audit.replaying import Replayed
from broker.audit.replaying_hidden import replayed
from broker.board.cli import board
from broker.board.node import BoardHome
from broker.board.questions import NeedsApprovalError, ask
from broker.board.scope import scope_of
from broker.crypto.veil import lift
from broker.routing.shield import Shield
from broker.store.audit.rows import Came
from schemas import canonical
from schemas.audit import EntryKind
from tests.distinguish.story import _arrival, _before, moment, play
from tests.distinguish.world import BOARD, DURHAM, OLD, Mesh, a_mesh
from tests.support.events import CHILD
from tests.support.own_trail import unsafe_no_bus

Trail = tuple[list[Entry], list[Entry]]


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    """A family has fled to County Durham, the case was taken on, and papers followed."""
    made = a_mesh(3)
    play(made, DURHAM)
    yield made
    made.close()
    made.remove()


def trail(mesh: Mesh, name: str) -> Trail:
    """What lies on AUDIT, and what of its blocks opens for a board."""
    clear = [read_entry(row.body) for row in mesh.log]
    keys = mesh.open_board(name)
    inside = [
        read_veiled(block, number, item)
        for block in clear
        if block.kind == EntryKind.VEILED
        for number, item in enumerate(lift(block.fields["sealed"], keys) or [], start=1)
    ]
    return clear, inside


def taken_again(mesh: Mesh, told: Trail) -> Replayed:
    clear, inside = told
    return replayed(lambda: clear, inside, {mesh.directory.version: mesh.directory}.get)


def test_the_new_sides_board_takes_every_decision_again_and_an_honest_one_follows(mesh: Mesh) -> None:
    told = trail(mesh, "durham-board")
    result = taken_again(mesh, told)
    hidden = sum(one.kind == EntryKind.TAKEN for one in told[1])

    assert [] == result.differences
    assert {} == result.skipped
    assert hidden >= 5
    assert result.decisions >= hidden + 5


@pytest.mark.parametrize(
    ("name", "says"),
    [("durham-board", "0 do not follow.\n"), (BOARD, "Not taken again: 3 of a hidden child.")],
)
def test_the_boards_command_says_the_same_from_what_came_to_its_node(
    mesh: Mesh, name: str, says: str
) -> None:
    home = BoardHome.open(mesh.home(name))
    with closing(home.store()) as store, store.work() as work:
        home.projection().take_all(work, [Came(row.body, index) for index, row in enumerate(mesh.log)])
    asked = ["replay", "--home", str(home.folder), "--by", "Kit Example", "--purpose", "yearly check"]
    with unsafe_no_bus():
        told = CliRunner().invoke(board, asked)

    assert 0 == told.exit_code, told.output
    assert says in told.output
    assert ("Not taken again" in told.output) is (name == BOARD)


@pytest.mark.parametrize("name", ["durham-board", BOARD])
def test_the_child_takes_a_second_auditor_at_either_board(mesh: Mesh, name: str) -> None:
    """The board of the side that was left sees no move: that places are kept from it tells it that there is one."""
    home = BoardHome.open(mesh.home(name))
    with closing(home.store()) as store:
        with store.work() as work:
            home.projection().take_all(work, [Came(row.body, index) for index, row in enumerate(mesh.log)])
            scope = scope_of(home.board, home.directory())
            known = work.records_in(scope)
            protected = work.protected_among(known)

        assert protected
        assert known == protected  # the story has one child
        with unsafe_no_bus(), pytest.raises(NeedsApprovalError):
            ask(home, store, "Kit Example", "a look", "Q1", {"nhs": CHILD}, mesh.now)
        with unsafe_no_bus():
            drawn = ask(home, store, "Kit Example", "a look", "Q1", {"sample": "5"}, mesh.now)
        assert () == drawn.rows


def test_the_old_sides_board_can_take_none_of_them_again_and_says_how_many(mesh: Mesh) -> None:
    """It has what its own side did, with the rest cut out; no block opens, so it counts and finds nothing wrong."""
    clear, inside = trail(mesh, BOARD)
    result = taken_again(mesh, (clear, inside))

    assert [] == inside
    assert [] == result.differences
    assert ["of a hidden child"] == list(result.skipped)


def test_a_router_that_really_tells_the_old_side_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hands the old front door the report of the arrival, which its author has sealed to it, too."""
    monkeypatch.setattr(Shield, "screen", lambda _self, _author, _sides, readers, _said: readers)
    lying = a_mesh(4)
    _before(lying, hidden=True)
    lying.at(moment(5), lambda: _arrival(lying, DURHAM))
    lying.run(moment(8))
    found = [one.says for one in taken_again(lying, trail(lying, "durham-board")).differences]
    lying.close()
    lying.remove()

    assert [f"given to {lying.members['old']}, from whom the child is hidden"] == found


def lie(told: Trail, author: str, change: Callable[[dict[str, Any]], object]) -> Trail:
    """The blocks as a router writes them that lies once: of the last event of a member."""
    clear, inside = told
    at = max(
        place
        for place, one in enumerate(inside)
        if one.kind == EntryKind.TAKEN and author == one.text_of("author")
    )
    entry = inside[at]
    fields = canonical.decode(canonical.encode(entry.fields))
    change(fields)
    lied = Entry(entry.partition, entry.number, entry.at_ms, entry.kind, fields, entry.inner)
    return clear, [*inside[:at], lied, *inside[at + 1 :]]


@pytest.mark.parametrize("friend", ["old", "old-school", "old-health", "police"])
@pytest.mark.parametrize("author", ["durham", "durham-health"])
def test_a_hidden_event_that_went_to_the_side_that_was_left_is_shown(
    mesh: Mesh, author: str, friend: str
) -> None:
    """Whoever of the old side was told, and of whichever event of the new side."""
    to = str(mesh.members[friend])
    told = lie(
        trail(mesh, "durham-board"),
        str(mesh.members[author]),
        lambda fields: fields["readers"].append([to, 99]),
    )
    (found,) = taken_again(mesh, told).differences

    assert to in found.says
    assert "from whom the child is hidden" in found.says or "the policy does not admit" in found.says


def test_a_delivery_that_no_entry_names_is_shown_by_its_readers_receipt(mesh: Mesh) -> None:
    """The router tells the old school and keeps silent in the block; the school's receipt, which stands in clear, does not."""
    clear, inside = trail(mesh, "durham-board")
    theirs = [one for one in inside if one.text_of("author") == str(mesh.members["durham-health"])]
    hidden = next(one for one in theirs if one.kind == EntryKind.TAKEN)
    school = str(mesh.members["old-school"])
    fields = {"event": hidden.fields["event"], "reader": school, "number": 99, "receipt": 1}
    receipt = Entry(0, clear[-1].number + 1, clear[-1].at_ms, EntryKind.RECEIPT, fields)
    (found,) = taken_again(mesh, ([*clear, receipt], inside)).differences

    assert f"{school} has an event that it was never given" == found.says


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda fields: fields.update(readers=[]), "never told, never ordered"),
        (lambda fields: fields.update(areas=[OLD]), "has the child, and was not concerned"),
        (lambda fields: fields.update(readers=[["m-nobody", 1]]), "whom the policy does not admit"),
    ],
    ids=["nobody told", "another area", "a stranger"],
)
def test_whom_the_new_side_should_have_told_is_missed(
    mesh: Mesh, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    told = lie(trail(mesh, "durham-board"), str(mesh.members["durham-health"]), change)
    found = [one.says for one in taken_again(mesh, told).differences]

    assert any(says in one for one in found), found


def test_a_history_granted_to_another_than_was_ordered_is_shown(mesh: Mesh) -> None:
    clear, inside = trail(mesh, "durham-board")
    at = max(place for place, one in enumerate(inside) if one.kind == EntryKind.GRANTED)
    entry, police = inside[at], str(mesh.members["police"])
    lied = Entry(
        entry.partition,
        entry.number,
        entry.at_ms,
        entry.kind,
        {**entry.fields, "reader": police},
        entry.inner,
    )
    found = [
        one.says for one in taken_again(mesh, (clear, [*inside[:at], lied, *inside[at + 1 :]])).differences
    ]

    assert any(police in one and "ordered otherwise" in one for one in found), found
