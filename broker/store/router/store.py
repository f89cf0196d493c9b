"""The router's database: one transaction gives one ``Work``; what it wrote is durable when the block ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from broker.store.engine import open_sqlite, truncate_wal, writing
from broker.store.router.children import Children
from broker.store.router.intake import Intake
from broker.store.router.links import Links
from broker.store.router.outgoing import Outgoing
from broker.store.router.procedures import Procedures
from broker.store.router.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Work:
    """The stores of one transaction."""

    transaction: Transaction
    children: Children
    links: Links
    outgoing: Outgoing
    procedures: Procedures
    intake: Intake

    @property
    def connection(self) -> sa.Connection:
        """For questions that no store answers."""
        return self.transaction.now

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is written inside is undone if the block raises; the rest of the transaction stands."""
        with self.transaction.attempt():
            yield


class RouterStore:
    """All of the router's state. One process writes at a time."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path, "router")

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One write transaction. Raises UnavailableError when the disk is full or the database is locked."""
        with writing(self._engine) as connection:
            transaction = Transaction(connection)
            children = Children(transaction)
            yield Work(
                transaction,
                children,
                Links(transaction, children),
                Outgoing(transaction),
                Procedures(transaction),
                Intake(transaction),
            )
            transaction.write()

    def scrub(self) -> bool:
        """Empty the write-ahead log, so that deleted rows are gone from it too (P12). False while somebody reads."""
        return truncate_wal(self._engine)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
