"""The gateway's two databases: its state, and custody, a second place for every message as it came."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.engine import Watch, open_sqlite
from broker.store.gateway import tables as t
from broker.store.gateway.bells import Bell, ring
from broker.store.gateway.characteristics import Characteristics
from broker.store.gateway.clocks import Clocks
from broker.store.gateway.cues import Cues
from broker.store.gateway.faulty import FaultyItems
from broker.store.gateway.hidden import Hidden
from broker.store.gateway.inbox import Inbox
from broker.store.gateway.learning import Learning
from broker.store.gateway.marked import Marked
from broker.store.gateway.outbox import Outbox
from broker.store.gateway.oversight import Oversight
from broker.store.gateway.prepared import Prepared, driver
from broker.store.gateway.sessions import Sessions

_KEEP = Prepared(t.custody.insert(), t.custody.c.arrived_ms, t.custody.c.body)
_HEAD = insert(t.chains)
_NOTE_CHAIN = Prepared(
    _HEAD.on_conflict_do_update(
        index_elements=["lane"],
        set_={"sequence": _HEAD.excluded.sequence},
        where=t.chains.c.sequence < _HEAD.excluded.sequence,
    ),
    *t.chains.c,
)


@dataclass(frozen=True, slots=True)
class Work:
    """The stores of one transaction."""

    connection: sa.Connection
    outbox: Outbox
    inbox: Inbox
    oversight: Oversight
    clocks: Clocks
    cues: Cues
    hidden: Hidden
    learning: Learning
    marked: Marked
    faulty: FaultyItems
    characteristics: Characteristics

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is written inside is undone if the block raises; the rest of the transaction stands."""
        connection = driver(self.connection)
        connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK TO attempt")
            raise
        finally:
            connection.execute("RELEASE attempt")


def _work(connection: sa.Connection) -> Work:
    return Work(
        connection,
        Outbox(connection),
        Inbox(connection),
        Oversight(connection),
        Clocks(connection),
        Cues(connection),
        Hidden(connection),
        Learning(connection),
        Marked(connection),
        FaultyItems(connection),
        Characteristics(connection),
    )


class GatewayStore:
    """A gateway's state. Several processes may hold it: the running gateway, and commands."""

    def __init__(self, path: Path) -> None:
        engine = open_sqlite(path, "gateway")
        self._bells = path.parent / "bells"
        self._sessions = Sessions(engine, _work)
        self._watch = Watch(engine)

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One write transaction; durable when the block ends. Raises UnavailableError when locked or full."""
        with self._sessions.writing() as work:
            before = driver(work.connection).total_changes
            yield work
        if driver(work.connection).total_changes != before:
            ring(self._bells)

    @contextmanager
    def look(self) -> Iterator[Work]:
        """Read all at one moment, in nobody's way and with nobody in ours. Nothing may be written."""
        with self._sessions.reading() as work:
            yield work

    def bell(self) -> Bell:
        """Rings when somebody has written here, of this process or another; to be entered by who listens."""
        return Bell(self._bells)

    def version(self) -> int:
        """Changes whenever another process has written: how a running gateway notices new work."""
        return self._watch.version()

    def close(self) -> None:
        """Let go of the file."""
        self._watch.close()
        self._sessions.close()


def _itself(connection: sa.Connection) -> sa.Connection:
    return connection


class Custody:
    """Every message as it came, still sealed, in a file of its own; durable before the bus is told."""

    def __init__(self, path: Path) -> None:
        self._sessions = Sessions(open_sqlite(path, "gateway"), _itself)

    def keep(self, bodies: list[bytes], at_ms: int) -> None:
        """Write messages; durable on return. Raises UnavailableError."""
        with self._sessions.writing() as connection:
            _KEEP.many(driver(connection), ({"arrived_ms": at_ms, "body": body} for body in bodies))

    def note_chains(self, heads: Mapping[str, int]) -> None:
        """Remember here too how far one's own chains are, before any of it goes out. Raises UnavailableError."""
        with self._sessions.writing() as connection:
            rows = [{"lane": lane, "sequence": head, "digest": b""} for lane, head in heads.items()]
            _NOTE_CHAIN.many(driver(connection), rows)

    def chains(self) -> dict[str, int]:
        """How far one's own chains were when something last went out, by lane."""
        with self._sessions.reading() as connection:
            return {row.lane: row.sequence for row in connection.execute(sa.select(t.chains))}

    def since(self, at_ms: int) -> Iterator[bytes]:
        """Messages that came since then, in the order in which they came."""
        with self._sessions.reading() as connection:
            query = sa.select(t.custody.c.body).where(t.custody.c.arrived_ms >= at_ms)
            for row in connection.execute(query.order_by(t.custody.c.position)):
                yield row.body

    def close(self) -> None:
        """Let go of the file."""
        self._sessions.close()
