"""What the router has decided to say: numbered deliveries, audit entries, and where they are until the bus has them."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t
from broker.store.router.transaction import Transaction

_COUNTED = sa.select(t.counters.c.value).where(t.counters.c.name == sa.bindparam("name"))
_counter = insert(t.counters)
_COUNT = _counter.on_conflict_do_update(index_elements=["name"], set_={"value": _counter.excluded.value})
_NEWEST = sa.select(t.newest).where(t.newest.c.child.in_(sa.bindparam("children", expanding=True)))
_newest = insert(t.newest)
_RENEW = _newest.on_conflict_do_update(
    index_elements=["child", "reader"], set_={"number": _newest.excluded.number}
)
_AUTHORS = sa.select(t.deliveries.c.event_id, t.deliveries.c.author).where(
    t.deliveries.c.event_id.in_(sa.bindparam("events", expanding=True))
)
_PUT = t.inbox_outgoing.insert()
_LAST_PUT = sa.select(sa.func.max(t.inbox_outgoing.c.position))
_RECORD = t.deliveries.insert()
_AUDIT = t.audit_outgoing.insert()
_RECEIPT = t.receipts.insert()
_routine = insert(t.daily_counts)
_COUNT_ROUTINE = _routine.on_conflict_do_update(
    index_elements=["member", "day"], set_={"count": t.daily_counts.c.count + _routine.excluded.count}
)
_sent = insert(t.sent)
_SENT = _sent.on_conflict_do_update(
    index_elements=["reader", "number"], set_={"stream_sequence": _sent.excluded.stream_sequence}
)
# An event has few readers, and a reader many deliveries: found by the event alone, whatever the planner thinks.
_GIVEN_OF = sa.select(t.deliveries).where(t.deliveries.c.event_id == sa.bindparam("of_event"))
_had = t.deliveries.alias("had")
# Page by page, in the order of the grantor's numbers; given twice, an event counts where it came first.
_LACKING = (
    sa.select(t.deliveries.c.number, t.deliveries.c.event_id, t.deliveries.c.digest)
    .where(
        t.deliveries.c.child == sa.bindparam("of_child"),
        t.deliveries.c.reader == sa.bindparam("grantor"),
        t.deliveries.c.number > sa.bindparam("after"),
        ~sa.exists().where(
            _had.c.event_id == t.deliveries.c.event_id,
            _had.c.child == t.deliveries.c.child,
            sa.or_(
                _had.c.reader == sa.bindparam("lacks"),
                sa.and_(_had.c.reader == t.deliveries.c.reader, _had.c.number < t.deliveries.c.number),
            ),
        ),
    )
    .order_by(t.deliveries.c.number)
    .limit(sa.bindparam("most"))
)
_PAGE: Final = 500
_FIRST: sa.BindParameter[int] = sa.bindparam("first")
_LAST: sa.BindParameter[int] = sa.bindparam("last")
# However many numbers are asked for, the question has one text, which the database has read before.
_NUMBERS = sa.select(sa.func.json_each(sa.bindparam("numbers")).table_valued("value").c.value)
_GIVEN = sa.select(t.deliveries.c.number, t.deliveries.c.event_id, t.deliveries.c.author).where(
    t.deliveries.c.reader == sa.bindparam("reader"), t.deliveries.c.number.in_(_NUMBERS)
)
_RECEIPTS = sa.select(t.receipts.c.number, t.receipts.c.kind).where(
    t.receipts.c.reader == sa.bindparam("reader"), t.receipts.c.number.in_(_NUMBERS)
)
_INBOX_DONE = t.inbox_outgoing.delete().where(t.inbox_outgoing.c.position.between(_FIRST, _LAST))
_AUDIT_DONE = t.audit_outgoing.delete().where(t.audit_outgoing.c.n.between(_FIRST, _LAST))


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

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self._counters: dict[str, int] = transaction.memory()
        self._newest: dict[bytes, dict[str, int]] = transaction.memory()
        """For each child the newest number of each reader."""
        self._authors: dict[bytes, str | None] = transaction.memory()
        self._last_put: dict[str, int] = transaction.memory()
        self.inbox_queued = transaction.listing(InboxRow)
        """What this transaction has queued for the bus, in its order."""
        self.audit_queued = transaction.listing(AuditRow)

    def read_ahead(self, children: Collection[bytes], events: Collection[bytes]) -> None:
        """Have at hand what will be asked about these children and about events of these ids."""
        wanted = [child for child in children if child not in self._newest]
        if wanted:
            self._newest.update((child, {}) for child in wanted)
            for row in self._t.reading.execute(_NEWEST, {"children": wanted}).all():
                self._newest[row.child][row.reader] = row.number
        unknown = [event for event in events if event not in self._authors]
        if unknown:
            self._authors.update(dict.fromkeys(unknown))
            found = self._t.reading.execute(_AUTHORS, {"events": unknown}).all()
            self._authors.update((event, author) for event, author in found)

    def next_number(self, name: str) -> int:
        """Count a named counter up by one, without gaps: a rolled-back transaction gives its numbers back."""
        number = self.counted(name) + 1
        self._counters[name] = number
        self._t.keep(_COUNT, {"name": name, "value": number}, key=name)
        return number

    def counted(self, name: str) -> int:
        """Where a named counter stands; 0 before its first number."""
        if name not in self._counters:
            self._counters[name] = self._t.reading.scalar(_COUNTED, {"name": name}) or 0
        return self._counters[name]

    def count_from(self, name: str, value: int) -> None:
        """Let a named counter go on from ``value``; it never goes back."""
        if value > self.counted(name):
            self._counters[name] = value
            self._t.keep(_COUNT, {"name": name, "value": value}, key=name)

    def newest_place(self, reader: str) -> int:
        """Where on the bus the newest delivery lies that is known to be there; 0 if none is."""
        return (
            self._t.now.scalar(
                sa.select(t.sent.c.stream_sequence)
                .where(t.sent.c.reader == reader)
                .order_by(t.sent.c.number.desc())
                .limit(1)
            )
            or 0
        )

    def previous_about(self, reader: str, child: bytes, number: int) -> int:
        """The reader's newest number about the child, 0 if none; ``number`` takes its place."""
        self.read_ahead([child], ())
        before = self._newest[child].get(reader, 0)
        self._newest[child][reader] = number
        self._t.keep(_RENEW, {"reader": reader, "child": child, "number": number}, key=(reader, child))
        return before

    def put(self, reader: str, number: int, msg_id: str, body: bytes) -> None:
        """Queue one signed message for the bus."""
        if not self._last_put:
            self._last_put["position"] = self._t.now.scalar(_LAST_PUT) or 0
        position = self._last_put["position"] = self._last_put["position"] + 1
        self._t.keep(
            _PUT, {"position": position, "reader": reader, "number": number, "msg_id": msg_id, "body": body}
        )
        self.inbox_queued.append(InboxRow(position, reader, number, msg_id, body))

    def record(self, delivered: Delivered, child: bytes, origin: bytes) -> None:
        """Remember that a reader was given an event about a child with an open matter."""
        self._authors[delivered.event_id] = delivered.author
        self._t.keep(
            _RECORD,
            {
                "reader": delivered.reader,
                "number": delivered.number,
                "child": child,
                "origin": origin,
                "event_id": delivered.event_id,
                "digest": delivered.digest,
                "author": delivered.author,
                "taken_ms": delivered.taken_ms,
            },
        )

    def author_of(self, event_id: bytes) -> str | None:
        """Whose event has that id, among those about children with an open matter; of others nothing is kept (P12)."""
        self.read_ahead((), [event_id])
        return self._authors[event_id]

    def lacking(self, child: bytes, grantor: str, reader: str) -> Iterator[tuple[bytes, bytes]]:
        """Event and digest of all that one was given about a child and the other was not: once each, in order.

        However much it is, a page of it is held at a time; what is written meanwhile is no delivery to either.
        """
        after = 0
        while True:
            page = self._t.ask(
                _LACKING, of_child=child, grantor=grantor, lacks=reader, after=after, most=_PAGE
            )
            for number, event_id, digest in page:
                after = number
                yield event_id, digest
            if len(page) < _PAGE:
                return

    def delivery_of(self, reader: str, event_id: bytes) -> tuple[Delivered, bytes] | None:
        """A reader's newest recorded delivery of an event, and the record that the event came under."""
        names = t.deliveries.c.keys()
        rows = [dict(zip(names, row, strict=True)) for row in self._t.ask(_GIVEN_OF, of_event=event_id)]
        given = [row for row in rows if row["reader"] == reader]
        if not given:
            return None
        newest = max(given, key=lambda row: int(row["number"]))
        origin = newest.pop("origin")
        del newest["child"]
        return Delivered(**newest), origin

    def holders(self, event_id: bytes, child: bytes) -> dict[str, bytes]:
        """Who was given an event about a child, each with the digest of what it was given."""
        c = t.deliveries.c
        query = sa.select(c.reader, c.digest).where(c.event_id == event_id, c.child == child)
        return {row.reader: row.digest for row in self._t.now.execute(query)}

    def concerning(self, member: str, event_id: bytes) -> tuple[bytes, bytes] | None:
        """The child and the record of an event that this member wrote or was given; None where nothing is kept of it."""
        c = t.deliveries.c
        row = self._t.now.execute(
            sa.select(c.child, c.origin)
            .where(c.event_id == event_id, sa.or_(c.reader == member, c.author == member))
            .order_by(c.number.desc())
            .limit(1)
        ).first()
        return None if row is None else (row.child, row.origin)

    def events_given(self, reader: str, numbers: Collection[int]) -> dict[int, tuple[bytes, str]]:
        """Which event and author a reader's deliveries were of, as far as recorded (routine ones are not), by number."""
        asked = {"reader": reader, "numbers": json.dumps(list(numbers))}
        return {
            number: (event_id, author)
            for number, event_id, author in self._t.now.execute(_GIVEN, asked).all()
        }

    def sequence_of(self, reader: str, number: int) -> int | None:
        """Where on the bus a delivery lies, or None if it has not been sent or is long gone."""
        return self._t.now.scalar(
            sa.select(t.sent.c.stream_sequence).where(t.sent.c.reader == reader, t.sent.c.number == number)
        )

    def receipts_of(self, reader: str, numbers: Collection[int]) -> set[tuple[int, int]]:
        """The receipts that a reader has given for these deliveries: number and kind."""
        asked = {"reader": reader, "numbers": json.dumps(list(numbers))}
        return {(number, kind) for number, kind in self._t.now.execute(_RECEIPTS, asked).all()}

    def take_receipt(self, reader: str, number: int, kind: int, at_ms: int) -> None:
        """Record a receipt that is not there yet."""
        self._t.keep(_RECEIPT, {"reader": reader, "number": number, "kind": kind, "at_ms": at_ms})

    def audit(self, number: int, body: bytes) -> None:
        """Queue one audit entry."""
        self._t.keep(_AUDIT, {"n": number, "body": body})
        self.audit_queued.append(AuditRow(number, body))

    def count_routine(self, member: str, day: str) -> None:
        """Count one routine event: all that stays of it (P12)."""
        self._t.keep(_COUNT_ROUTINE, {"member": member, "day": day, "count": 1})

    def waiting_inbox(self, most: int, *, without: Collection[str] = ()) -> list[InboxRow]:
        """The oldest messages that the bus does not have yet, but for readers whose inbox takes none now."""
        query = sa.select(t.inbox_outgoing).order_by(t.inbox_outgoing.c.position).limit(most)
        if without:
            query = query.where(t.inbox_outgoing.c.reader.not_in(without))
        rows = self._t.now.execute(query).all()
        return [InboxRow(row.position, row.reader, row.number, row.msg_id, row.body) for row in rows]

    def waiting_audit(self, most: int) -> list[AuditRow]:
        """The oldest audit entries that AUDIT does not have yet."""
        rows = self._t.now.execute(
            sa.select(t.audit_outgoing).order_by(t.audit_outgoing.c.n).limit(most)
        ).all()
        return [AuditRow(row.n, row.body) for row in rows]

    def inbox_published(self, rows: Sequence[tuple[InboxRow, int]]) -> None:
        """The bus has these, at these stream sequences: the bodies go, overwritten."""
        for row, sequence in rows:
            self._t.keep(_SENT, {"reader": row.reader, "number": row.number, "stream_sequence": sequence})
        for first, last in _runs([row.position for row, _ in rows]):
            self._t.keep(_INBOX_DONE, {"first": first, "last": last})

    def audit_published(self, rows: Sequence[AuditRow]) -> None:
        """AUDIT has these."""
        for first, last in _runs([row.number for row in rows]):
            self._t.keep(_AUDIT_DONE, {"first": first, "last": last})


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as runs without a gap, first and last of each: what lies together is deleted together."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
