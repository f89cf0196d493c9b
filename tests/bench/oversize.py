"""What a routed event costs when the router's database holds twelve million children, beside ten thousand.

Random tokens, each with its child and record, in the router's own tables and indexes. Before each batch of either
database its connection is opened anew and the operating system is told to drop the file's pages (``posix_fadvise``), so
nothing of it is in memory. Both do the same work in turn; bus and signatures of receipts are left out. Such a register
is forbidden in life (P12); the bench shows that the cost of an event does not grow with the rows. The rows are made by
the database itself, and deleted afterwards.
"""

import os
import secrets
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from broker.bus.subjects import OutSubject
from broker.clock import system_entropy
from broker.crypto.keyring import load_keyring
from broker.directory.files import read_current
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch
from broker.store.router import tables
from broker.store.router.store import RouterStore
from broker.wiring import RouterHome
from tests.bench.load import Message, make_scene

_FEW: Final = 10_000
_MANY: Final = 12_000_000
_BATCH: Final = 128
_ROUNDS: Final = 12
_CHILDREN: Final = 512
_FILL: Final = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)
INSERT INTO children SELECT key(n), 'E06000001', 'E06000001', 0, 0 FROM numbers
"""
_STRIDE: Final = 357
"""Keys ascend by about so much in their first four bytes, so that the rows are written in order; the rest is random."""


def run() -> list[tuple[str, str]]:
    """The same kind of batches into a small and a large database, in turn."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        few, many = (Place(Path(folder) / name, rows) for name, rows in (("few", _FEW), ("many", _MANY)))
        Path("/proc/self/clear_refs").write_text(
            "5", "ascii"
        )  # the most that was used so far, for the making, is forgotten
        pairs = [(few.batch(), many.batch()) for _ in range(_ROUNDS)]
        small, large = (statistics.median(costs) for costs in zip(*pairs, strict=True))
        size = many.database.stat().st_size / 2**30
        peak = _peak_mb()
    return [
        ("children in the large database", f"{_MANY:,} ({size:.1f} GB)"),
        (f"one event among {_FEW:,} children, cold cache, median of {_ROUNDS} batches", f"{small:,.0f} us"),
        (f"one event among {_MANY:,} children, the same", f"{large:,.0f} us"),
        ("ratio (goal at most 1.3)", f"{large / small:.2f}"),
        (
            "peak memory of a process that holds both databases open and the events (goal at most 300 MB)",
            f"{peak:.0f} MB",
        ),
    ]


class Place:
    """A router's decisions on a database with so many children; the bus is left out."""

    def __init__(self, folder: Path, children: int) -> None:
        self._scene = make_scene(folder, 3)
        home = RouterHome(self._scene.layout.router)
        self._directory = read_current(self._scene.layout)
        keyring = load_keyring(home.folder / "keys")
        self.database = home.database
        RouterStore(self.database).close()
        _fill(self.database, children)
        self._store = RouterStore(self.database)
        self._batch = Batch(
            store=self._store,
            keys=RouterKeys(
                keyring.sign_key([key.key_id for key in self._directory.router.sign_keys]),
                keyring.secret("handles"),
            ),
            routing_keys=keyring.kems,
            is_area=lambda _: True,
            entropy=system_entropy,
        )
        self.take(self._scene.openings(_CHILDREN))

    def traffic(self) -> list[Message]:
        """One batch and the receipts for it."""
        return self._scene.traffic(_BATCH, _CHILDREN)

    def batch(self) -> float:
        """Microseconds per event of one batch, with nothing of the file in memory before: neither the system's nor ours."""
        load = [one for one in self.traffic() if one.audits == 1]
        # Closed, it lets go of its connections and their pages, but not of the statements that it has prepared.
        self._store.close()
        self._store.scrub()
        _drop_pages(self.database)
        return self.take(load) / _BATCH * 1e6

    def take(self, load: list[Message]) -> float:
        """Seconds."""
        messages = [(OutSubject.parse(one.subject), one.data) for one in load]
        began = time.perf_counter()
        self._batch.take(messages, self._directory, datetime.now(UTC))
        return time.perf_counter() - began


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _fill(database: Path, count: int) -> None:
    """That many children, each with its token and record, made by the database itself."""
    with sqlite3.connect(database) as connection:
        # Nothing here need survive: neither the disk nor a journal is waited for.
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("key", 1, _key)
        connection.execute(_FILL, (count,))
        for table in (tables.tokens, tables.records):
            values = ", ".join(_value(column) for column in table.columns)
            connection.execute(
                f"INSERT INTO {table.name} SELECT {values} FROM children"  # noqa: S608
            )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def _key(number: int) -> bytes:
    return (number * _STRIDE).to_bytes(4, "big") + secrets.token_bytes(12)


def _value(column: sa.Column[Any]) -> str:
    if column.name in {"token", "child", "origin"}:
        return "child"
    match column.type:
        case sa.LargeBinary():
            return "x''"
        case sa.String():
            return "'E06000001'"
        case _:
            return "0"


def _drop_pages(database: Path) -> None:
    for path in (database, database.with_name(database.name + "-wal")):
        if path.exists():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<80} {measured}")
