"""What a member sends: durable before ``publish`` returns, in chain order, until the bus has it and readers answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t
from broker.store.gateway.prepared import Prepared, driver
from schemas.wire import ReceiptKind

_RECEIPT_COLUMNS = {
    ReceiptKind.DELIVERED: t.sent_to.c.delivered_ms,
    ReceiptKind.OPENED: t.sent_to.c.opened_ms,
    ReceiptKind.TAKEN_ON: t.sent_to.c.taken_on_ms,
    ReceiptKind.PASSED_ON: t.sent_to.c.passed_on_ms,
}

AGAIN: Final = ".again"
"""Ends the id of what was sent a second time: the bus would take the first id for a repeat."""
_UNHEARD: Final = sa.select(t.sent_to.c.event_id).where(t.sent_to.c.delivered_ms.is_(None))


@dataclass(frozen=True, slots=True)
class OutRow:
    """One message on its way out."""

    position: int
    event_id: bytes | None
    kind: int
    subject: str
    msg_id: str
    key_id: str
    body: bytes
    created_ms: int
    sent_ms: int | None
    returned: str | None


@dataclass(frozen=True, slots=True)
class ReaderState:
    """What one reader has said about one event."""

    reader: str
    delivered_ms: int | None
    opened_ms: int | None
    taken_on_ms: int | None


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """One receipt that is to be sent."""

    position: int
    kind: int
    message_id: bytes
    author: str
    number: int
    at_ms: int
    role: str | None


_CHAIN = Prepared(
    sa.select(t.chains.c.sequence, t.chains.c.digest).where(t.chains.c.lane == sa.bindparam("of"))
)
_CHAINS = Prepared(sa.select(t.chains.c.lane, t.chains.c.sequence))
_LINK = insert(t.chains)
_ADVANCE = Prepared(
    _LINK.on_conflict_do_update(
        index_elements=["lane"], set_={"sequence": _LINK.excluded.sequence, "digest": _LINK.excluded.digest}
    ),
    *t.chains.c,
)
_OF_EVENT = t.outbox.c.event_id == sa.bindparam("event")
_PUT = Prepared(
    t.outbox.insert(),
    *[column for column in t.outbox.c if column.name not in {"position", "sent_ms", "returned"}],
)
_PUT_READER = Prepared(t.sent_to.insert(), t.sent_to.c.event_id, t.sent_to.c.reader)
_OUT_COLUMNS = [t.outbox.c[field.name] for field in fields(OutRow)]
_WAITING = Prepared(
    sa.select(*_OUT_COLUMNS)
    .where(t.outbox.c.sent_ms.is_(None))
    .order_by(t.outbox.c.position)
    .limit(sa.bindparam("most"))
)
_MARK = t.outbox.update().where(t.outbox.c.position == sa.bindparam("at")).values(sent_ms=sa.bindparam("now"))
_SENT = Prepared(_MARK)
_ALL_SENT = Prepared(_MARK.where(t.outbox.c.msg_id == sa.bindparam("id")))
_ON_ITS_WAY = Prepared(sa.select(t.outbox.c.position).where(_OF_EVENT, t.outbox.c.returned.is_(None)))
_OWN = Prepared(sa.select(t.outbox.c.position).where(_OF_EVENT))
_FORGET = Prepared(t.outbox.delete().where(_OF_EVENT))
_FORGET_READERS = Prepared(t.sent_to.delete().where(t.sent_to.c.event_id == sa.bindparam("event")))
_OWE = Prepared(
    t.receipts_out.insert(), *[column for column in t.receipts_out.c if column.name != "position"]
)
_OWED_COLUMNS = [t.receipts_out.c[field.name] for field in fields(ReceiptRow)]
_OWED = Prepared(sa.select(*_OWED_COLUMNS).order_by(t.receipts_out.c.position).limit(sa.bindparam("most")))
_SLIP_KEY = Prepared(
    sa.select(t.slip_keys.c.key_ref, t.slip_keys.c.wrapped).where(
        t.slip_keys.c.board == sa.bindparam("of"), t.slip_keys.c.month == sa.bindparam("during")
    )
)


def _take(column: str) -> Prepared:
    """What a reader said, under the kind of receipt that a column is for."""
    said = insert(t.sent_to)
    return Prepared(
        said.on_conflict_do_update(
            index_elements=["event_id", "reader"], set_={column: said.excluded[column]}
        ),
        t.sent_to.c.event_id,
        t.sent_to.c.reader,
        t.sent_to.c[column],
    )


_TAKE = {kind: (column.name, _take(column.name)) for kind, column in _RECEIPT_COLUMNS.items()}


class Outbox:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection
        self._d = driver(connection)

    def chain(self, lane: str) -> tuple[int, bytes]:
        """The last sequence and digest of one's own chain in a lane; (0, zeros) before the first."""
        found: tuple[int, bytes] | None = _CHAIN.one(self._d, of=lane)
        return (0, bytes(32)) if found is None else found

    def chains(self) -> dict[str, int]:
        """The last sequence of each of one's own chains, by lane."""
        return dict(_CHAINS.all(self._d))

    def advance(self, lane: str, sequence: int, digest: bytes) -> None:
        """The chain goes on."""
        _ADVANCE.run(self._d, lane=lane, sequence=sequence, digest=digest)

    def next_number(self, name: str) -> int:
        """Count a named counter up by one."""
        statement = insert(t.counters).values(name=name, value=1)
        return int(
            self._c.scalar(
                statement.on_conflict_do_update(
                    index_elements=["name"], set_={"value": t.counters.c.value + 1}
                ).returning(t.counters.c.value)
            )
            or 0
        )

    def put(
        self,
        *,
        event_id: bytes | None,
        kind: int,
        subject: str,
        msg_id: str,
        key_id: str,
        body: bytes,
        created_ms: int,
        readers: Iterable[str] = (),
    ) -> None:
        """Queue one message; for an event, with the readers whose receipts are awaited."""
        _PUT.run(
            self._d,
            event_id=event_id,
            kind=kind,
            subject=subject,
            msg_id=msg_id,
            key_id=key_id,
            body=body,
            created_ms=created_ms,
        )
        _PUT_READER.many(self._d, ({"event_id": event_id, "reader": reader} for reader in readers))

    def waiting(self, most: int) -> list[OutRow]:
        """What the bus does not have yet, in order."""
        return [OutRow(*row) for row in _WAITING.all(self._d, most=most)]

    def sent(self, position: int, at_ms: int) -> None:
        """The bus has it."""
        _SENT.run(self._d, at=position, now=at_ms)

    def all_sent(self, messages: Mapping[str, int], at_ms: int) -> None:
        """The bus has these, by their ids: a position may be another message's by now."""
        rows = ({"id": msg_id, "at": position, "now": at_ms} for msg_id, position in messages.items())
        _ALL_SENT.many(self._d, rows)

    def send_again(self, subjects: str, before_ms: int) -> int:
        """Queue anew, once and under another id, what went to these subjects before then and no reader has said to have."""
        heard = sa.exists().where(
            t.sent_to.c.event_id == t.outbox.c.event_id, t.sent_to.c.delivered_ms.is_not(None)
        )
        done = self._c.execute(
            t.outbox.update()
            .where(
                t.outbox.c.event_id.in_(_UNHEARD),
                t.outbox.c.returned.is_(None),
                t.outbox.c.sent_ms < before_ms,
                t.outbox.c.subject.like(subjects),
                t.outbox.c.msg_id.not_like(f"%{AGAIN}"),
                ~heard,
            )
            .values(sent_ms=None, msg_id=t.outbox.c.msg_id + AGAIN)
        )
        return done.rowcount

    def returned(self, event_id: bytes, why: str) -> None:
        """The router did not take it."""
        self._c.execute(t.outbox.update().where(t.outbox.c.event_id == event_id).values(returned=why))

    def events(self, most: int = 1000) -> list[OutRow]:
        """One's own events, newest first."""
        rows = self._c.execute(
            sa.select(t.outbox)
            .where(t.outbox.c.event_id.is_not(None))
            .order_by(t.outbox.c.position.desc())
            .limit(most)
        ).all()
        return [OutRow(**row._mapping) for row in rows]  # noqa: SLF001

    def is_on_its_way(self, event_id: bytes) -> bool:
        """Whether an event is queued or was sent, and did not come back."""
        return _ON_ITS_WAY.one(self._d, event=event_id) is not None

    def forget(self, event_id: bytes) -> None:
        """Drop an event that came back: it is about to be sent anew."""
        _FORGET.run(self._d, event=event_id)
        _FORGET_READERS.run(self._d, event=event_id)

    def is_own(self, event_id: bytes) -> bool:
        """Whether this member published the event."""
        return _OWN.one(self._d, event=event_id) is not None

    def readers(self, event_id: bytes) -> list[ReaderState]:
        """What each reader has said about an event."""
        rows = self._c.execute(
            sa.select(t.sent_to).where(t.sent_to.c.event_id == event_id).order_by(t.sent_to.c.reader)
        ).all()
        return [ReaderState(row.reader, row.delivered_ms, row.opened_ms, row.taken_on_ms) for row in rows]

    def take_receipt(self, event_id: bytes, reader: str, kind: ReceiptKind, at_ms: int) -> None:
        """A reader has said something; one that was added by a grant appears with its first receipt."""
        column, statement = _TAKE[kind]
        statement.run(self._d, event_id=event_id, reader=reader, **{column: at_ms})

    def owe_receipt(
        self, kind: ReceiptKind, message_id: bytes, author: str, number: int, at_ms: int, role: str | None
    ) -> None:
        """Queue a receipt of one's own; they are signed in batches."""
        _OWE.run(
            self._d,
            kind=int(kind),
            message_id=message_id,
            author=author,
            number=number,
            at_ms=at_ms,
            role=role,
        )

    def owed_receipts(self, most: int) -> list[ReceiptRow]:
        """Receipts that have not been signed yet."""
        return [ReceiptRow(*row) for row in _OWED.all(self._d, most=most)]

    def receipts_signed(self, up_to: int) -> None:
        """These are in a signed batch in the outbox now."""
        self._c.execute(t.receipts_out.delete().where(t.receipts_out.c.position <= up_to))

    def slip_key(self, board: str, month: str) -> tuple[bytes, bytes] | None:
        """The month's slip key for a board: its reference, and the secret as the vault keeps it."""
        found: tuple[bytes, bytes] | None = _SLIP_KEY.one(self._d, of=board, during=month)
        return found

    def keep_slip_key(self, board: str, month: str, key_ref: bytes, wrapped: bytes) -> None:
        """Remember the month's slip key."""
        self._c.execute(
            t.slip_keys.insert().values(board=board, month=month, key_ref=key_ref, wrapped=wrapped)
        )
