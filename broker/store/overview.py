"""What an operator may see of the databases: counts and ages, no row of any child. Read-only, and never in the way.

A reader of a write-ahead log holds up nobody's writes, but it holds up the emptying of the log; so every question is
a transaction of its own, and one that takes longer than ``PATIENCE_S`` is given up: its answer is None, "not measured".
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy import event, exc

from broker.store.audit import tables as a
from broker.store.gateway import tables as g
from broker.store.notices import tables as n
from broker.store.router import tables as r

PATIENCE_S: Final = 1.0
_STEPS: Final = 20_000
"""So many instructions of the database engine between two looks at the clock: less than a millisecond."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of something wait, and since when or until when the first of them (milliseconds, None if none)."""

    count: int
    first_ms: int | None


@dataclass(frozen=True, slots=True)
class RouterOverview:
    """The router's state in numbers. None: not measured."""

    inbox_waiting: int | None
    """Deliveries that the bus does not have yet."""
    audit_waiting: int | None
    quarantine: Waiting | None
    """Refused messages whose bytes are kept for a second try; ``first_ms`` since when."""
    quarantine_codes: Mapping[str, int] | None
    overdue: Waiting | None
    """Deadlines that have passed and are not met; ``first_ms`` when the worst fell due."""
    orders: Waiting | None
    """Orders that wait for a front door; ``first_ms`` when the first of them ends."""
    published: Mapping[str, int] | None
    """When each member last published something that was taken; a day's beginning where only the day is known."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """Something that a member owes and has not done, and which of its people are known to have been told."""

    about: bytes
    kind: str
    owner: str
    due_ms: int
    urgent: bool
    told: Mapping[str, int] = field(default_factory=dict)
    """When the router heard so, by rung."""


@dataclass(frozen=True, slots=True)
class NoticesOverview:
    """Notices to people on duty, in numbers. None: not measured."""

    waiting: Waiting | None
    """Not sent yet; ``first_ms`` since when."""
    failing: Mapping[str, int] | None
    """Of these, how many could not be sent, by why."""
    unseen: int | None
    """Sent, and acknowledged by nobody."""


@dataclass(frozen=True, slots=True)
class GatewayOverview:
    """One gateway's state in numbers. None: not measured."""

    outbox: Waiting | None
    """What the bus does not have yet; ``first_ms`` since when."""
    returned: int | None
    """Own events that the router returned and nobody has mended."""
    not_applied: int | None
    """Deliveries that could not be used: not the author's signature, no key for us, ..."""
    held: int | None
    """Deliveries that wait for an earlier one about the same child."""
    missing: int | None
    """Delivery numbers that never came."""


@dataclass(frozen=True, slots=True)
class BoardOverview:
    """A board node's state in numbers. None: not measured."""

    entries: int | None
    missing: int | None
    unread: int | None


class ReadOnly:
    """One database, opened so that nothing can be written and nobody waits for us. Missing or strange: all None.

    A path is SQLite's, a string the URL of a PostgreSQL database.
    """

    def __init__(self, place: Path | str) -> None:
        self._until = 0.0
        self._engine: sa.Engine | None = None
        try:
            self._engine = _postgres(place) if isinstance(place, str) else _sqlite(place)
        except (ModuleNotFoundError, exc.ArgumentError):
            return  # no driver here, or no URL
        if isinstance(place, Path):
            event.listen(self._engine, "connect", self._prepare)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def _prepare(self, connection: Any, _record: Any) -> None:
        connection.set_progress_handler(lambda: time.monotonic() > self._until, _STEPS)

    def ask(self, query: sa.Executable) -> list[tuple[Any, ...]] | None:
        """The rows; None where they could not be had in time, or at all."""
        if self._engine is None:
            return None
        self._until = time.monotonic() + PATIENCE_S
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(query).all()]
        except exc.DatabaseError:
            return None

    def count(self, query: sa.Executable) -> int | None:
        """One number."""
        rows = self.ask(query)
        return None if rows is None else int(rows[0][0] or 0)

    def waiting(self, query: sa.Executable) -> Waiting | None:
        """A count and the first of it."""
        rows = self.ask(query)
        return None if rows is None else Waiting(int(rows[0][0]), rows[0][1])


def _sqlite(path: Path) -> sa.Engine:
    return sa.create_engine(
        f"sqlite:///file:{path}?mode=ro&uri=true",
        poolclass=sa.pool.NullPool,
        connect_args={"check_same_thread": False, "timeout": PATIENCE_S},
    )


def _postgres(url: str) -> sa.Engine:
    patience = f"-c statement_timeout={PATIENCE_S * 1000:.0f} -c lock_timeout={PATIENCE_S * 1000:.0f}"
    return sa.create_engine(
        url,
        poolclass=sa.pool.NullPool,
        # The driver takes whole seconds, and two at least.
        connect_args={
            "connect_timeout": 2,
            "options": f"-c default_transaction_read_only=on {patience}",
        },
    )


def router_overview(path: Path, now_ms: int) -> RouterOverview:
    """Look at a router's database."""
    with ReadOnly(path) as db:
        kept = sa.and_(r.quarantine.c.state.in_(["waiting", "retry"]), r.quarantine.c.body != b"")
        codes = db.ask(
            sa.select(r.quarantine.c.code, sa.func.count()).where(kept).group_by(r.quarantine.c.code)
        )
        return RouterOverview(
            inbox_waiting=db.count(_count(r.inbox_outgoing)),
            audit_waiting=db.count(_count(r.audit_outgoing)),
            quarantine=db.waiting(_count(r.quarantine, r.quarantine.c.at_ms).where(kept)),
            quarantine_codes=None if codes is None else {row[0]: row[1] for row in codes},
            overdue=db.waiting(
                _count(r.deadlines, r.deadlines.c.due_ms).where(
                    r.deadlines.c.met_ms.is_(None), r.deadlines.c.due_ms < now_ms
                )
            ),
            orders=db.waiting(
                _count(r.orders, r.orders.c.expires_ms).where(
                    r.orders.c.state == "open", r.orders.c.expires_ms >= now_ms
                )
            ),
            published=_published(db),
        )


def gateway_overview(path: Path) -> GatewayOverview:
    """Look at a gateway's database."""
    with ReadOnly(path) as db:
        newest = db.count(sa.select(sa.func.max(g.inbox.c.number)))
        had = db.count(_count(g.inbox))
        return GatewayOverview(
            outbox=db.waiting(_count(g.outbox, g.outbox.c.created_ms).where(g.outbox.c.sent_ms.is_(None))),
            returned=db.count(_count(g.outbox).where(g.outbox.c.returned.is_not(None))),
            not_applied=db.count(_count(g.inbox).where(g.inbox.c.state == "failed")),
            held=db.count(_count(g.inbox).where(g.inbox.c.state == "held")),
            missing=None if newest is None or had is None else newest - had,
        )


def notices_overview(path: Path) -> NoticesOverview:
    """Look at a file of notices."""
    with ReadOnly(path) as db:
        unsent = n.notices.c.sent_ms.is_(None)
        faults = db.ask(
            sa.select(n.notices.c.fault, sa.func.count())
            .where(unsent, n.notices.c.fault.is_not(None))
            .group_by(n.notices.c.fault)
        )
        return NoticesOverview(
            waiting=db.waiting(_count(n.notices, n.notices.c.created_ms).where(unsent)),
            failing=None if faults is None else {row[0]: row[1] for row in faults},
            unseen=db.count(_count(n.notices).where(~unsent, n.notices.c.acknowledged_ms.is_(None))),
        )


def overdue(path: Path, before_ms: int, most: int) -> list[Overdue] | None:
    """What fell due before then at a router and is not met, worst first, and who was told. None: not measured."""
    owed, told, held = r.deadlines, r.notices_sent, r.handovers
    worst = (
        sa.select(owed.c.about, owed.c.kind, owed.c.owner, owed.c.due_ms)
        .where(owed.c.met_ms.is_(None), owed.c.due_ms <= before_ms)
        .order_by(owed.c.due_ms)
        .limit(most)
        .subquery()
    )
    known = sa.and_(
        told.c.about == worst.c.about, told.c.kind == worst.c.kind, told.c.due_ms == worst.c.due_ms
    )
    query = (
        sa.select(*worst.c, sa.func.coalesce(held.c.urgency, 3) == 0, told.c.rung, told.c.at_ms)
        .outerjoin(told, known)
        .outerjoin(held, held.c.handover == worst.c.about)
        .order_by(worst.c.due_ms, worst.c.about, worst.c.kind)
    )
    with ReadOnly(path) as db:
        rows = db.ask(query)
    if rows is None:
        return None
    found: dict[tuple[bytes, str], tuple[str, int, bool, dict[str, int]]] = {}
    for about, kind, owner, due_ms, urgent, rung, at_ms in rows:
        _, _, _, rungs = found.setdefault((about, kind), (owner, due_ms, bool(urgent), {}))
        if rung is not None:
            rungs[rung] = at_ms
    return [
        Overdue(about, kind, owner, due_ms, urgent, rungs)
        for (about, kind), (owner, due_ms, urgent, rungs) in found.items()
    ]


def board_database(home: Path) -> Path | str:
    """Where a board's node keeps what it knows: ``audit.db`` in its home, or the URL that stands in ``database.url``."""
    url = home / "database.url"
    return url.read_text().strip() if url.exists() else home / "audit.db"


def board_overview(place: Path | str) -> BoardOverview:
    """Look at a board node's database."""
    with ReadOnly(place) as db:
        return BoardOverview(
            entries=db.count(_count(a.mirror)),
            missing=db.count(sa.select(sa.func.sum(a.holes.c.last - a.holes.c.first + 1))),
            unread=db.count(_count(a.unread)),
        )


def _count(table: sa.Table, first: sa.Column[Any] | None = None) -> Any:
    columns = [] if first is None else [sa.func.min(first)]
    return sa.select(sa.func.count(), *columns).select_from(table)


def _published(db: ReadOnly) -> dict[str, int] | None:
    routine = db.ask(
        sa.select(
            r.daily_counts.c.member,
            sa.cast(sa.func.unixepoch(sa.func.max(r.daily_counts.c.day)), sa.Integer) * 1000,
        ).group_by(r.daily_counts.c.member)
    )
    tracked = db.ask(
        sa.select(r.deliveries.c.author, sa.func.max(r.deliveries.c.taken_ms)).group_by(r.deliveries.c.author)
    )
    if routine is None or tracked is None:
        return None
    found: dict[str, int] = {}
    for member, at_ms in (*routine, *tracked):
        found[member] = max(found.get(member, 0), at_ms)
    return found
