"""Entries taken into a board's store: the same whatever the batches, nothing fatal, slips as they stand."""

import random
import sqlite3
from pathlib import Path

import pytest

from broker.crypto.keys import KemPublic
from broker.crypto.signing import sign
from broker.crypto.veil import draw
from broker.store.audit.facts import Period
from broker.store.audit.rows import Hole, Scope, SlipState
from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import SlipKey
from schemas.wire import Kem
from tests.support.audit_trail import AT_MS, Trail, an_id, as_entry, ask, find
from tests.support.directory import CUMBERLAND, WESTMORLAND


def _content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the version's."""
    connection = sqlite3.connect(path)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608
            for table in tables
        }
    finally:
        connection.close()


def _a_story() -> Trail:
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("child"), tokens=[an_id("nhs")], areas=[CUMBERLAND])
    trail.taken("early", slip=(key, "plan.opened", "CC-1"))
    trail.add(EntryKind.SLIP_KEY, **setup)
    trail.taken("later", slip=(key, "plan.changed", None))
    trail.add(EntryKind.RECEIPT, event=an_id("later"), reader=trail.member("cumberland"), number=1, receipt=2)
    trail.skip(2)
    trail.add(
        EntryKind.LINKED,
        child=an_id("child"),
        event=an_id("link"),
        author=trail.member("cumberland"),
        merged=[an_id("other")],
        bound=[],
        areas=[CUMBERLAND],
        tokens=[an_id("nhs"), an_id("upn")],
    )
    trail.add(
        EntryKind.UNLINKED,
        child=an_id("child"),
        event=an_id("unlink"),
        author=trail.member("cumberland"),
        split=an_id("other"),
        areas=[CUMBERLAND],
        told=[],
    )
    trail.add("of-the-future", child=an_id("child"), areas=[CUMBERLAND], weight=3)
    return trail


@pytest.mark.parametrize("how", ["one by one", "repeated", "backwards", "shuffled"])
def test_the_same_entries_give_the_same_store(tmp_path: Path, how: str) -> None:
    """Whatever the batches, however often and in whatever order they come."""
    trail = _a_story()
    again = {
        "one by one": trail.entries,
        "repeated": [*trail.entries, *trail.entries[2:], *trail.entries],
        "backwards": trail.entries[::-1],
        "shuffled": random.Random(7).sample(trail.entries, len(trail.entries)),
    }[how]
    with trail.store(tmp_path / "a.db"), trail.store(tmp_path / "b.db", again, batch=1):
        pass

    assert _content(tmp_path / "a.db") == _content(tmp_path / "b.db")


def test_a_kind_of_entry_from_the_future_is_kept_and_shown_to_the_board_of_its_area(tmp_path: Path) -> None:
    trail = Trail()
    number = trail.add(
        "weather-forecast", child=an_id("child"), areas=[CUMBERLAND], author=trail.member("school")
    )
    with trail.store(tmp_path / "audit.db") as store:
        found = find(store, CUMBERLAND)

        assert [("weather-forecast", number)] == [(one.row.kind, one.row.place.number) for one in found]
        assert [] == ask(store, WESTMORLAND)


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 40, id="not CBOR"),
        pytest.param(b"\x87\x02" + b"\x00" * 6, id="another version"),
        pytest.param(as_entry(1, EntryKind.TAKEN, {})[:-1], id="cut short"),
        pytest.param(as_entry((1 << 64) - 1, EntryKind.TAKEN, {}), id="a number beyond any database"),
        pytest.param(as_entry(0, EntryKind.TAKEN, {}), id="numbered nought"),
    ],
)
def test_what_is_no_entry_is_counted_once_and_stops_nothing(tmp_path: Path, junk: bytes) -> None:
    trail = Trail()
    number = trail.taken("event")
    with trail.store(tmp_path / "audit.db", [junk, junk, *trail.entries, junk]) as store:
        with store.work() as work:
            unread = work.unread()

        assert 1 == len(unread)
        assert [number] == ask(store)


@pytest.mark.parametrize(
    "value", [7, "text", b"short", [[1]], True, {}], ids=lambda value: type(value).__name__
)
def test_no_field_of_a_wrong_form_stops_the_reading(tmp_path: Path, value: object) -> None:
    """In an entry of any kind; what comes after is read."""
    names = (
        "child", "event", "author", "areas", "readers", "slips", "holder", "from_area", "to_area", "tokens",
        "merged", "bound", "split", "board", "setup", "handover", "order", "origin", "told",
    )  # fmt: skip
    trail = Trail()
    for kind in EntryKind:
        trail.add(kind, **dict.fromkeys(names, value))
        trail.add(kind, **(dict.fromkeys(names, value) | {"child": an_id("child"), "event": an_id("event")}))
    after = trail.taken("event")
    with trail.store(tmp_path / "audit.db") as store:
        assert after in ask(store)


def test_a_second_entry_under_a_number_is_kept_as_a_contradiction(tmp_path: Path) -> None:
    """The first one stands; that the trail says two things is never swallowed."""
    trail = Trail()
    number = trail.taken("event")
    other = as_entry(number, EntryKind.FLOOD, {"member": trail.member("school")})
    with trail.store(tmp_path / "audit.db", [*trail.entries, other, other]) as store:
        with store.work() as work:
            unread = work.unread()

        assert ["contradicts entry 1 of partition 0"] == unread
        assert ["taken"] == [one.row.kind for one in find(store)]


def test_missing_numbers_are_named_and_forgotten_when_they_come(tmp_path: Path) -> None:
    entries = {n: as_entry(n, EntryKind.FLOOD, {"member": "m"}) for n in range(1, 11)}
    entries[11] = as_entry(3, EntryKind.FLOOD, {"member": "m"}, partition=1)
    holes = []
    with Trail().store(tmp_path / "audit.db", []) as store:
        projection = Trail().projection()
        for batch in ([4, 5, 9], [11], [1, 7], [2, 3, 6, 8], [10]):
            with store.work() as work:
                for n in batch:
                    projection.take(work, entries[n])
                holes.append([(hole.partition, hole.first, hole.last) for hole in work.holes()])

    assert [
        [(0, 1, 3), (0, 6, 8)],
        [(0, 1, 3), (0, 6, 8), (1, 1, 2)],
        [(0, 2, 3), (0, 6, 6), (0, 8, 8), (1, 1, 2)],
        [(1, 1, 2)],
        [(1, 1, 2)],
    ] == holes
    assert 3 == Hole(0, 6, 8).size


def test_a_slip_that_comes_before_its_key_is_opened_when_the_key_comes(tmp_path: Path) -> None:
    trail = Trail()
    key, setup = trail.key()
    trail.taken("event", slip=(key, "plan.opened", "CC-1"))
    with trail.store(tmp_path / "audit.db") as store:
        before = [one.slip_state for one in find(store)]
        trail.add(EntryKind.SLIP_KEY, **setup)
        with store.work() as work:
            trail.projection().take(work, trail.entries[-1])
        after = find(store)

    assert [SlipState.WAITING] == before
    assert [(SlipState.OPEN, "plan.opened", "CC-1")] == [
        (one.slip_state, one.slip.event_type, one.slip.case_ref) for one in after if one.slip
    ]


def test_a_slip_that_was_moved_from_another_event_is_shown_as_one_that_does_not_open(tmp_path: Path) -> None:
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    stolen = trail.a_slip("first", "school", key, "plan.opened", None)
    trail.taken("second", slips=[[trail.board, stolen]])
    trail.taken("third", slips=[[trail.board, b"no slip"]])
    trail.taken("fourth")
    with trail.store(tmp_path / "audit.db") as store:
        states = [one.slip_state for one in find(store)]

    assert [SlipState.SHUT, SlipState.SHUT, SlipState.NONE] == states


def test_another_boards_slip_is_not_tried(tmp_path: Path) -> None:
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    other = trail.a_slip("event", "school", key, "plan.opened", None)
    trail.taken("event", slips=[["m-another", other]])
    with trail.store(tmp_path / "audit.db") as store:
        assert [SlipState.NONE] == [one.slip_state for one in find(store)]


def test_a_slip_key_that_another_member_signed_opens_nothing(tmp_path: Path) -> None:
    """A router that was taken over could write such an entry; then the police would seem to have said it."""
    trail = Trail()
    key, setup = trail.key("police")
    forged = sign(trail.world["health"].sign, SlipKey.LABEL, key.setup.to_bytes())
    trail.add(EntryKind.SLIP_KEY, **(setup | {"setup": forged}))
    trail.taken("event", author="police", slip=(key, "da.incident", None))
    with trail.store(tmp_path / "audit.db") as store:
        assert [SlipState.WAITING] == [one.slip_state for one in find(store)]


def _block(trail: Trail, *items: tuple[str, dict[str, object]], reader: str = "board") -> None:
    """A sealed block with these entries, for one reader."""
    key = KemPublic.load(Kem.MLKEM768_X25519, trail.world[reader].kem.public)
    bodies = [canonical.encode([AT_MS, kind, fields]) for kind, fields in items]
    trail.add(EntryKind.VEILED, sealed=draw(bodies, [key], random.Random(3).randbytes))


def test_entries_in_a_sealed_block_are_this_boards_if_it_can_open_it(tmp_path: Path) -> None:
    """Of an event that stands in clear in part, and whole in a block, the board of the new side sees the whole."""
    trail = Trail()
    event = {"child": an_id("child"), "event": an_id("flight"), "author": trail.member("police")}
    trail.add(EntryKind.TAKEN, **event, areas=[CUMBERLAND, "withheld"], readers=[])
    readers = [[trail.member("westmorland"), 1]]
    _block(trail, ("taken", {**event, "areas": [CUMBERLAND, WESTMORLAND], "readers": readers}))
    _block(trail, ("taken", {**event, "areas": [WESTMORLAND]}), reader="police")
    with trail.store(tmp_path / "audit.db") as store:
        shown = find(store, WESTMORLAND)
        with store.work() as work:
            (share,) = work.shares(Scope(frozenset({WESTMORLAND})), Period())
            copies = work.copies_of([an_id("flight")])

    assert [0, 1] == [one.row.inner for one in shown]
    assert 2 == share.place.number
    assert [trail.member("westmorland")] == [one.reader for one in copies]


@pytest.mark.parametrize("junk", [b"", b"no block", bytes(40_000)], ids=["nothing", "short", "noughts"])
def test_a_block_that_is_none_stops_nothing(tmp_path: Path, junk: bytes) -> None:
    trail = Trail()
    trail.add(EntryKind.VEILED, sealed=junk)
    _block(trail, ("taken", {}), ("", {}))
    after = trail.taken("event")
    with trail.store(tmp_path / "audit.db") as store:
        assert [after] == ask(store)
