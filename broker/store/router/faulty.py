"""Items of orders that their readers have refused: exactly which, how often, and whether their grantors know."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t
from broker.store.router.transaction import Transaction

_WANTED = sa.select(t.faulty.c.times).where(
    t.faulty.c.order_id == sa.bindparam("of_order"),
    t.faulty.c.event_id == sa.bindparam("of_event"),
    t.faulty.c.wanted.is_(sa.true()),
)
_REOPEN = (
    t.order_events.update()
    .where(
        t.order_events.c.order_id == sa.bindparam("of_order"),
        t.order_events.c.event_id == sa.bindparam("of_event"),
    )
    .values(granted_ms=None)
)


@dataclass(frozen=True, slots=True)
class FaultyRow:
    """One item of an order, as its reader has refused it last."""

    order_id: bytes
    event_id: bytes
    fault: str
    times: int
    wanted: bool
    """It is asked for again, and has not been granted again since."""
    told: bool
    """Its grantor has been told."""


class FaultyItems:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction

    def of(self, order_id: bytes) -> dict[bytes, FaultyRow]:
        """An order's, by event."""
        rows = self._t.now.execute(sa.select(t.faulty).where(t.faulty.c.order_id == order_id)).all()
        return {row.event_id: FaultyRow(**row._mapping) for row in rows}  # noqa: SLF001  the library's own interface

    def is_wanted(self, order_id: bytes, event_id: bytes) -> bool:
        """Whether an item is asked for again. Asked at each grant."""
        return bool(self._t.ask(_WANTED, of_order=order_id, of_event=event_id))

    def save(self, row: FaultyRow) -> None:
        """Write one, new or changed."""
        written = insert(t.faulty).values(**asdict(row))
        changed = {name: written.excluded[name] for name in ("fault", "times", "wanted", "told")}
        self._t.now.execute(
            written.on_conflict_do_update(index_elements=["order_id", "event_id"], set_=changed)
        )

    def reopen(self, order_id: bytes, event_id: bytes) -> None:
        """What was granted counts no more: the order waits for it again."""
        self._t.ask(_REOPEN, of_order=order_id, of_event=event_id)

    def came(self, order_id: bytes, event_id: bytes) -> None:
        """It was granted again."""
        self._t.now.execute(
            t.faulty.update()
            .where(t.faulty.c.order_id == order_id, t.faulty.c.event_id == event_id)
            .values(wanted=False)
        )

    def drop(self, order_id: bytes, event_id: bytes) -> None:
        """It is here."""
        self._t.now.execute(
            t.faulty.delete().where(t.faulty.c.order_id == order_id, t.faulty.c.event_id == event_id)
        )

    def beyond(self, about: bytes, most: int) -> bool:
        """Whether an item under a handover, or under one order, was refused more often than that."""
        query = (
            sa.select(t.faulty.c.event_id)
            .join(t.orders, t.orders.c.order_id == t.faulty.c.order_id)
            .where(
                sa.or_(t.orders.c.handover == about, t.orders.c.order_id == about), t.faulty.c.times > most
            )
        )
        return self._t.now.execute(query.limit(1)).first() is not None

    def untold(self) -> list[FaultyRow]:
        """Those of which the grantor has yet to be told, order by order."""
        query = sa.select(t.faulty).where(t.faulty.c.told.is_(sa.false())).order_by(t.faulty.c.order_id)
        return [FaultyRow(**row._mapping) for row in self._t.now.execute(query)]  # noqa: SLF001
