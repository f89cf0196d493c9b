"""What a member receives: the ledger by number, the vault's keys, orders, granted history, handovers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t
from broker.store.gateway.handovers import Handovers
from broker.store.gateway.prepared import Prepared, driver
from schemas.wire import InKind


@dataclass(frozen=True, slots=True)
class InRow:
    """One delivery in the ledger."""

    number: int
    kind: int
    message_id: bytes
    author: str
    child: bytes | None
    previous: int
    taken_ms: int
    arrived_ms: int
    late: bool
    skewed: bool
    body: bytes
    state: str
    fault: str | None = None
    opened_ms: int | None = None
    taken_on_ms: int | None = None
    taken_on_by: str | None = None
    event_class: int | None = None
    """Of an event that was applied."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order that this gateway was sent: to answer, or to know what will come."""

    order_id: bytes
    grantor: str
    handover: bytes | None
    evidence: bytes
    kind: int
    body: bytes
    events: int
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """An event that was granted: the grant's signed bytes hold the author's own."""

    event_id: bytes
    order_id: bytes
    child: bytes | None
    author: str
    taken_ms: int
    position: int
    body: bytes


GRANTED: Final = ("granted", "granted in part")
"""The answers of an order under which something was granted."""
_PAGE: Final = 64
"""Deliveries read at once: a long record is gone through in pages, each with its bodies."""
_LAST: Final = 1 << 62
_NUMBERED = t.inbox.c.number == sa.bindparam("at")
_COLUMNS = [t.inbox.c[field.name] for field in fields(InRow)]
_LATE = [field.name for field in fields(InRow)].index("late")
_ROWS = sa.select(*_COLUMNS).order_by(t.inbox.c.number)
_STATE = Prepared(sa.select(t.inbox.c.state).where(_NUMBERED))
_ADD = Prepared(t.inbox.insert(), *_COLUMNS)
_SETTLE = Prepared(
    t.inbox.update().where(_NUMBERED).values(state=sa.bindparam("to"), fault=sa.bindparam("why"))
)
_WAIT_FOR = Prepared(t.inbox.update().where(_NUMBERED).values(previous=sa.bindparam("other")))
_CLASSIFY = Prepared(t.inbox.update().where(_NUMBERED).values(event_class=sa.bindparam("as_class")))
_GET = Prepared(_ROWS.where(_NUMBERED))
# What waits for a delivery has a higher number: of a long ledger only the newest are looked at, which are few.
_WAITING_FOR = Prepared(
    _ROWS.where(
        t.inbox.c.number > sa.bindparam("at"),
        t.inbox.c.previous == sa.bindparam("at"),
        t.inbox.c.state == "held",
    )
)
_BY_MESSAGE = Prepared(
    _ROWS.where(t.inbox.c.message_id == sa.bindparam("message"), t.inbox.c.kind == sa.bindparam("of_kind"))
)
_about = (
    t.inbox.c.child == sa.bindparam("about"),
    t.inbox.c.kind == sa.bindparam("of_kind"),
    t.inbox.c.state == "applied",
)
_OF_CHILD = Prepared(_ROWS.where(*_about, t.inbox.c.number > sa.bindparam("after")).limit(_PAGE))
_OF_CHILD_BACK = Prepared(
    sa.select(*_COLUMNS)
    .where(*_about, t.inbox.c.number < sa.bindparam("after"))
    .order_by(t.inbox.c.number.desc())
    .limit(_PAGE)
)
_handles = sa.select(sa.bindparam("about").label("child")).cte("handles", recursive=True)
_next, _before = t.inbox.alias("next"), t.inbox.alias("before")
_handles = _handles.union(
    sa.select(_before.c.child)
    .join(_next, _before.c.number == _next.c.previous)
    .join(_handles, _next.c.child == _handles.c.child)
    .where(_before.c.child.is_not(None), _before.c.child != _handles.c.child)
)
_HANDLES = Prepared(sa.select(_handles.c.child))
_OPENED = Prepared(
    t.inbox.update().where(_NUMBERED, t.inbox.c.opened_ms.is_(None)).values(opened_ms=sa.bindparam("now"))
)
_KEEP_KEY = Prepared(insert(t.part_keys).on_conflict_do_nothing(), *t.part_keys.c)
_KEYS = Prepared(
    sa.select(t.part_keys.c.part, t.part_keys.c.wrapped).where(
        t.part_keys.c.event_id == sa.bindparam("event")
    )
)
_ORDER_COLUMNS = [t.orders.c[field.name] for field in fields(OrderRow)]
_WITHOUT_BODY = sa.select(
    *[column for column in _ORDER_COLUMNS if column.name != "body"], sa.literal(b"").label("body")
)
_ORDER = Prepared(sa.select(*_ORDER_COLUMNS).where(t.orders.c.order_id == sa.bindparam("order")))
_HAS_ORDER = Prepared(sa.select(t.orders.c.order_id).where(t.orders.c.order_id == sa.bindparam("order")))
_HISTORY_COLUMNS = [t.history.c[field.name] for field in fields(HistoryRow)]
_ADD_HISTORY = Prepared(insert(t.history).on_conflict_do_nothing(), *_HISTORY_COLUMNS)
_GRANTED = Prepared(sa.select(*_HISTORY_COLUMNS).where(t.history.c.event_id == sa.bindparam("event")))
_COUNT_HISTORY = Prepared(
    sa.select(sa.func.count()).select_from(t.history).where(t.history.c.order_id == sa.bindparam("order"))
)
_HOLDS = Prepared(
    sa.select(sa.literal(1)).where(
        sa.exists().where(t.history.c.event_id == sa.bindparam("event"))
        | sa.exists().where(
            t.inbox.c.message_id == sa.bindparam("event"),
            t.inbox.c.kind == sa.bindparam("of_kind"),
            t.inbox.c.state == "applied",
        )
    )
)


class Inbox(Handovers):
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        self._d = driver(connection)

    def has(self, number: int) -> bool:
        """Whether a delivery is in the ledger."""
        return _STATE.one(self._d, at=number) is not None

    def is_applied(self, number: int) -> bool:
        """Whether a delivery has been applied (or was found unusable): what comes after it may go on."""
        return _STATE.one(self._d, at=number) in {("applied",), ("failed",)}

    def add(self, row: InRow) -> None:
        """Write a delivery."""
        _ADD.run(self._d, **{column.name: getattr(row, column.name) for column in _COLUMNS})

    def settle(self, number: int, state: str, fault: str | None = None) -> None:
        """A delivery is applied, or failed with a fault's code."""
        _SETTLE.run(self._d, at=number, to=state, why=fault)

    def classify(self, number: int, event_class: int) -> None:
        """Note an event's class, so that the few of a class are found without opening the many."""
        _CLASSIFY.run(self._d, at=number, as_class=event_class)

    def wait_for(self, number: int, other: int) -> None:
        """A delivery that follows two has seen one of them: from now on it waits for the other."""
        _WAIT_FOR.run(self._d, at=number, other=other)

    def held_after(self, number: int) -> list[InRow]:
        """Deliveries that wait for this one."""
        return [_in_row(row) for row in _WAITING_FOR.all(self._d, at=number)]

    def held(self) -> list[InRow]:
        """Everything that waits for something."""
        return self._rows(t.inbox.c.state == "held")

    def gaps(self) -> list[int]:
        """Numbers below the newest that never came; at most a few hundred."""
        newest = self._c.scalar(sa.select(sa.func.max(t.inbox.c.number))) or 0
        count = self._c.scalar(sa.select(sa.func.count()).select_from(t.inbox)) or 0
        if newest == count:
            return []
        have = set(self._c.scalars(sa.select(t.inbox.c.number)))
        return [number for number in range(1, newest) if number not in have][:500]

    def get(self, number: int) -> InRow | None:
        """One delivery."""
        row = _GET.one(self._d, at=number)
        return None if row is None else _in_row(row)

    def by_message(self, message_id: bytes, kind: int) -> InRow | None:
        """The first delivery of one message."""
        row = _BY_MESSAGE.one(self._d, message=message_id, of_kind=kind)
        return None if row is None else _in_row(row)

    def of_child(self, child: bytes, kind: int, *, newest_first: bool = False) -> Iterator[InRow]:
        """All applied deliveries of a kind about one child, in order or backwards; a page of them is held at a time."""
        statement, after = (_OF_CHILD_BACK, _LAST) if newest_first else (_OF_CHILD, 0)
        while page := statement.all(self._d, about=child, of_kind=kind, after=after):
            rows = [_in_row(row) for row in page]
            yield from rows
            after = rows[-1].number

    def of_child_in_class(self, child: bytes, kind: int, event_class: int) -> list[InRow]:
        """Of these, those of a class, without looking at the others: in a long record they are few."""
        c = t.inbox.c
        return self._rows(
            c.child == child, c.kind == kind, c.state == "applied", c.event_class == event_class
        )

    def handles(self, child: bytes) -> list[bytes]:
        """A child's handle and, where records were linked, those whose deliveries its own have followed since."""
        return [row[0] for row in _HANDLES.all(self._d, about=child)]

    def of_class(self, event_class: int) -> list[InRow]:
        """All applied events of a class, in order."""
        c = t.inbox.c
        return self._rows(c.event_class == event_class, c.kind == int(InKind.VIEW), c.state == "applied")

    def about_children(self, kind: int) -> list[InRow]:
        """All applied deliveries of a kind about any child with an open matter, in order."""
        return self._rows(t.inbox.c.child.is_not(None), t.inbox.c.kind == kind, t.inbox.c.state == "applied")

    def granted_alone(self, handover_kind: int) -> frozenset[int]:
        """Numbers of the deliveries that were granted one by one, not as the history of a handover."""
        query = (
            sa.select(t.inbox.c.number)
            .join(t.history, t.history.c.event_id == t.inbox.c.message_id)
            .join(t.orders, t.orders.c.order_id == t.history.c.order_id)
            .where(t.inbox.c.author == t.orders.c.grantor, t.orders.c.kind != handover_kind)
        )
        return frozenset(self._c.scalars(query))

    def of_kind(self, kinds: Iterable[int]) -> list[InRow]:
        """All deliveries of these kinds, in order."""
        return self._rows(t.inbox.c.kind.in_(list(kinds)))

    def mark_opened(self, number: int, at_ms: int) -> bool:
        """First opening of a delivery; False if it was opened before."""
        return bool(_OPENED.run(self._d, at=number, now=at_ms).rowcount)

    def mark_taken_on(self, number: int, at_ms: int, by: str) -> bool:
        """Somebody takes it on; False if somebody has."""
        done = self._c.execute(
            t.inbox.update()
            .where(t.inbox.c.number == number, t.inbox.c.taken_on_ms.is_(None))
            .values(taken_on_ms=at_ms, taken_on_by=by)
        )
        return bool(done.rowcount)

    def keep_key(self, event_id: bytes, index: int, wrapped: bytes) -> None:
        """Remember a part's key, as the vault wrapped it."""
        _KEEP_KEY.run(self._d, event_id=event_id, part=index, wrapped=wrapped)

    def keys_of(self, event_id: bytes) -> dict[int, bytes]:
        """An event's part keys by part, as the vault wrapped them."""
        return dict(_KEYS.all(self._d, event=event_id))

    def add_order(self, row: OrderRow) -> bool:
        """Remember an order; False if it was known."""
        statement = insert(t.orders).values(
            order_id=row.order_id,
            grantor=row.grantor,
            handover=row.handover,
            evidence=row.evidence,
            kind=row.kind,
            body=row.body,
            events=row.events,
            answer=row.answer,
        )
        return bool(self._c.execute(statement.on_conflict_do_nothing()).rowcount)

    def order(self, order_id: bytes) -> OrderRow | None:
        """One order."""
        row = _ORDER.one(self._d, order=order_id)
        return None if row is None else OrderRow(*row)

    def has_order(self, order_id: bytes) -> bool:
        """Whether an order has come. Cheap; the order itself may be long."""
        return _HAS_ORDER.one(self._d, order=order_id) is not None

    def unanswered(self, grantor: str) -> list[OrderRow]:
        """The orders for this grantor that it has neither carried out nor refused."""
        query = sa.select(t.orders).where(
            t.orders.c.answer.is_(None), t.orders.c.grantor == grantor, t.orders.c.events > 0
        )
        return [OrderRow(**row._mapping) for row in self._c.execute(query).all()]  # noqa: SLF001

    def answered(self, order_id: bytes, answer: str) -> None:
        """An order was granted or refused by us."""
        self._c.execute(t.orders.update().where(t.orders.c.order_id == order_id).values(answer=answer))

    def orders_for(self, handover: bytes) -> list[OrderRow]:
        """The orders of one handover, without their bodies: a long history is many of them."""
        rows = self._c.execute(_WITHOUT_BODY.where(t.orders.c.handover == handover))
        return [OrderRow(**row._mapping) for row in rows]  # noqa: SLF001

    def came_about(self, child: bytes, kind: int) -> list[tuple[int, bytes, str | None]]:
        """Number, message and fault of every delivery of a kind about one child, in order; no body is read."""
        c = t.inbox.c
        query = sa.select(c.number, c.message_id, c.fault).where(c.child == child, c.kind == kind)
        return [(row.number, row.message_id, row.fault) for row in self._c.execute(query.order_by(c.number))]

    def orders_beside(self, handover: bytes) -> list[bytes]:
        """The ids of all orders that are not of this handover."""
        other = sa.or_(t.orders.c.handover.is_(None), t.orders.c.handover != handover)
        return list(self._c.scalars(sa.select(t.orders.c.order_id).where(other)))

    def granted_on(self, evidence: bytes, kind: int) -> Iterator[OrderRow]:
        """Orders of a kind resting on this evidence that we have granted, one by one."""
        of_it = t.orders.c.evidence == evidence, t.orders.c.kind == kind, t.orders.c.answer.in_(GRANTED)
        for order_id in self._c.scalars(sa.select(t.orders.c.order_id).where(*of_it)).all():
            row = self.order(order_id)
            if row is not None:
                yield row

    def add_history(self, row: HistoryRow) -> bool:
        """Keep a granted event; False if it was there."""
        values = {column.name: getattr(row, column.name) for column in _HISTORY_COLUMNS}
        return bool(_ADD_HISTORY.run(self._d, **values).rowcount)

    def history(self, child: bytes | None = None, *, event_class: int | None = None) -> Iterator[HistoryRow]:
        """Everything granted (about one child, or at all), in the original order, one by one.

        ``event_class``: only what may be of that class; of what came before classes were noted nobody knows.
        """
        query = sa.select(t.history.c.event_id).order_by(t.history.c.taken_ms, t.history.c.position)
        if child is not None:
            query = query.where(t.history.c.child == child)
        if event_class is not None:
            of_others = sa.exists().where(
                t.inbox.c.message_id == t.history.c.event_id,
                t.inbox.c.kind == int(InKind.GRANTED),
                t.inbox.c.event_class != event_class,
            )
            query = query.where(~of_others)
        for event_id in self._c.scalars(query).all():
            row = self.granted_event(event_id)
            if row is not None:
                yield row

    def granted_event(self, event_id: bytes) -> HistoryRow | None:
        """One granted event."""
        row = _GRANTED.one(self._d, event=event_id)
        return None if row is None else HistoryRow(*row)

    def holds(self, event_id: bytes) -> bool:
        """Whether an event is here, sent or granted, under whichever order."""
        return _HOLDS.one(self._d, event=event_id, of_kind=int(InKind.VIEW)) is not None

    def history_count(self, order_id: bytes) -> int:
        """How many events have come under an order; what had come before under another is not among them."""
        return int(_COUNT_HISTORY.one(self._d, order=order_id)[0])

    def _rows(self, *where: sa.ColumnElement[bool]) -> list[InRow]:
        return [InRow(*row) for row in self._c.execute(_ROWS.where(*where))]


def _in_row(row: tuple[Any, ...]) -> InRow:
    """A row as the driver gives it: it knows no booleans."""
    values = list(row)
    values[_LATE : _LATE + 2] = [bool(values[_LATE]), bool(values[_LATE + 1])]
    return InRow(*values)
