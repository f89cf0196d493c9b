"""What a board has learnt can be thrown away and learnt again: the same to the byte, in SQLite and in PostgreSQL."""

import sqlite3  # for tables as they were, apart from any code of today
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.audit.relearning import rebuild
from broker.board.node import BoardHome
from broker.errors import ConfigurationError
from broker.store.audit.rows import Came
from broker.store.audit.store import AuditStore
from broker.store.engine import open_sqlite
from schemas.audit import EntryKind
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.slip import Heard, Whom
from schemas.wire import ReceiptKind
from tests.support.audit_trail import Trail, an_id, find
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.exchange import make_exchange
from tests.support.postgres import a_database

_STEPS = ("noticed", "release", "verify", "decline", "decline", "accept", "conference-held")


def a_life() -> Trail:
    """Entries of every kind that teaches something, about a few children."""
    trail = Trail()
    key, setup = trail.key()
    other, later = trail.key("police")
    trail.taken("early", slip=(key, "plan.opened", "CC-1"), event_class=3, urgency=1)
    trail.add(EntryKind.SLIP_KEY, **setup)
    for number in range(6):
        child = f"child {number % 3}"
        trail.add(
            EntryKind.CHILD_TOKEN, child=an_id(child), tokens=[an_id(f"nhs {number}")], areas=[CUMBERLAND]
        )
        trail.taken(
            f"event {number}", child=child, slip=(key, "plan.changed", None), sealed=number == 5 or None
        )
        trail.taken(f"police {number}", child=child, author="police", slip=(other, "da.incident", None))
        told = ((Whom.CHILD, Heard.TOLD), (Whom.PARENT, Heard.OBJECTED))
        slip = trail.a_slip(f"told {number}", "school", key, "plan.changed", None, "RC5", told, BANDS)
        trail.taken(f"told {number}", child=child, slips=[[trail.board, slip]])
        for kind in ReceiptKind:
            trail.receipt(f"event {number}", "cumberland", kind)
    trail.skip(2)
    trail.receipt("event 1", "cumberland", ReceiptKind.OPENED, after_ms=-5_000)
    for handover in ("one", "two"):
        for step in _STEPS:
            trail.add(
                EntryKind.HANDOVER,
                child=an_id("child 1"),
                handover=an_id(handover),
                step=step,
                state=f"after {step}",
                from_area=CUMBERLAND,
                to_area=WESTMORLAND,
                withheld=handover == "two" or None,
            )
        for due in (1, 2):
            about = {"about": an_id(handover), "owed": "release", "due_ms": due}
            trail.add(EntryKind.OVERDUE, child=an_id("child 1"), owner=trail.member("cumberland"), **about)
            trail.add(EntryKind.NOTICE_SENT, owner=trail.member("cumberland"), rung="worker", **about)
    for step in (EntryKind.LINKED, EntryKind.UNLINKED, EntryKind.LINKED):
        trail.add(
            step,
            child=an_id("child 1"),
            event=an_id(f"link {trail.number}"),
            kept=an_id("child 1"),
            merged=[an_id("child 2")],
            split=an_id("child 2"),
            areas=[CUMBERLAND],
        )
    order = {"order": an_id("order"), "reader": trail.member("school"), "grantor": trail.member("cumberland")}
    trail.add(
        EntryKind.ORDER, child=an_id("child 1"), handover=an_id("one"), events=[an_id("early")], **order
    )
    trail.add(EntryKind.GRANTED, child=an_id("child 1"), event=an_id("early"), **order)
    trail.add("of-the-future", child=an_id("child 1"), areas=[CUMBERLAND])
    trail.add(EntryKind.SLIP_KEY, **later)
    return trail


BANDS = Bands(AgeBand.FROM_16, EthnicGroup.NOT_TOLD, Disabled.NO)
LIFE = a_life()


def content(store: AuditStore) -> list[str]:
    return list(store.dump())


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    return tmp_path / "audit.db" if request.param == "sqlite" else a_database()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with LIFE.store(tmp_path_factory.mktemp("whole") / "audit.db") as store:
        return content(store)


def test_rebuilt_from_the_mirror_it_is_the_same_to_the_byte(where: Path | str, whole: list[str]) -> None:
    with LIFE.store(where, batch=3) as store:
        before = content(store)
        with store.work() as work:
            work.forget()
        assert content(store) != before
        again = rebuild(LIFE.projection(), store)

        assert len(LIFE.entries) == again
        assert whole == before == content(store)


_ORDERS = st.permutations(range(len(LIFE.entries)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    order=_ORDERS,
    cuts=st.lists(st.integers(1, 12), max_size=30),
    again=st.lists(st.sampled_from(LIFE.entries)),
)
def test_any_order_batches_and_repeats_give_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    whole: list[str],
    order: list[int],
    cuts: list[int],
    again: list[bytes],
) -> None:
    waiting = [LIFE.entries[number] for number in order] + again
    store, projection = AuditStore(tmp_path_factory.mktemp("any") / "audit.db"), LIFE.projection()
    try:
        for size in _sizes(cuts):
            if not waiting:
                break
            with store.work() as work:
                projection.take_all(work, [Came(data) for data in waiting[:size]])
            del waiting[:size]
        assert whole == content(store)
    finally:
        store.close()


def _sizes(cuts: list[int]) -> Iterator[int]:
    yield from cuts
    while True:
        yield 40


def test_both_databases_answer_alike(where: Path | str) -> None:
    with LIFE.store(where) as store:
        here = find(store, CUMBERLAND)
        with store.work() as work:
            joined = work.records_by_token(an_id("nhs 1"))
            holes = [(one.first, one.last) for one in work.holes()]

    assert len(LIFE.entries) - 2 == len(here)
    assert {an_id("child 1"), an_id("child 2")} == joined
    assert 1 == len(holes)


def test_what_another_version_learnt_is_learnt_again(tmp_path: Path) -> None:
    with LIFE.store(tmp_path / "audit.db") as store:
        assert not store.stale
        with store.work() as work:
            work.forget()
        assert store.stale
        rebuild(LIFE.projection(), store)
        assert not store.stale


def test_a_store_from_before_the_mirror_keeps_its_entries_and_its_questions(tmp_path: Path) -> None:
    """Made by the first version of the program, whose tables are written out here."""
    path = tmp_path / "audit.db"
    open_sqlite(path, "audit").dispose()
    connection = sqlite3.connect(path)
    for table in ("mirror", "nodes", "requests", "projected", "shares", "copies", "moves", "entries"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(
        "CREATE TABLE entries (partition INTEGER, number INTEGER, at_ms INTEGER, kind TEXT, thread BLOB, "
        "event_id BLOB, actor TEXT, body BLOB, PRIMARY KEY (partition, number))"
    )
    rows: list[tuple[Any, ...]] = [
        (0, n + 1, 0, "k", None, None, None, body) for n, body in enumerate(LIFE.entries)
    ]
    connection.executemany("INSERT INTO entries VALUES (?,?,?,?,?,?,?,?)", rows)
    connection.execute("INSERT INTO questions VALUES (1, 5, 'Kit', 'why', 'what', 3)")
    connection.execute("UPDATE alembic_version SET version_num = 'a0002'")
    connection.commit()
    connection.close()

    store = AuditStore(path)
    try:
        assert store.stale
        with store.work() as work:
            assert LIFE.entries == [one.body for some in work.mirrored() for one in some]
            assert ["what"] == [one.asked for one in work.questions()]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("before", "gone"),
    [
        pytest.param("a0004", ("informed", "age", "ethnicity", "disabled"), id="who was told"),
        pytest.param("a0009", ("age", "ethnicity", "disabled"), id="bands"),
    ],
)
def test_a_store_from_before_slips_said_so_reads_them_again(
    tmp_path: Path, whole: list[str], before: str, gone: tuple[str, ...]
) -> None:
    path = tmp_path / "audit.db"
    with LIFE.store(path):
        pass
    connection = sqlite3.connect(path)
    connection.execute("DROP INDEX slips_banded")
    if "informed" in gone:
        connection.execute("DROP INDEX slips_informed")
    for column in gone:
        connection.execute(f"ALTER TABLE slips DROP COLUMN {column}")
    connection.execute("UPDATE projected SET version = 1")
    connection.execute("UPDATE alembic_version SET version_num = ?", (before,))
    connection.commit()
    connection.close()

    store = AuditStore(path)
    try:
        assert store.stale
        rebuild(LIFE.projection(), store)
        assert whole == content(store)
        with store.work() as work:
            assert work.tells_who_was_told()
            assert work.tells_of_bands()
    finally:
        store.close()


def test_a_board_keeps_its_store_where_its_home_says(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A URL in the home leads to PostgreSQL; anything else is refused, and no SQLite file stands in for it."""
    it = make_exchange(tmp_path_factory.mktemp("home"))
    home = BoardHome.open(it.home("board"))
    where = home.folder / "database.url"
    where.write_text("mysql://elsewhere\n")
    with pytest.raises(ConfigurationError):
        home.store()
    where.write_text(a_database() + "\n")
    store = home.store()
    try:
        with store.work() as work:
            LIFE.projection().take_all(work, [Came(data) for data in LIFE.entries])
            assert len(LIFE.entries) == work.count()
    finally:
        store.close()
    assert not (home.folder / "audit.db").exists()
