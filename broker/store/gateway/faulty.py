"""Items of orders for us that are missing, altered, foreign or replayed: what we have said of each, and how often."""

from dataclasses import asdict, dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t
from broker.store.gateway.prepared import Prepared, driver
from schemas.wire import InKind

KEPT: Final = "kept"
"""Stands for a fault where the grantor has said that an item stays with it: that is no fault."""
_c = t.faulty.c
_THIS = sa.and_(_c.order_id == sa.bindparam("order"), _c.event_id == sa.bindparam("event"))
_ONE = Prepared(sa.select(_c.fault, _c.wanted, _c.times, _c.due, _c.said_ms).where(_THIS))
_DROP = Prepared(t.faulty.delete().where(_THIS))
_NEWEST = Prepared(
    sa.select(sa.func.max(t.inbox.c.arrived_ms))
    .select_from(t.inbox)
    .join(t.history, t.history.c.event_id == t.inbox.c.message_id)
    .where(t.history.c.order_id == sa.bindparam("order"), t.inbox.c.kind == sa.bindparam("of_kind"))
)
_CAME = Prepared(sa.select(t.history.c.event_id).where(t.history.c.order_id == sa.bindparam("order")))


@dataclass(frozen=True, slots=True)
class FaultyRow:
    """One item."""

    order_id: bytes
    event_id: bytes
    fault: str
    wanted: bool
    """It is not here, and must come."""
    times: int = 0
    """How often we have refused it."""
    due: bool = True
    """It is to be said, or to be said again."""
    said_ms: int = 0


class FaultyItems:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection
        self._d = driver(connection)

    def one(self, order_id: bytes, event_id: bytes) -> FaultyRow | None:
        """One item, if anything was or is wrong with it."""
        row = _ONE.one(self._d, order=order_id, event=event_id)
        if row is None:
            return None
        fault, wanted, times, due, said_ms = row
        return FaultyRow(order_id, event_id, fault, bool(wanted), times, bool(due), said_ms)

    def of(self, order_id: bytes) -> dict[bytes, FaultyRow]:
        """An order's, by event."""
        rows = self._c.execute(sa.select(t.faulty).where(_c.order_id == order_id)).all()
        return {row.event_id: FaultyRow(**row._mapping) for row in rows}  # noqa: SLF001  the library's own interface

    def save(self, row: FaultyRow) -> None:
        """Write one, new or changed."""
        written = insert(t.faulty).values(**asdict(row))
        names = ("fault", "wanted", "times", "due", "said_ms")
        changed = {name: written.excluded[name] for name in names}
        self._c.execute(written.on_conflict_do_update(index_elements=["order_id", "event_id"], set_=changed))

    def drop(self, order_id: bytes, event_id: bytes) -> None:
        """Nothing is wrong with it any more."""
        _DROP.run(self._d, order=order_id, event=event_id)

    def to_say(self, most: int) -> list[FaultyRow]:
        """What is to be said, of one order."""
        first = sa.select(_c.order_id).where(_c.due.is_(sa.true())).limit(1).scalar_subquery()
        query = sa.select(t.faulty).where(_c.due.is_(sa.true()), _c.order_id == first)
        rows = self._c.execute(query.order_by(_c.event_id).limit(most)).all()
        return [FaultyRow(**row._mapping) for row in rows]  # noqa: SLF001

    def came(self, order_id: bytes) -> tuple[frozenset[bytes], int]:
        """Which events have come under an order as they should be, and when the newest of them did; 0: none has."""
        events = frozenset(row[0] for row in _CAME.all(self._d, order=order_id))
        newest = _NEWEST.one(self._d, order=order_id, of_kind=int(InKind.GRANTED))
        return events, newest[0] or 0

    def unfinished(self, me: str) -> list[bytes]:
        """The orders for us under which fewer events have come than they ask for."""
        came = sa.select(sa.func.count()).where(t.history.c.order_id == t.orders.c.order_id).scalar_subquery()
        query = sa.select(t.orders.c.order_id).where(
            t.orders.c.grantor != me, t.orders.c.answer.is_(None), came < t.orders.c.events
        )
        return list(self._c.scalars(query))
