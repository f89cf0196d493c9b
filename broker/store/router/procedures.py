"""Orders, handovers and deadlines: what is under way for a child, who owes what, and until when."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t
from broker.store.router.transaction import Transaction
from schemas.deadlines import Fact

_HANDOVERS = (
    sa.select(t.handovers)
    .where(t.handovers.c.child.in_(sa.bindparam("children", expanding=True)))
    .order_by(t.handovers.c.opened_ms.desc())
)

# Served by one index, so that a look at which nothing is due reads one page of it.
DUE = (
    sa.select(t.deadlines)
    .where(
        t.deadlines.c.due_ms <= sa.bindparam("now"),
        t.deadlines.c.met_ms.is_(None),
        t.deadlines.c.fired_ms.is_(None),
    )
    .order_by(t.deadlines.c.due_ms)
    .limit(sa.bindparam("most"))
)

EXPIRED = (
    sa.select(t.orders.c.order_id, t.orders.c.child)
    .where(t.orders.c.expires_ms < sa.bindparam("now"), t.orders.c.state == sa.literal_column("'open'"))
    .limit(sa.bindparam("most"))
)


# Asked at each grant, and a history has thousands.
_ORDER_ID: sa.BindParameter[bytes] = sa.bindparam("of_order")
_EVENT_ID: sa.BindParameter[bytes] = sa.bindparam("of_event")
_of_order = t.order_events.c.order_id == _ORDER_ID
_of_grant = sa.and_(_of_order, t.order_events.c.event_id == _EVENT_ID)
_ORDER = sa.select(t.orders).where(t.orders.c.order_id == _ORDER_ID)
_GRANT_STATE = sa.select(t.order_events.c.granted_ms).where(_of_grant)
_GRANT = t.order_events.update().where(_of_grant).values(granted_ms=sa.bindparam("at_ms"))
# The last first: grants come in the order of the events, so of a long history it is the one that waits longest.
_LAST_OPEN = (
    sa.select(t.order_events.c.event_id)
    .where(_of_order, t.order_events.c.granted_ms.is_(None))
    .order_by(t.order_events.c.event_id.desc())
    .limit(1)
)
_ASK_FOR = t.order_events.insert()


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """A handover as stored; ``broker.handover.machine`` gives it meaning."""

    handover: bytes
    child: bytes
    origin: bytes
    """The record that it is about: when a link is undone, it goes with that."""
    from_area: str
    to_area: str
    kind: str
    state: str
    evidence: bytes
    urgency: int
    released: bool
    verified: bool
    declines: int
    withheld: bool
    confirmed: bool
    contested: bool
    conference: bool
    glass: bool
    keeping: str
    opened_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as stored."""

    order_id: bytes
    kind: int
    grantor: str
    reader: str
    child: bytes
    origin: bytes
    evidence: bytes
    handover: bytes | None
    state: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class DeadlineRow:
    """One thing owed about a handover or an order."""

    about: bytes
    kind: str
    child: bytes
    owner: str
    due_ms: int
    reason: str
    met_ms: int | None = None
    fired_ms: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A member's gateway has told a person, on this rung, of something owed."""

    about: bytes
    kind: str
    due_ms: int
    rung: str
    member: str
    at_ms: int


class Procedures:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self._handovers: dict[bytes, list[HandoverRow]] = transaction.memory()
        """All of a child's handovers, newest first."""

    def handover(self, handover: bytes) -> HandoverRow | None:
        """One handover by its id."""
        row = self._t.now.execute(sa.select(t.handovers).where(t.handovers.c.handover == handover)).first()
        return None if row is None else HandoverRow(**row._mapping)  # noqa: SLF001  the library's own interface

    def read_ahead(self, children: Collection[bytes]) -> None:
        """Have the handovers of these children at hand."""
        wanted = [child for child in children if child not in self._handovers]
        if not wanted:
            return
        self._handovers.update((child, []) for child in wanted)
        for row in self._t.reading.execute(_HANDOVERS, {"children": wanted}).all():
            self._handovers[row.child].append(HandoverRow(**row._mapping))  # noqa: SLF001

    def handovers_of(self, child: bytes, states: Collection[str]) -> list[HandoverRow]:
        """A child's handovers in these states, newest first."""
        self.read_ahead([child])
        return [row for row in self._handovers[child] if row.state in states]

    def all_of(self, child: bytes) -> list[HandoverRow]:
        """All of a child's handovers, newest first."""
        self.read_ahead([child])
        return list(self._handovers[child])

    def anything_open(self, child: bytes, now_ms: int, over: Iterable[str]) -> bool:
        """Whether a handover (in none of the states ``over``, or with a history that somebody must still decide on) or an order still waits for somebody."""
        handover = sa.select(t.handovers.c.handover).where(
            t.handovers.c.child == child,
            sa.or_(t.handovers.c.state.not_in(list(over)), t.handovers.c.keeping == "owed"),
        )
        order = sa.select(t.orders.c.order_id).where(
            t.orders.c.child == child, t.orders.c.state == "open", t.orders.c.expires_ms >= now_ms
        )
        return any(self._t.now.execute(query.limit(1)).first() is not None for query in (handover, order))

    def expire(self, now_ms: int, most: int) -> frozenset[bytes]:
        """Close orders that nobody answered in all their time; gives the children concerned."""
        late = self._t.now.execute(EXPIRED, {"now": now_ms, "most": most}).all()
        for row in late:
            self.set_order_state(row.order_id, "expired")
        return frozenset(row.child for row in late)

    def save_handover(self, row: HandoverRow) -> None:
        """Write a handover, new or changed."""
        self._handovers.pop(row.child, None)
        done = self._t.now.execute(
            t.handovers.update().where(t.handovers.c.handover == row.handover).values(**asdict(row))
        )
        if not done.rowcount:
            self._t.now.execute(t.handovers.insert().values(**asdict(row)))

    def add_order(self, row: OrderRow, events: Iterable[bytes]) -> None:
        """Write a new order and the events that it asks for."""
        self._t.now.execute(t.orders.insert().values(**asdict(row)))
        for event_id in events:
            self._t.keep(_ASK_FOR, {"order_id": row.order_id, "event_id": event_id, "granted_ms": None})

    def order(self, order_id: bytes) -> OrderRow | None:
        """One order by its id."""
        rows = self._t.ask(_ORDER, of_order=order_id)
        return OrderRow(**dict(zip(t.orders.c.keys(), rows[0], strict=True))) if rows else None

    def waiting_orders(self, child: bytes) -> list[OrderRow]:
        """A child's orders that are not answered."""
        rows = self._t.now.execute(
            sa.select(t.orders).where(t.orders.c.child == child, t.orders.c.state == "open")
        ).all()
        return [OrderRow(**row._mapping) for row in rows]  # noqa: SLF001

    def unanswered(self, child: bytes) -> list[OrderRow]:
        """A child's orders under which not all was granted, whether they wait, were refused, or have expired."""
        states = ("open", "refused", "expired")
        query = sa.select(t.orders).where(t.orders.c.child == child, t.orders.c.state.in_(states))
        return [OrderRow(**row._mapping) for row in self._t.now.execute(query)]  # noqa: SLF001

    def asked_for(self, child: bytes, event_id: bytes, reader: str) -> frozenset[str]:
        """Who has been asked, in whatever order about a child, to grant an event to a reader."""
        query = (
            sa.select(t.orders.c.grantor)
            .join(t.order_events, t.order_events.c.order_id == t.orders.c.order_id)
            .where(
                t.orders.c.child == child, t.orders.c.reader == reader, t.order_events.c.event_id == event_id
            )
        )
        return frozenset(self._t.now.scalars(query))

    def set_order_state(self, order_id: bytes, state: str) -> None:
        """An order is answered or refused."""
        self._t.now.execute(t.orders.update().where(t.orders.c.order_id == order_id).values(state=state))

    def granted_in(self, order_id: bytes) -> frozenset[bytes]:
        """The events that have been granted under an order."""
        e = t.order_events.c
        query = sa.select(e.event_id).where(e.order_id == order_id, e.granted_ms.is_not(None))
        return frozenset(self._t.now.scalars(query))

    def asked_in(self, handover: bytes, kind: int) -> tuple[bytes | None, frozenset[bytes]]:
        """The release that a handover's newest order of a kind rests on, and all events that such orders have asked for."""
        o, e = t.orders.c, t.order_events.c
        ours = sa.select(o.evidence).where(o.handover == handover, o.kind == kind)
        asked = sa.select(e.event_id).join(t.orders, o.order_id == e.order_id)
        return (
            self._t.now.scalar(ours.order_by(o.expires_ms.desc()).limit(1)),
            frozenset(self._t.now.scalars(asked.where(o.handover == handover, o.kind == kind))),
        )

    def strike(self, order_id: bytes) -> None:
        """An order asks for nothing any more: what is granted under it from here on is unknown to it."""
        self._t.now.execute(t.order_events.delete().where(t.order_events.c.order_id == order_id))

    def strike_others(self, child: bytes) -> frozenset[bytes]:
        """The orders about a child ask no more for events of another; gives those of which some had not come."""
        others = t.deliveries.c.child != child
        rows = self._t.now.execute(
            sa.select(t.order_events)
            .join(t.orders, t.orders.c.order_id == t.order_events.c.order_id)
            .where(
                t.orders.c.child == child,
                sa.exists().where(
                    others,
                    t.deliveries.c.event_id == t.order_events.c.event_id,
                    t.deliveries.c.reader == t.orders.c.grantor,
                ),
            )
        ).all()
        for row in rows:
            self._t.now.execute(
                t.order_events.delete().where(
                    t.order_events.c.order_id == row.order_id, t.order_events.c.event_id == row.event_id
                )
            )
        return frozenset(row.order_id for row in rows if row.granted_ms is None)

    def grant_state(self, order_id: bytes, event_id: bytes) -> str:
        """Whether an event of an order is ``"unknown"`` to it, ``"open"``, or ``"granted"``."""
        rows = self._t.ask(_GRANT_STATE, of_order=order_id, of_event=event_id)
        if not rows:
            return "unknown"
        return "open" if rows[0][0] is None else "granted"

    def grant(self, order_id: bytes, event_id: bytes, at_ms: int) -> None:
        """One event of an order has been granted."""
        self._t.keep(_GRANT, {"of_order": order_id, "of_event": event_id, "at_ms": at_ms})

    def granted_of(self, handover: bytes) -> tuple[int, int]:
        """Of a handover's ordered history: how many events were granted, and how many were asked for."""
        granted, event = t.order_events.c.granted_ms, t.order_events.c.event_id
        row = self._t.now.execute(
            sa.select(
                sa.func.count(sa.distinct(sa.case((granted.is_not(None), event)))),
                # Asked for twice, because the first order was refused, it is still one event.
                sa.func.count(sa.distinct(event)),
            )
            .select_from(t.order_events)
            .join(t.orders, t.orders.c.order_id == t.order_events.c.order_id)
            .where(t.orders.c.handover == handover)
        ).one()
        return int(row[0]), int(row[1])

    def under_order(self, child: bytes, reader: str, now_ms: int) -> frozenset[bytes]:
        """Events about a child that a reader is to be granted already, by itself and not as a handover's history."""
        return frozenset(
            self._t.now.scalars(
                sa.select(t.order_events.c.event_id)
                .join(t.orders, t.orders.c.order_id == t.order_events.c.order_id)
                .where(
                    t.orders.c.child == child,
                    t.orders.c.reader == reader,
                    t.orders.c.handover.is_(None),
                    t.orders.c.state == "open",
                    t.orders.c.expires_ms >= now_ms,
                    t.order_events.c.granted_ms.is_(None),
                )
            )
        )

    def ungranted(self, order_id: bytes) -> list[bytes]:
        """The events of an order that were not granted."""
        return list(
            self._t.now.scalars(
                sa.select(t.order_events.c.event_id).where(
                    t.order_events.c.order_id == order_id, t.order_events.c.granted_ms.is_(None)
                )
            )
        )

    def anything_open_in(self, order_id: bytes) -> bool:
        """Whether an event of an order waits for its grant."""
        return bool(self._t.ask(_LAST_OPEN, of_order=order_id))

    def owe(self, row: DeadlineRow) -> None:
        """Write a deadline; one that exists for the same thing starts anew."""
        self._t.now.execute(
            t.deadlines.delete().where(t.deadlines.c.about == row.about, t.deadlines.c.kind == row.kind)
        )
        self._t.now.execute(t.deadlines.insert().values(**asdict(row)))

    def meet(self, about: bytes, kinds: Iterable[str], at_ms: int) -> None:
        """These are met, or void."""
        self._t.now.execute(
            t.deadlines.update()
            .where(
                t.deadlines.c.about == about,
                t.deadlines.c.kind.in_(list(kinds)),
                t.deadlines.c.met_ms.is_(None),
            )
            .values(met_ms=at_ms)
        )

    def owed(self, about: bytes) -> list[DeadlineRow]:
        """Everything owed about a handover or an order, met or not, earliest first."""
        rows = self._t.now.execute(
            sa.select(t.deadlines).where(t.deadlines.c.about == about).order_by(t.deadlines.c.due_ms)
        ).all()
        return [DeadlineRow(**row._mapping) for row in rows]  # noqa: SLF001

    def due(self, now_ms: int, most: int) -> list[DeadlineRow]:
        """What is overdue and has not fired, longest overdue first. Late is late, even if nothing ran when it fell due."""
        rows = self._t.now.execute(DUE, {"now": now_ms, "most": most}).all()
        return [DeadlineRow(**row._mapping) for row in rows]  # noqa: SLF001

    def fired(self, row: DeadlineRow, at_ms: int) -> None:
        """It has been told; it fires once."""
        self._t.now.execute(
            t.deadlines.update()
            .where(t.deadlines.c.about == row.about, t.deadlines.c.kind == row.kind)
            .values(fired_ms=at_ms)
        )

    def note_moments(self, handover: bytes, moments: Iterable[str], at_ms: int) -> None:
        """These have come; one of the six that came before stays as it was."""
        for moment in moments:
            said = insert(t.moments).values(handover=handover, moment=moment, at_ms=at_ms)
            newest = t.moments.c.moment == Fact.ASKED_AGAIN.value
            keys = ["handover", "moment"]
            self._t.now.execute(said.on_conflict_do_update(keys, set_={"at_ms": at_ms}, where=newest))

    def moments_of(self, handover: bytes) -> dict[str, int]:
        """Which of the six moments have come, and when; whether it was ever a stay, and when the case was last asked to pass."""
        rows = self._t.now.execute(sa.select(t.moments).where(t.moments.c.handover == handover)).all()
        return {row.moment: row.at_ms for row in rows}

    def note_told(self, row: NoticeRow, *, again: bool = False) -> bool:
        """A person has been told of something owed; False if that was known. ``again``: the newer word counts."""
        told = t.notices_sent
        statement = insert(told).values(**asdict(row))
        done = self._t.now.execute(
            statement.on_conflict_do_update(
                index_elements=["about", "kind", "due_ms", "rung"],
                set_={"at_ms": row.at_ms},
                where=told.c.at_ms < row.at_ms,
            )
            if again
            else statement.on_conflict_do_nothing()
        )
        return bool(done.rowcount)

    def told_of(self, about: bytes) -> list[NoticeRow]:
        """Who was told about a handover or an order, oldest first."""
        rows = self._t.now.execute(
            sa.select(t.notices_sent)
            .where(t.notices_sent.c.about == about)
            .order_by(t.notices_sent.c.at_ms, t.notices_sent.c.rung)
        ).all()
        return [NoticeRow(**row._mapping) for row in rows]  # noqa: SLF001
