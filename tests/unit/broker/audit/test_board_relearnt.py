"""All of the trail learnt anew by several processes, killed in the middle, and while more comes: always the same."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.audit.relearning import rebuild
from broker.progress import Progress
from broker.store.audit.rows import Came, Place
from broker.store.audit.store import AuditStore
from tests.unit.broker.audit.test_board_rebuilt import LIFE, content


def test_several_processes_learn_what_one_does(tmp_path: Path) -> None:
    with LIFE.store(tmp_path / "audit.db") as store:
        before = content(store)

        assert len(LIFE.entries) == rebuild(LIFE.projection(), store, processes=2)
        assert before == content(store)


@pytest.mark.parametrize("processes", [1, 2])
def test_whoever_waits_is_told_how_far_it_has_come(tmp_path: Path, processes: int) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def tells(what: str) -> Progress:
        return lambda done, total: told.setdefault(what, []).append((done, total))

    with LIFE.store(tmp_path / "audit.db") as store:
        size = sum(place.number for place in newest(store))
        rebuild(LIFE.projection(), store, processes=processes, tells=tells)

    assert 2 == len(told)
    assert all(said == sorted(said) for said in told.values())
    assert (len(LIFE.entries), size) == told["Learning the trail anew"][-1]
    assert all(done == total for done, total in [told["Putting it in order"][-1]])


def newest(store: AuditStore) -> list[Place]:
    """The last place of each partition."""
    with store.look() as work:
        return work.newest_mirrored()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kept=st.sets(st.sampled_from(range(len(LIFE.entries)))),
    late=st.sets(st.sampled_from(range(len(LIFE.entries)))),
)
def test_whatever_is_missing_or_comes_meanwhile_it_is_as_if_nothing_had_been_forgotten(
    tmp_path_factory: pytest.TempPathFactory, kept: set[int], late: set[int]
) -> None:
    """The shelves hold what was there when they were filled; the rest is learnt before anybody sees any of it."""
    folder = tmp_path_factory.mktemp("late")
    first = [LIFE.entries[number] for number in sorted(kept)]
    more = [LIFE.entries[number] for number in sorted(late - kept)]

    def come(number: int) -> None:
        if number == 1:
            with store.work() as work:
                LIFE.projection().take_all(work, [Came(data) for data in more])

    with LIFE.store(folder / "a.db", first) as store, LIFE.store(folder / "b.db", first + more) as whole:
        rebuild(LIFE.projection(), store, gap=come)

        assert content(whole) == content(store)


@pytest.mark.parametrize("fatal", [1, 2])
def test_killed_in_the_middle_it_has_what_it_had_and_the_next_one_leaves_nothing_over(
    tmp_path: Path, fatal: int
) -> None:
    with LIFE.store(tmp_path / "audit.db") as store:
        before = content(store)
    child = os.fork()
    if child == 0:
        rebuild(
            LIFE.projection(),
            AuditStore(tmp_path / "audit.db"),
            gap=lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == fatal else None,
        )
        os._exit(0)
    assert signal.SIGKILL == os.WTERMSIG(os.waitpid(child, 0)[1])
    assert list(tmp_path.glob("*shelf*"))

    store = AuditStore(tmp_path / "audit.db")
    try:
        assert before == content(store)
        rebuild(LIFE.projection(), store)
        assert before == content(store)
        assert not list(tmp_path.glob("*shelf*"))
    finally:
        store.close()


def test_what_was_learnt_before_is_seen_until_all_is_learnt_again(tmp_path: Path) -> None:
    """Even at the last moment: and the indexes are those of a new database."""
    with LIFE.store(tmp_path / "audit.db") as store:
        before, made = content(store), _indexes(tmp_path)
        seen: list[list[str]] = []

        def look(number: int) -> None:
            if number == 2:
                thread = Thread(target=lambda: seen.append(content(store)))
                thread.start()
                thread.join()

        rebuild(LIFE.projection(), store, gap=look)

        assert [before] == seen
        assert made == _indexes(tmp_path)


def _indexes(folder: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "audit.db")) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%'"))
