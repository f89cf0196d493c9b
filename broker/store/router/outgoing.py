"""What the router has decided to say: numbered deliveries, audit entries, and where they are until the bus has them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One signed message for one reader, waiting for the bus."""

    position: int
    reader: str
    number: int
    msg_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit entry, waiting for AUDIT."""

    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one reader was given about a child."""

    reader: str
    number: int
    event_id: bytes
    digest: bytes
    author: str
    taken_ms: int


class Outgoing:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def next_number(self, name: str) -> int:
        """Count a named counter up by one, without gaps: a rolled-back transaction gives its numbers back."""
        statement = insert(t.counters).values(name=name, value=1)
        return int(
            self._c.scalar(
                statement.on_conflict_do_update(
                    index_elements=["name"], set_={"value": t.counters.c.value + 1}
                ).returning(t.counters.c.value)
            )
            or 0
        )

    def counted(self, name: str) -> int:
        """Where a named counter stands; 0 before its first number."""
        return self._c.scalar(sa.select(t.counters.c.value).where(t.counters.c.name == name)) or 0

    def newest_place(self, reader: str) -> int:
        """Where on the bus the newest delivery lies that is known to be there; 0 if none is."""
        return (
            self._c.scalar(
                sa.select(t.sent.c.stream_sequence)
                .where(t.sent.c.reader == reader)
                .order_by(t.sent.c.number.desc())
                .limit(1)
            )
            or 0
        )

    def previous_about(self, reader: str, child: bytes, number: int) -> int:
        """The reader's newest number about the child, 0 if none; ``number`` takes its place."""
        before = self._c.scalar(
            sa.select(t.newest.c.number).where(t.newest.c.reader == reader, t.newest.c.child == child)
        )
        statement = insert(t.newest).values(reader=reader, child=child, number=number)
        self._c.execute(
            statement.on_conflict_do_update(index_elements=["reader", "child"], set_={"number": number})
        )
        return int(before or 0)

    def put(self, reader: str, number: int, msg_id: str, body: bytes) -> None:
        """Queue one signed message for the bus."""
        self._c.execute(
            t.inbox_outgoing.insert().values(reader=reader, number=number, msg_id=msg_id, body=body)
        )

    def record(self, delivered: Delivered, child: bytes, origin: bytes) -> None:
        """Remember that a reader was given an event about a child with an open matter."""
        self._c.execute(
            t.deliveries.insert().values(
                reader=delivered.reader,
                number=delivered.number,
                child=child,
                origin=origin,
                event_id=delivered.event_id,
                digest=delivered.digest,
                author=delivered.author,
                taken_ms=delivered.taken_ms,
            )
        )

    def delivered_about(self, child: bytes, reader: str) -> list[Delivered]:
        """Everything that a reader was given about a child, in order."""
        rows = self._c.execute(
            sa.select(t.deliveries)
            .where(t.deliveries.c.child == child, t.deliveries.c.reader == reader)
            .order_by(t.deliveries.c.number)
        ).all()
        return [_delivered(row) for row in rows]

    def delivery_of(self, reader: str, event_id: bytes) -> tuple[Delivered, bytes] | None:
        """A reader's newest recorded delivery of an event, and the record that the event came under."""
        row = self._c.execute(
            sa.select(t.deliveries)
            .where(t.deliveries.c.event_id == event_id, t.deliveries.c.reader == reader)
            .order_by(t.deliveries.c.number.desc())
            .limit(1)
        ).first()
        return None if row is None else (_delivered(row), row.origin)

    def delivery(self, reader: str, number: int) -> Delivered | None:
        """One recorded delivery, or None (routine events are not recorded)."""
        row = self._c.execute(
            sa.select(t.deliveries).where(t.deliveries.c.reader == reader, t.deliveries.c.number == number)
        ).first()
        return None if row is None else _delivered(row)

    def sequence_of(self, reader: str, number: int) -> int | None:
        """Where on the bus a delivery lies, or None if it has not been sent or is long gone."""
        return self._c.scalar(
            sa.select(t.sent.c.stream_sequence).where(t.sent.c.reader == reader, t.sent.c.number == number)
        )

    def take_receipt(self, reader: str, number: int, kind: int, at_ms: int) -> bool:
        """Record a receipt; False if it was there."""
        statement = insert(t.receipts).values(reader=reader, number=number, kind=kind, at_ms=at_ms)
        return bool(self._c.execute(statement.on_conflict_do_nothing()).rowcount)

    def audit(self, number: int, body: bytes) -> None:
        """Queue one audit entry."""
        self._c.execute(t.audit_outgoing.insert().values(n=number, body=body))

    def count_routine(self, member: str, day: str) -> None:
        """Count one routine event: all that stays of it (P12)."""
        statement = insert(t.daily_counts).values(member=member, day=day, count=1)
        self._c.execute(
            statement.on_conflict_do_update(
                index_elements=["member", "day"], set_={"count": t.daily_counts.c.count + 1}
            )
        )

    def waiting_inbox(self, most: int, *, without: Collection[str] = ()) -> list[InboxRow]:
        """The oldest messages that the bus does not have yet, but for readers whose inbox takes none now."""
        query = sa.select(t.inbox_outgoing).order_by(t.inbox_outgoing.c.position).limit(most)
        if without:
            query = query.where(t.inbox_outgoing.c.reader.not_in(without))
        rows = self._c.execute(query).all()
        return [InboxRow(row.position, row.reader, row.number, row.msg_id, row.body) for row in rows]

    def waiting_audit(self, most: int) -> list[AuditRow]:
        """The oldest audit entries that AUDIT does not have yet."""
        rows = self._c.execute(sa.select(t.audit_outgoing).order_by(t.audit_outgoing.c.n).limit(most)).all()
        return [AuditRow(row.n, row.body) for row in rows]

    def inbox_published(self, rows: Sequence[tuple[InboxRow, int]]) -> None:
        """The bus has these, at these stream sequences: the bodies go, overwritten."""
        for row, sequence in rows:
            statement = insert(t.sent).values(reader=row.reader, number=row.number, stream_sequence=sequence)
            self._c.execute(statement.on_conflict_do_nothing())
            self._c.execute(t.inbox_outgoing.delete().where(t.inbox_outgoing.c.position == row.position))

    def audit_published(self, rows: Sequence[AuditRow]) -> None:
        """AUDIT has these."""
        for row in rows:
            self._c.execute(t.audit_outgoing.delete().where(t.audit_outgoing.c.n == row.number))


def _delivered(row: sa.Row[tuple[object, ...]]) -> Delivered:
    return Delivered(row.reader, row.number, row.event_id, row.digest, row.author, row.taken_ms)
