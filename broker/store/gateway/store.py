"""The gateway's two databases: its state, and custody, a second place for every message as it came."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.engine import Watch, open_sqlite, writing
from broker.store.gateway import tables as t
from broker.store.gateway.inbox import Inbox
from broker.store.gateway.outbox import Outbox
from broker.store.gateway.oversight import Oversight


@dataclass(frozen=True, slots=True)
class Work:
    """The stores of one transaction."""

    connection: sa.Connection
    outbox: Outbox
    inbox: Inbox
    oversight: Oversight

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is written inside is undone if the block raises; the rest of the transaction stands."""
        with self.connection.begin_nested():
            yield


class GatewayStore:
    """A gateway's state. Several processes may hold it: the running gateway, and commands."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path, "gateway")
        self._watch = Watch(self._engine)

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One write transaction; durable when the block ends. Raises UnavailableError when locked or full."""
        with writing(self._engine) as connection:
            yield Work(connection, Outbox(connection), Inbox(connection), Oversight(connection))

    def version(self) -> int:
        """Changes whenever another process has written: how a running gateway notices new work."""
        return self._watch.version()

    def close(self) -> None:
        """Let go of the file."""
        self._watch.close()
        self._engine.dispose()


class Custody:
    """Every message as it came, still sealed, in a file of its own; durable before the bus is told."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path, "gateway")

    def keep(self, bodies: list[bytes], at_ms: int) -> None:
        """Write messages; durable on return. Raises UnavailableError."""
        with writing(self._engine) as connection:
            for body in bodies:
                connection.execute(t.custody.insert().values(arrived_ms=at_ms, body=body))

    def note_chains(self, heads: Mapping[str, int]) -> None:
        """Remember here too how far one's own chains are, before any of it goes out. Raises UnavailableError."""
        with writing(self._engine) as connection:
            for lane, sequence in heads.items():
                statement = insert(t.chains).values(lane=lane, sequence=sequence, digest=b"")
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["lane"],
                        set_={"sequence": sequence},
                        where=t.chains.c.sequence < sequence,
                    )
                )

    def chains(self) -> dict[str, int]:
        """How far one's own chains were when something last went out, by lane."""
        with self._engine.connect().execution_options(reading=True) as connection:
            return {row.lane: row.sequence for row in connection.execute(sa.select(t.chains))}

    def since(self, at_ms: int) -> Iterator[bytes]:
        """Messages that came since then, in the order in which they came."""
        with self._engine.connect().execution_options(reading=True) as connection:
            query = sa.select(t.custody.c.body).where(t.custody.c.arrived_ms >= at_ms)
            for row in connection.execute(query.order_by(t.custody.c.position)):
                yield row.body

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
