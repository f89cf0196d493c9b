"""A router's database from before is brought up to date as it lies there, and what was known in it still counts."""

import sqlite3
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from broker.store.engine import open_sqlite
from broker.store.router.records import newest_of
from broker.store.router.store import RouterStore
from broker.store.router.tables import METADATA

_HERE: Final = Path(__file__).parent
_KNOWN: Final = """
INSERT INTO children VALUES (x'C1', 'E06000063', 'E06000064', 5, 6), (x'C2', 'E06000057', 'E06000057', 5, 6);
INSERT INTO tokens VALUES (x'01', x'C1', x'C1'), (x'02', x'C1', x'C3'), (x'03', x'C2', x'C2');
INSERT INTO orders VALUES (x'0D', 1, 'm-a', 'm-b', x'C1', NULL, 'open', 99);
INSERT INTO order_events VALUES (x'0D', x'0E', NULL);
INSERT INTO handovers (handover, child, from_area, to_area, kind, state, evidence, urgency, released, verified,
 declines, withheld, opened_ms, changed_ms)
 VALUES (x'FA', x'C1', 'E06000063', 'E06000064', 'move', 'released', x'0E', 1, 1, 0, 0, 0, 5, 7);
INSERT INTO deadlines VALUES (x'FA', 'acceptance', x'C1', 'm-b', 8, 'a rule', NULL, NULL);
INSERT INTO links VALUES (4, x'0F', x'C1', x'C1', x'C3', 'E06000057', 'E06000057', 'E06000064', 3);
"""
"""A child that is two linked records, one of which had been another area's; a handover of it, an order, something owed."""


@pytest.fixture(params=["r0001", "r0002"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database as a router of that revision left it."""
    path = tmp_path / "router.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((_HERE / f"router_{request.param}.sql").read_text())
        connection.executescript(_KNOWN)
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (request.param,))
    connection.close()
    return path


def test_its_tables_are_the_programs_and_opening_it_again_changes_nothing(older: Path) -> None:
    for _ in range(2):
        engine = open_sqlite(older, "router")
        with engine.connect() as migrated:
            difference = compare_metadata(MigrationContext.configure(migrated), METADATA)
            indexes = {
                one["name"]: one["column_names"] for one in sa.inspect(migrated).get_indexes("deadlines")
            }
        engine.dispose()
        assert [] == difference
        assert "deadlines_due" not in indexes
        assert ["due_ms", "fired_ms"] == indexes["deadlines_unmet"]


def test_what_it_knew_of_a_child_and_its_handover_counts(older: Path) -> None:
    store = RouterStore(older)
    with store.work() as work:
        [child] = work.children.by_tokens([b"\x02"])
        [handover] = work.procedures.all_of(child.child)
        [owed] = work.procedures.owed(b"\xfa")
        [order] = work.procedures.waiting_orders(child.child)
        work.procedures.note_moments(b"\xfa", ["accepted"], 9)
        moments = work.procedures.moments_of(b"\xfa")
        asked = work.procedures.anything_open_in(b"\x0d")
    store.close()

    assert (b"\xc1", "E06000063", "E06000064") == (child.child, child.holder, child.safety)
    assert (handover.origin, handover.state, handover.released) == (b"\xc1", "released", True)
    # Nothing of it is provisional: what was accepted before was final.
    assert (handover.confirmed, handover.contested, handover.keeping) == (True, False, "none")
    assert ("acceptance", None) == (owed.kind, owed.met_ms)
    assert (order.origin, order.evidence) == (b"\xc1", b"")
    assert asked
    assert {"accepted": 9} == moments


def test_a_link_that_stood_can_be_undone_and_each_record_is_what_it_was(older: Path) -> None:
    store = RouterStore(older)
    with store.work() as work:
        records = work.children.records.of(b"\xc1")
        [link] = work.links.of(b"\xc1")
        fresh = work.links.part(link, frozenset({b"\xc3"}), 10)
        kept, other = work.children.get(b"\xc1"), work.children.get(fresh)
        following = work.children.records.next_number()
    store.close()

    assert {b"\xc1", b"\xc3"} == set(records)
    assert b"\xc1" == newest_of(records.values()).origin
    assert kept is not None
    assert other is not None
    assert ("E06000063", "E06000064") == (kept.holder, kept.safety)
    assert (b"\xc3", "E06000057", "E06000057") == (fresh, other.holder, other.safety)
    assert following > link.n
