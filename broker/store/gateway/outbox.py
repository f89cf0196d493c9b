"""What a member sends: durable before ``publish`` returns, in chain order, until the bus has it and readers answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t
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


class Outbox:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def chain(self, lane: str) -> tuple[int, bytes]:
        """The last sequence and digest of one's own chain in a lane; (0, zeros) before the first."""
        row = self._c.execute(sa.select(t.chains).where(t.chains.c.lane == lane)).first()
        return (0, bytes(32)) if row is None else (row.sequence, row.digest)

    def chains(self) -> dict[str, int]:
        """The last sequence of each of one's own chains, by lane."""
        return {row.lane: row.sequence for row in self._c.execute(sa.select(t.chains))}

    def advance(self, lane: str, sequence: int, digest: bytes) -> None:
        """The chain goes on."""
        statement = insert(t.chains).values(lane=lane, sequence=sequence, digest=digest)
        self._c.execute(
            statement.on_conflict_do_update(
                index_elements=["lane"], set_={"sequence": sequence, "digest": digest}
            )
        )

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
        self._c.execute(
            t.outbox.insert().values(
                event_id=event_id,
                kind=kind,
                subject=subject,
                msg_id=msg_id,
                key_id=key_id,
                body=body,
                created_ms=created_ms,
            )
        )
        for reader in readers:
            self._c.execute(t.sent_to.insert().values(event_id=event_id, reader=reader))

    def waiting(self, most: int) -> list[OutRow]:
        """What the bus does not have yet, in order."""
        rows = self._c.execute(
            sa.select(t.outbox).where(t.outbox.c.sent_ms.is_(None)).order_by(t.outbox.c.position).limit(most)
        ).all()
        return [OutRow(**row._mapping) for row in rows]  # noqa: SLF001  the library's own interface

    def sent(self, position: int, at_ms: int) -> None:
        """The bus has it."""
        self._c.execute(t.outbox.update().where(t.outbox.c.position == position).values(sent_ms=at_ms))

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
        return (
            self._c.scalar(
                sa.select(t.outbox.c.position).where(
                    t.outbox.c.event_id == event_id, t.outbox.c.returned.is_(None)
                )
            )
            is not None
        )

    def forget(self, event_id: bytes) -> None:
        """Drop an event that came back: it is about to be sent anew."""
        self._c.execute(t.outbox.delete().where(t.outbox.c.event_id == event_id))
        self._c.execute(t.sent_to.delete().where(t.sent_to.c.event_id == event_id))

    def is_own(self, event_id: bytes) -> bool:
        """Whether this member published the event."""
        return (
            self._c.scalar(sa.select(t.outbox.c.position).where(t.outbox.c.event_id == event_id)) is not None
        )

    def readers(self, event_id: bytes) -> list[ReaderState]:
        """What each reader has said about an event."""
        rows = self._c.execute(
            sa.select(t.sent_to).where(t.sent_to.c.event_id == event_id).order_by(t.sent_to.c.reader)
        ).all()
        return [ReaderState(row.reader, row.delivered_ms, row.opened_ms, row.taken_on_ms) for row in rows]

    def take_receipt(self, event_id: bytes, reader: str, kind: ReceiptKind, at_ms: int) -> None:
        """A reader has said something; one that was added by a grant appears with its first receipt."""
        column = _RECEIPT_COLUMNS[kind].name
        statement = insert(t.sent_to).values(event_id=event_id, reader=reader, **{column: at_ms})
        self._c.execute(
            statement.on_conflict_do_update(index_elements=["event_id", "reader"], set_={column: at_ms})
        )

    def owe_receipt(
        self, kind: ReceiptKind, message_id: bytes, author: str, number: int, at_ms: int, role: str | None
    ) -> None:
        """Queue a receipt of one's own; they are signed in batches."""
        self._c.execute(
            t.receipts_out.insert().values(
                kind=int(kind), message_id=message_id, author=author, number=number, at_ms=at_ms, role=role
            )
        )

    def owed_receipts(self, most: int) -> list[ReceiptRow]:
        """Receipts that have not been signed yet."""
        rows = self._c.execute(
            sa.select(t.receipts_out).order_by(t.receipts_out.c.position).limit(most)
        ).all()
        return [ReceiptRow(**row._mapping) for row in rows]  # noqa: SLF001

    def receipts_signed(self, up_to: int) -> None:
        """These are in a signed batch in the outbox now."""
        self._c.execute(t.receipts_out.delete().where(t.receipts_out.c.position <= up_to))

    def slip_key(self, board: str, month: str) -> tuple[bytes, bytes] | None:
        """The month's slip key for a board: its reference, and the secret as the vault keeps it."""
        row = self._c.execute(
            sa.select(t.slip_keys).where(t.slip_keys.c.board == board, t.slip_keys.c.month == month)
        ).first()
        return None if row is None else (row.key_ref, row.wrapped)

    def keep_slip_key(self, board: str, month: str, key_ref: bytes, wrapped: bytes) -> None:
        """Remember the month's slip key."""
        self._c.execute(
            t.slip_keys.insert().values(board=board, month=month, key_ref=key_ref, wrapped=wrapped)
        )
