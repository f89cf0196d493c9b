"""What a gateway asks its database for every event costs the same however much has come before."""

import sqlite3
from collections.abc import Iterator
from typing import Final

import pytest

from broker.store.engine import open_sqlite
from broker.store.gateway import clocks, inbox, outbox, store
from broker.store.gateway.prepared import Prepared

_SHORT: Final = frozenset({"chains", "receipts_out", "handles", "CONSTANT"})
"""A row for each lane; what is owed and not signed yet; the handles of one child, as they are found; no table at all."""
KEPT: Final = {
    f"{module.__name__.rpartition('.')[2]}.{name}": kept
    for module in (clocks, inbox, outbox, store)
    for name, kept in vars(module).items()
    if isinstance(kept, Prepared)
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("asked") / "gateway.db"
    open_sqlite(path, "gateway").dispose()
    opened = sqlite3.connect(path)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", sorted(KEPT))
def test_no_kept_statement_reads_a_whole_table(connection: sqlite3.Connection, name: str) -> None:
    text, values = KEPT[name].wording
    plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", [None] * values)
    scans = [step.split()[1] for *_, step in plan if step.startswith("SCAN") and "INDEX" not in step]

    assert set(scans) <= _SHORT
