"""The operator's look into the databases: right counts, and never in anybody's way."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from broker.store import overview
from broker.store.audit.store import AuditStore
from broker.store.overview import (
    ReadOnly,
    Waiting,
    board_database,
    board_overview,
    gateway_overview,
    router_overview,
)
from broker.store.router.intake import QuarantineRow
from broker.store.router.procedures import DeadlineRow, OrderRow
from broker.store.router.store import RouterStore
from tests.support.postgres import a_database

DAY = 86_400_000
NOW = 20_000 * DAY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "router.db"


@pytest.fixture
def store(path: Path) -> Iterator[RouterStore]:
    opened = RouterStore(path)
    yield opened
    opened.close()


def _refused(at_ms: int, code: str, state: str) -> QuarantineRow:
    return QuarantineRow(0, "m-aaaaaaaaaa", code, "why", "out.x", b"bytes", at_ms, state, verified=False)


def test_the_router_in_numbers(path: Path, store: RouterStore) -> None:
    with store.work() as work:
        work.outgoing.put("m-aaaaaaaaaa", 1, "x", b"body")
        work.outgoing.audit(1, b"entry")
        work.outgoing.audit(2, b"entry")
        work.intake.quarantine(_refused(NOW - 5, "malformed", "waiting"))
        work.intake.quarantine(_refused(NOW - 9, "late", "retry"))
        work.intake.quarantine(_refused(NOW - 99, "late", "waiting"))
        work.intake.empty(3, "done")
        work.procedures.owe(DeadlineRow(b"1", "release", b"c", "m-x", NOW - 7, "rule"))
        work.procedures.owe(DeadlineRow(b"2", "release", b"c", "m-x", NOW - 70, "rule", fired_ms=NOW))
        work.procedures.owe(DeadlineRow(b"3", "release", b"c", "m-x", NOW - 700, "rule", met_ms=NOW))
        work.procedures.owe(DeadlineRow(b"4", "release", b"c", "m-x", NOW + 7, "rule"))
        work.procedures.add_order(
            OrderRow(b"o", 1, "m-x", "m-y", b"c", b"c", b"e", None, "open", NOW + DAY), []
        )
        work.procedures.add_order(
            OrderRow(b"p", 1, "m-x", "m-y", b"c", b"c", b"e", None, "done", NOW + 5), []
        )
        work.outgoing.count_routine("m-aaaaaaaaaa", "2024-10-03")

    seen = router_overview(path, NOW)

    assert (1, 2) == (seen.inbox_waiting, seen.audit_waiting)
    assert Waiting(2, NOW - 9) == seen.quarantine
    assert {"malformed": 1, "late": 1} == seen.quarantine_codes
    # One that has been told of and is not met is overdue all the same.
    assert Waiting(2, NOW - 70) == seen.overdue
    assert Waiting(1, NOW + DAY) == seen.orders
    assert {"m-aaaaaaaaaa": 19_999 * DAY} == seen.published


def test_what_cannot_be_read_is_not_measured_and_never_zero(tmp_path: Path) -> None:
    strange = tmp_path / "strange.db"
    strange.write_bytes(b"no database" * 1000)

    assert {None} == set(vars_of(router_overview(strange, NOW)))
    assert {None} == set(vars_of(gateway_overview(strange)))
    assert {None} == set(vars_of(board_overview(tmp_path / "missing.db")))
    assert not (tmp_path / "missing.db").exists()


def vars_of(seen: object) -> list[object]:
    return [getattr(seen, name) for name in type(seen).__slots__]  # type: ignore[attr-defined]


def test_nothing_can_be_written(path: Path, store: RouterStore) -> None:
    del store
    with ReadOnly(path) as db:
        assert None is db.ask(sa.text("DELETE FROM counters RETURNING name"))


def test_a_question_that_takes_too_long_is_given_up(path: Path, store: RouterStore) -> None:
    del store
    endless = sa.text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    began = time.monotonic()
    with ReadOnly(path) as db:
        answer = db.ask(endless)

    assert None is answer
    assert time.monotonic() - began < 3 * overview.PATIENCE_S


def test_the_router_writes_while_somebody_looks(path: Path, store: RouterStore) -> None:
    endless = sa.text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with ReadOnly(path) as db:
        looking = threading.Thread(target=db.ask, args=(endless,))
        looking.start()
        began = time.monotonic()
        with store.work() as work:
            work.outgoing.next_number("x")
        took = time.monotonic() - began
        still_looking = looking.is_alive()
        looking.join()

    assert still_looking
    assert took < overview.PATIENCE_S / 2


def test_a_database_that_somebody_holds_locked_is_looked_at_all_the_same(
    path: Path, store: RouterStore
) -> None:
    with store.work() as work:
        work.outgoing.next_number("x")

        assert 0 == router_overview(path, NOW).inbox_waiting


def test_a_board_in_postgresql_in_numbers_and_nothing_can_be_written(tmp_path: Path) -> None:
    """The same figures from a real server, found by the URL in the home; an unreachable one is not measured."""
    url = a_database()
    (tmp_path / "database.url").write_text(f"{url}\n")
    assert url == board_database(tmp_path)
    store = AuditStore(url)
    with store.work() as work:
        work.add_unread(b"not an entry", "no entry")
    store.close()

    assert (0, 0, 1) == tuple(vars_of(board_overview(url)))
    with ReadOnly(url) as db:
        assert db.ask(sa.text("DELETE FROM unread RETURNING 1")) is None
        began = time.monotonic()
        assert db.ask(sa.text("SELECT pg_sleep(30)")) is None
    assert time.monotonic() - began < 5 * overview.PATIENCE_S
    assert (0, 0, 1) == tuple(vars_of(board_overview(url)))
    for nowhere in ("postgresql+psycopg://nobody@127.0.0.1:1/none", "no url", "nosuch+driver://x"):
        assert {None} == set(vars_of(board_overview(nowhere)))
