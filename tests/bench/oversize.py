"""What a routed event costs when the router's database holds twelve million children, beside ten thousand.

Random tokens, each with its child, in the router's own tables and indexes; none of it in memory before (the operating
system is told to drop the file's pages). Such a register is forbidden in life (P12); the bench shows that the cost of
an event does not grow with the rows. The rows are made by the database itself, and deleted afterwards.
"""

import os
import resource
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from broker.bus.subjects import OutSubject
from broker.clock import system_entropy
from broker.crypto.keyring import load_keyring
from broker.directory.files import read_current
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch
from broker.store.router.store import RouterStore
from broker.wiring import RouterHome
from tests.bench.load import Message, make_scene

_FEW: Final = 10_000
_MANY: Final = 12_000_000
_BATCH: Final = 128
_ROUNDS: Final = 12
_CHILDREN: Final = 512
_STRIDE: Final = 357
"""Keys ascend by about so much in their first four bytes, so that the rows are written in order; the rest is random."""


def run() -> list[tuple[str, str]]:
    """The same kind of batches into a small and a large database, in turn."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        few, many = (_Place(Path(folder) / name, rows) for name, rows in (("few", _FEW), ("many", _MANY)))
        pairs = [(few.batch(), many.batch()) for _ in range(_ROUNDS)]
        small, large = (statistics.median(costs) for costs in zip(*pairs, strict=True))
        size = many.database.stat().st_size / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return [
        ("children in the large database", f"{_MANY:,} ({size:.1f} GB)"),
        (f"one event among {_FEW:,} children, cold cache, median of {_ROUNDS} batches", f"{small:,.0f} us"),
        (f"one event among {_MANY:,} children, the same", f"{large:,.0f} us"),
        ("ratio (goal at most 1.3)", f"{large / small:.2f}"),
        ("peak memory of the whole bench, router's part in it (goal at most 300 MB)", f"{peak:.0f} MB"),
    ]


class _Place:
    """A router's decisions on a database with so many children; the bus is left out."""

    def __init__(self, folder: Path, children: int) -> None:
        self._scene = make_scene(folder, 3)
        home = RouterHome(self._scene.layout.router)
        self._directory = read_current(self._scene.layout)
        keyring = load_keyring(home.folder / "keys")
        self.database = home.database
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
        self._take(self._scene.openings(_CHILDREN))
        _fill(self.database, children)

    def batch(self) -> float:
        """Microseconds per event of one batch, with nothing of the file in memory before."""
        load = [one for one in self._scene.traffic(_BATCH, _CHILDREN) if one.audits == 1]
        self._store.scrub()
        _drop_pages(self.database)
        began = time.perf_counter()
        self._take(load)
        return (time.perf_counter() - began) / _BATCH * 1e6

    def _take(self, load: list[Message]) -> None:
        messages = [(OutSubject.parse(one.subject), one.data) for one in load]
        self._batch.take(messages, self._directory, datetime.now(UTC))


def _fill(database: Path, children: int) -> None:
    """That many children with a token each, straight into the tables."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            "INSERT INTO children VALUES (?, 'E06000001', 'E06000001', 0, 0)",
            ((key,) for key in _keys(children)),
        )
        connection.executemany(
            "INSERT INTO tokens (token, child, origin) VALUES (?1, ?1, ?1)",
            ((key,) for key in _keys(children)),
        )
    connection.close()


def _keys(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield (number * _STRIDE).to_bytes(4, "big") + secrets.token_bytes(12)


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
