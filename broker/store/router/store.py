"""The router's database: one transaction gives one ``Work``; what it wrote is durable when the block ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from broker.errors import UnavailableError
from broker.store.engine import open_sqlite, truncate_wal, writing
from broker.store.router.at_hand import AtHand
from broker.store.router.children import Children
from broker.store.router.faulty import FaultyItems
from broker.store.router.hiding import Hiding
from broker.store.router.intake import Intake
from broker.store.router.links import Links
from broker.store.router.outgoing import AuditRow, InboxRow, Outgoing
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
    hiding: Hiding
    faulty: FaultyItems

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
        self.inbox: AtHand[InboxRow, tuple[InboxRow, int]] = AtHand()
        """Deliveries for whoever publishes them; a mark says where on the bus one lies."""
        self.audit: AtHand[AuditRow, AuditRow] = AtHand()

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One write transaction. Raises UnavailableError when the disk is full or the database is locked."""
        sent, entered = self.inbox.marks(), self.audit.marks()
        with writing(self._engine) as connection:
            transaction = Transaction(connection)
            children, outgoing = Children(transaction), Outgoing(transaction)
            outgoing.inbox_published(sent)
            outgoing.audit_published(entered)
            yield Work(
                transaction,
                children,
                Links(transaction, children),
                outgoing,
                Procedures(transaction),
                Intake(transaction),
                Hiding(transaction),
                FaultyItems(transaction),
            )
            transaction.write()
        self.inbox.written(len(sent))
        self.audit.written(len(entered))
        self.inbox.add(outgoing.inbox_queued)
        self.audit.add(outgoing.audit_queued)

    def scrub(self) -> bool:
        """Write what is marked, and empty the write-ahead log, so that deleted rows are gone from it too (P12).

        False while somebody reads, or the disk is full.
        """
        if self.inbox.marks() or self.audit.marks():
            try:
                with self.work():
                    pass
            except UnavailableError:
                return False
        return truncate_wal(self._engine)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
