"""Shelves: what is learnt of a part of the trail, put down as it comes, and moved into the projection all at once.

The ids of events are random, so rows that are written one by one into a large table touch a page each. On a shelf, a
file of its own without keys or indexes, rows lie in the order in which they came; then the database sorts each table
once and writes it from its first page to its last. SQLite only. A shelf is worth nothing after a crash: it is made
again.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.batch import GROWING, Batch, Writer
from broker.store.audit.rows import Place

_AT_ONCE: Final = 20_000
_IN_ORDER: Final = (t.entries,)
"""Tables whose key is the place on the trail: they lie on a shelf as they are wanted."""
_EARLIEST: Final = t.copies
"""Its times are the earliest of each, which the database can work out by itself."""


class Shelf:
    """One file that is being filled, by one process."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._c = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE"):
            self._c.execute(f"PRAGMA {pragma}")
        for table in t.PROJECTION:
            self._c.execute(f"CREATE TABLE {table.name} ({_columns(table)})")
        self._c.execute("BEGIN")

    def put(self, batch: Batch) -> None:
        """Put rows down."""
        for table, rows in batch.rows():
            if rows:
                marks = ", ".join("?" * len(table.columns))
                self._c.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608  our own names

    def close(self) -> None:
        """All is there for whoever opens the file next."""
        self._c.execute("COMMIT")
        self._c.close()


def mirrored_between(path: Path, after: Place, last: Place) -> Iterator[list[bytes]]:
    """Entries of a store's mirror beyond a place, up to another, in order; some at a time. Reads alone."""
    query = (
        "SELECT partition, number, body FROM mirror WHERE (partition, number) > (?, ?) AND (partition, number) <= (?, ?) "
        "ORDER BY partition, number LIMIT ?"
    )
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        while True:
            bounds = after.partition, after.number, last.partition, last.number, _AT_ONCE
            rows = connection.execute(query, bounds).fetchall()
            if not rows:
                return
            yield [row[2] for row in rows]
            after = Place(rows[-1][0], rows[-1][1])


def shelf_paths(store: Path, count: int) -> list[Path]:
    """Where this process may put shelves for a store. They are the caller's to remove."""
    return [store.with_name(f"{store.name}.shelf-{os.getpid()}-{at}") for at in range(count)]


def sweep(store: Path) -> None:
    """Remove shelves that a process left when it died; one whose process lives is in use."""
    for path in store.parent.glob(f"{store.name}.shelf-*-*"):
        owner = path.name.rpartition("-")[0].rpartition("-")[2]
        if not owner.isdecimal() or int(owner) == os.getpid() or not _lives(int(owner)):
            path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Moving:
    """Moves shelves into a projection that has been emptied, over a connection that no transaction has begun on yet."""

    def __init__(self, connection: sa.Connection, shelves: Sequence[Path], folder: Path) -> None:
        self._c = connection
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._names = [f"shelf{at}" for at in range(len(shelves))]
        # What is forgotten is made again of what stays, in the same file: there is nothing to overwrite. What does not
        # fit into memory for sorting lies in files without a name, on the disk that has the store.
        for pragma in (
            "secure_delete=OFF",
            "cache_size=-262144",
            "temp_store=FILE",
            f"temp_store_directory='{_quoted(folder)}'",
            "threads=1",
            "busy_timeout=3600000",
        ):
            self._driver.execute(f"PRAGMA {pragma}")
        for name, path in zip(self._names, shelves, strict=True):
            self._driver.execute(f"ATTACH ? AS {name}", (str(path),))

    def drop_indexes(self) -> None:
        """Before rows go or come: an index that is made of all rows at once is made in order."""
        for index in _indexes():
            index.drop(self._c)

    def make_indexes(self) -> Iterator[tuple[int, int]]:
        """When all rows are there; gives after each how many steps of moving are done, and of how many."""
        indexes = _indexes()
        for done, index in enumerate(indexes, len(t.PROJECTION) + 1):
            index.create(self._c)
            yield done, len(t.PROJECTION) + len(indexes)

    def move(self, writer: Writer) -> Iterator[tuple[int, int]]:
        """Move all rows, table by table, with the same word after each. As everywhere, the first row of a key stays."""
        for done, table in enumerate(t.PROJECTION, 1):
            if table in GROWING and table is not _EARLIEST:
                rows = self._c.exec_driver_sql(self._all(table))
                while some := rows.fetchmany(_AT_ONCE):
                    writer.add(self._c, table, [tuple(row)[:-2] for row in some])
            else:
                for query in self._queries(table):
                    self._c.exec_driver_sql(f"INSERT OR IGNORE INTO main.{table.name} {query}")
            yield done, len(t.PROJECTION) + len(_indexes())

    def _queries(self, table: sa.Table) -> list[str]:
        columns = _columns(table)
        if table in _IN_ORDER:
            return [f"SELECT {columns} FROM {name}.{table.name}" for name in self._names]  # noqa: S608  our own names
        key = ", ".join(_named(column) for column in table.primary_key.columns)
        rest = [_named(column) for column in table.columns if not column.primary_key]
        if table is _EARLIEST:
            least = ", ".join(f"min({one})" for one in rest)
            return [f"SELECT {key}, {least} FROM ({self._all(table)}) GROUP BY {key}"]  # noqa: S608
        first = ", shelf, at" if rest else ""
        return [f"SELECT {columns} FROM ({self._all(table)}) ORDER BY {key}{first}"]  # noqa: S608

    def done(self) -> None:
        """When it is committed: what the write-ahead log holds goes into the file, and its room is given back."""
        # A reader of what was there before keeps it from being emptied; the next checkpoint does that.
        self._driver.execute("PRAGMA busy_timeout=1000")
        self._driver.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchone()

    def _all(self, table: sa.Table) -> str:
        return " UNION ALL ".join(
            f"SELECT {_columns(table)}, {at} AS shelf, rowid AS at FROM {name}.{table.name}"  # noqa: S608  our own names
            for at, name in enumerate(self._names)
        )


def _indexes() -> list[sa.Index]:
    return [index for table in t.PROJECTION for index in sorted(table.indexes, key=lambda one: str(one.name))]


def _columns(table: sa.Table) -> str:
    return ", ".join(map(_named, table.columns))


def _named(column: sa.Column[Any]) -> str:
    return f'"{column.name}"'


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "''")


def remove(paths: Sequence[Path]) -> None:
    """Remove shelves."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
