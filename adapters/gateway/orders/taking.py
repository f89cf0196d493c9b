"""What others grant to us: each event is held against the order that asks for it, and a history is whole or is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.gateway.home import Home
from adapters.gateway.orders.hidden import HiddenSide
from broker.crypto.errors import GrantMismatchError
from broker.crypto.grants import open_grant, order_hash, read_grant
from broker.crypto.signing import unverified_payload
from broker.store.gateway.inbox import HistoryRow, InRow, OrderRow
from broker.store.gateway.store import Work
from schemas.orders import Order, OrderKind
from schemas.wire import ReceiptKind

VOID: Final = "void"
"""The answer of an order that is not to be carried out any more."""
_ORDERS_READ: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What every grant under an order is held against."""

    grantor: str
    handover: bytes | None
    kind: OrderKind
    events: Mapping[bytes, bytes]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Came:
    """A grant that was taken; not ``fresh``: its event was here already."""

    order_id: bytes
    event_id: bytes
    fresh: bool


class Taking:
    """One home's. ``moved``: handovers to which something came that may let them go on."""

    def __init__(self, home: Home, hidden: HiddenSide, moved: set[bytes]) -> None:
        self._home = home
        self._hidden = hidden
        self._moved = moved
        self._orders_read: dict[bytes, Asked] = {}

    def granted(self, work: Work, row: InRow) -> Came:
        """A grant came: keep it if the order is known, the author's signature holds and the key is the right one.

        Raises:
            CryptoRejectedError: anything about it is wrong.
        """
        directory = self._home.directory
        grant, key_id = read_grant(row.body, directory.public_of)
        asked, key = self.asked(work, grant.order_id), directory.key(key_id)
        kems = self._home.keyring.kems
        if grant.reader != self._home.member_id:
            kems = self._hidden.opens(work, asked.handover, grant.reader)
        if key is None or key.owner != grant.grantor or grant.grantor != asked.grantor:
            raise GrantMismatchError("not signed by the grantor that the order names")
        opened = open_grant(grant, key_id, asked.digest, directory.public_of, kems)
        header = opened.manifest.header
        author_key = directory.key(header.key_id)
        if author_key is None or author_key.owner != header.author:
            raise GrantMismatchError("the event is not signed with its author's key")
        if asked.events.get(grant.event_id) != opened.manifest_hash:
            raise GrantMismatchError("the order does not list this event, or lists another of the same id")
        work.inbox.classify(row.number, int(header.event_class))
        for part in opened.parts:
            work.inbox.keep_key(grant.event_id, part.index, self._home.vault.close(part.key))
        fresh = work.inbox.add_history(
            HistoryRow(
                event_id=grant.event_id,
                order_id=grant.order_id,
                child=row.child,
                author=header.author,
                taken_ms=grant.taken_ms,
                position=grant.position,
                body=row.body,
            )
        )
        if asked.kind is not OrderKind.HANDOVER and grant.reader == self._home.member_id:
            # Its author waits for a receipt of this reader as of any other; a history that moved on is nobody's news.
            work.outbox.owe_receipt(
                ReceiptKind.DELIVERED, grant.event_id, header.author, row.number, row.arrived_ms, None
            )
        self.moves(asked.handover)
        return Came(grant.order_id, grant.event_id, fresh)

    def is_whole(self, work: Work, handover: bytes) -> int | None:
        """How many events a handover's history has, if every one that was ordered for us has come; else None."""
        me, kind = self._home.member_id, int(OrderKind.HANDOVER)
        given = [row for row in work.inbox.orders_for(handover) if row.kind == kind and row.answer != VOID]
        mine = [row for row in given if row.grantor != me]
        # What we took by breaking glass is not the history that the old area stands for: that is still owed.
        if all(work.outbox.is_own(row.evidence) for row in mine):
            return None
        if not all(self._has_come(work, row) for row in mine):
            return None
        # Ordered twice, because the first order was refused, it is still one event.
        return len({event_id for row in mine for event_id in self.asked(work, row.order_id).events})

    def moves(self, handover: bytes | None) -> None:
        """Something came that may let a handover go on."""
        if handover is not None:
            self._moved.add(handover)

    def events_of(self, work: Work, order_id: bytes) -> list[bytes]:
        """The events that an order lists, in its order; verified when it came. Raises GrantMismatchError."""
        return list(self.asked(work, order_id).events)

    def asked(self, work: Work, order_id: bytes) -> Asked:
        """An order as it was verified when it came. A long history is a thousand grants under one: it is read once.

        Raises:
            GrantMismatchError: no such order has come.
        """
        found = self._orders_read.get(order_id) if work.inbox.has_order(order_id) else None
        if found is None:
            row = work.inbox.order(order_id)
            if row is None:
                raise GrantMismatchError("no order that we know of asks for it")
            payload = unverified_payload(row.body)
            order = Order.from_bytes(payload)
            found = Asked(order.grantor, order.handover, order.kind, dict(order.events), order_hash(payload))
            if len(self._orders_read) >= _ORDERS_READ:
                self._orders_read.clear()
            self._orders_read[order_id] = found
        return found

    def _has_come(self, work: Work, row: OrderRow) -> bool:
        """Whether all that an order for us asks for is here; some of it may have come under another order."""
        if work.inbox.history_count(row.order_id) >= row.events:
            return True
        # The last first: of a history that is on its way it is the one that is not here yet.
        listed = tuple(self.asked(work, row.order_id).events)
        return all(work.inbox.holds(event_id) for event_id in reversed(listed))
