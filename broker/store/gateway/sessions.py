"""Connections that stay open from one transaction to the next, each with the stores that work on it.

A transaction is begun and ended by the driver itself. SQLAlchemy only words statements on the way there: making a
connection of its own for every transaction, it took ten times as long as SQLite.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import sqlalchemy as sa

from broker.store.engine import took_no_write
from broker.store.gateway.prepared import driver

S = TypeVar("S")


class Sessions(Generic[S]):
    """Sessions of one database. Any thread may ask for one; whoever has it has it alone until the block ends."""

    def __init__(self, engine: sa.Engine, make: Callable[[sa.Connection], S]) -> None:
        """``make`` gives the stores that work on a connection; it is asked once for each connection."""
        self._engine = engine
        self._make = make
        self._idle: deque[tuple[sa.Connection, sqlite3.Connection, S]] = deque()

    @contextmanager
    def writing(self) -> Iterator[S]:
        """One write transaction: on disk when the block ends, or nothing of it. Raises UnavailableError."""
        with took_no_write(self._engine), self._transaction("BEGIN IMMEDIATE") as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[S]:
        """All as it is at one moment. Nothing may be written."""
        with self._transaction("BEGIN") as session:
            yield session

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[S]:
        connection, direct, session = self._taken()
        try:
            direct.execute(begin)
            yield session
            direct.execute("COMMIT")
        except BaseException:
            if direct.in_transaction:
                direct.execute("ROLLBACK")
            raise
        finally:
            self._idle.append((connection, direct, session))

    def _taken(self) -> tuple[sa.Connection, sqlite3.Connection, S]:
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
            return connection, driver(connection), self._make(connection)

    def close(self) -> None:
        """Let go of them all, and of the file."""
        while self._idle:
            self._idle.pop()[0].close()
        self._engine.dispose()
