"""What a gateway looks over to see who owes it something: questions across outbox, inbox and orders. Reads only."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from broker.store.gateway import tables as t
from broker.store.gateway.outbox import AGAIN
from schemas.wire import InKind


@dataclass(frozen=True, slots=True)
class Unreceipted:
    """An event of our own that the bus has, and a reader whose gateway has not said that it has it."""

    event_id: bytes
    subject: str
    sent_ms: int
    reader: str
    again: bool
    """It was sent a second time, since nobody had said to have it."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A delivery that could not be applied, and why."""

    number: int
    author: str
    arrived_ms: int
    fault: str


@dataclass(frozen=True, slots=True)
class Ungranted:
    """An order for us, as the router signed it, under which fewer events have come than it asks for."""

    order_id: bytes
    grantor: str
    body: bytes
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Alone:
    """An event that was granted to us by itself, not as part of a handover's history."""

    event_id: bytes
    child: bytes | None
    arrived_ms: int


class Oversight:
    """Works inside one transaction of the caller's."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def unreceipted(self, before_ms: int) -> list[Unreceipted]:
        """Oldest first; at most a thousand."""
        again = t.outbox.c.msg_id.like(f"%{AGAIN}")
        query = (
            sa.select(
                t.outbox.c.event_id,
                t.outbox.c.subject,
                t.outbox.c.sent_ms,
                t.sent_to.c.reader,
                again.label("again"),
            )
            .join(t.sent_to, t.sent_to.c.event_id == t.outbox.c.event_id)
            .where(
                t.sent_to.c.delivered_ms.is_(None),
                sa.or_(t.outbox.c.sent_ms < before_ms, sa.and_(t.outbox.c.sent_ms.is_not(None), again)),
                t.outbox.c.returned.is_(None),
            )
            .order_by(t.outbox.c.position)
            .limit(1000)
        )
        return [Unreceipted(**row) for row in self._all(query)]

    def unusable(self) -> list[Unusable]:
        """Newest first; at most a thousand. A repeat is no fault of anybody's."""
        query = (
            sa.select(t.inbox.c.number, t.inbox.c.author, t.inbox.c.arrived_ms, t.inbox.c.fault)
            .where(t.inbox.c.state == "failed", t.inbox.c.fault != "repeated")
            .order_by(t.inbox.c.number.desc())
            .limit(1000)
        )
        return [Unusable(**row) for row in self._all(query)]

    def ungranted(self, me: str) -> list[Ungranted]:
        """Orders for us, of which we were sent a copy."""
        came = sa.func.count(t.history.c.event_id)
        query = (
            sa.select(
                t.orders.c.order_id,
                t.orders.c.grantor,
                t.orders.c.body,
                t.inbox.c.arrived_ms,
            )
            .join(
                t.inbox,
                sa.and_(t.inbox.c.message_id == t.orders.c.order_id, t.inbox.c.kind == int(InKind.ORDER)),
            )
            .outerjoin(t.history, t.history.c.order_id == t.orders.c.order_id)
            .where(t.orders.c.grantor != me)
            .group_by(t.orders.c.order_id)
            .having(came < t.orders.c.events)
        )
        return [Ungranted(**row) for row in self._all(query)]

    def ordered_for(self, evidence: bytes) -> frozenset[bytes]:
        """The signed orders that rest on this event, ours to answer or for us."""
        return frozenset(self._c.scalars(sa.select(t.orders.c.body).where(t.orders.c.evidence == evidence)))

    def granted_alone(self, handover_kind: int) -> list[Alone]:
        """Events granted to us one by one."""
        query = (
            sa.select(t.history.c.event_id, t.history.c.child, t.inbox.c.arrived_ms)
            .join(t.orders, t.orders.c.order_id == t.history.c.order_id)
            .join(
                t.inbox,
                sa.and_(t.inbox.c.message_id == t.history.c.event_id, t.inbox.c.kind == int(InKind.GRANTED)),
            )
            .where(t.orders.c.kind != handover_kind)
        )
        return [Alone(**row) for row in self._all(query)]

    def _all(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in self._c.execute(query).mappings()]
