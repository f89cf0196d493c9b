"""Orders at the router: which front door must grant which events to whom, each signed, remembered, and clocked."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from broker.handover.machine import OPEN, Handover, State
from broker.routing.desk import Desk, Item
from broker.routing.readers import front_doors, is_front_door
from broker.routing.shield import Shield
from broker.store.router.outgoing import Outgoing
from broker.store.router.procedures import DeadlineRow, HandoverRow, OrderRow, Procedures
from schemas import canonical
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.orders import ORDERED_AT_ONCE, Order, OrderKind
from schemas.wire import InKind, Urgency

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
ORDER_DAYS: Final = 45
"""How long an order can be answered: as long as the bus keeps it for a front door that was cut off."""
_GRANT_LIMIT_MS: Final = {True: MINUTE_MS, False: 10 * MINUTE_MS}
_GRANTS: Final = "grants"
LINK_UNDONE: Final = "link-undone"
_GIVEN_MORE: Final = OPEN - {State.DECLINED}
"""In these the new area is given also what the old one comes by after it has released the history."""
_ANYBODYS: Final = frozenset({OrderKind.COMPLETE_READERS, OrderKind.SUBSTITUTE})
"""Any front door that has the events may carry these out; the others rest on a person of one front door."""
_RULE: Final = "the gateway answers an order in minutes (design)"


class Ordering:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        procedures: Procedures,
        outgoing: Outgoing,
        desk: Desk,
        directory: Directory,
        shield: Shield,
    ) -> None:
        self._procedures = procedures
        self._outgoing = outgoing
        self._desk = desk
        self._directory = directory
        self._shield = shield

    def history(self, handover: Handover, evidence: bytes) -> int:
        """Order everything that the old front door was given and the new one was not; gives how many events.

        Nothing is ordered where one side is no member: the open handover and its clock stay with the other.
        """
        grantors = front_doors([handover.from_area], self._directory)
        readers = front_doors([handover.to_area], self._directory)
        if not grantors or not readers:
            return 0
        grantor, reader = min(grantors), min(readers)
        if not self._shield.may_be_ordered(grantor, reader, handover.child):
            return 0
        # Also what waits under other orders: those may be refused, and this one carried out. Granted under both, it is
        # delivered once.
        listed = self._lacking(handover.child, grantor, reader)
        return self._issue_history(handover, (grantor, reader), listed, evidence)

    def follow(self, order: OrderRow, holder: str) -> None:
        """A front door was given more of a child: whoever it has released the history to is given that, too (P1).

        As long as that handover is open, or its new area holds the case. To a hidden one the relay speaks.
        """
        came = self._procedures.granted_in(order.order_id)
        for row in self._procedures.all_of(order.child):
            from_here = order.reader in front_doors([row.from_area], self._directory)
            waits = row.state in _GIVEN_MORE or (row.state == State.CLOSED and row.to_area == holder)
            if not (from_here and waits and row.released) or self._is_relayed(row):
                continue
            release, asked = self._procedures.asked_in(row.handover, int(OrderKind.HANDOVER))
            reader = min(front_doors([row.to_area], self._directory), default=None)
            if release is None or reader is None:
                continue
            if not self._shield.may_be_ordered(order.reader, reader, order.child):
                continue
            lacking, fresh = self._lacking(order.child, order.reader, reader), came - asked
            between, about = (order.reader, reader), (order.child, row.origin)
            for part in pieces(one for one in lacking if one[0] in fresh):
                more = self._issue(OrderKind.HANDOVER, between, about, part, release, row.handover)
                self._owe(more, order.child, Urgency(row.urgency))

    def _is_relayed(self, row: HandoverRow) -> bool:
        return row.withheld or self._shield.is_relayed(row.handover)

    def unnamed(
        self,
        handover: Handover,
        evidence: bytes,
        *,
        grantor: str,
        reader: str,
        named: str,
        asked: frozenset[bytes] | None,
    ) -> None:
        """Order a history for a reader that the grantor must not know; ``named`` stands in the order in its place (P7).

        ``asked``: what was ordered for this handover before; None where nothing was.
        """
        known = asked or frozenset()
        lacking = (one for one in self._lacking(handover.child, grantor, reader) if one[0] not in known)
        first = list(islice(lacking, 1))
        if first or asked is None:
            self._issue_history(handover, (grantor, reader), chain(first, lacking), evidence, named=named)

    def complete(self, child: bytes, grantor: str, reader: str, evidence: bytes) -> None:
        """Order all that ``grantor`` was given, or is still to be given, and ``reader`` was not: record by record."""
        if not self._shield.may_be_ordered(grantor, reader, child):
            return  # to a side that a hidden child has left, the relay speaks
        records: dict[bytes, list[tuple[bytes, bytes]]] = {}
        waiting = self._procedures.under_order(child, reader, self._desk.now_ms)
        for event in self._lacking(child, grantor, reader):
            if event[0] in waiting:
                continue  # one more reason would not make the front door grant it
            found = self._outgoing.delivery_of(grantor, event[0])
            records.setdefault(child if found is None else found[1], []).append(event)
        for origin, listed in records.items():
            about = child, origin
            for part in pieces(listed):
                order = self._issue(OrderKind.COMPLETE_READERS, (grantor, reader), about, part, evidence)
                self._owe(order, child, Urgency.U2)
        self.coming(child, grantor, reader, evidence)

    def coming(self, child: bytes, door: str, reader: str, evidence: bytes) -> None:
        """What ``door`` waits for is not yet its own to grant: whoever has been asked for it is asked for ``reader``, too.

        Without this a link would pass by an event that is on order at that moment, and no later step asks for it (P1).
        Also what was refused, or not answered in all its time, before the link was there to rest on; what a person has
        upheld is not asked for again. A released history stays what a person released it for: that one front door.
        """
        waiting = self._procedures.under_order(child, reader, self._desk.now_ms)
        for row in self._procedures.unanswered(child):
            if row.reader not in {door, reader} or row.handover is not None:
                continue
            if row.grantor == reader or not self._shield.may_be_ordered(row.grantor, reader, child):
                continue
            listed = [
                (event_id, found[0].digest)
                for event_id in self._procedures.ungranted(row.order_id)
                if event_id not in waiting
                and self._outgoing.delivery_of(reader, event_id) is None
                and (found := self._outgoing.delivery_of(row.grantor, event_id)) is not None
            ]
            if listed:
                between, about = (row.grantor, reader), (child, row.origin)
                order = self._issue(OrderKind.COMPLETE_READERS, between, about, listed, evidence)
                self._owe(order, child, Urgency.U2)
                waiting |= {event_id for event_id, _ in listed}

    def one(
        self,
        about: tuple[bytes, bytes],
        grantor: str,
        reader: str,
        event: tuple[bytes, bytes],
        urgency: Urgency,
    ) -> None:
        """Order one event, just taken, for a reader that its author did not seal to; ``about``: child and record."""
        if not self._shield.may_be_ordered(grantor, reader, about[0]):
            return
        order = self._issue(OrderKind.COMPLETE_READERS, (grantor, reader), about, [event], event[0])
        self._owe(order, about[0], urgency)

    def elsewhere(self, order: OrderRow) -> None:
        """A front door did not grant, and not because of a policy or a person: another that has the events is asked.

        Each is asked once for an event and a reader. The evidence served none of them yet; and it decides by its own
        record, as the first one did. A history is let go by a person of one front door, and by nobody in its place.
        """
        if OrderKind(order.kind) not in _ANYBODYS or order.handover is not None:
            return
        asked: dict[str, list[tuple[bytes, bytes]]] = {}
        for event_id in self._procedures.ungranted(order.order_id):
            if self._outgoing.delivery_of(order.reader, event_id) is None:
                tried = self._procedures.asked_for(order.child, event_id, order.reader) | {order.reader}
                holders = self._outgoing.holders(event_id, order.child)
                able = [
                    holder
                    for holder in sorted(holders.keys() - tried)
                    if is_front_door(holder, self._directory)
                    and self._shield.may_be_ordered(holder, order.reader, order.child)
                ]
                if able:
                    asked.setdefault(able[0], []).append((event_id, holders[able[0]]))
        for holder, listed in asked.items():
            between, about = (holder, order.reader), (order.child, order.origin)
            for part in pieces(listed):
                other = self._issue(OrderKind.SUBSTITUTE, between, about, part, order.evidence)
                self._owe(other, order.child, Urgency.U2)

    def after_all(self, order: OrderRow, evidence: bytes) -> None:
        """A person of the front door that refused has decided to share: what was not granted is ordered on that."""
        events = []
        for event_id in self._procedures.ungranted(order.order_id):
            found = self._outgoing.delivery_of(order.grantor, event_id)
            if found is not None:
                events.append((event_id, found[0].digest))
        named = None
        relayed = order.handover is not None and self._shield.is_relayed(order.handover)
        if relayed or not self._shield.may_be_ordered(order.grantor, order.reader, order.child):
            # All that the grantor reads in the order is its own refusal's events and a key that it has been told of.
            named = self._shield.stands_for(order.handover)
            events = events if named is not None else []
        if events:
            between, about = (order.grantor, order.reader), (order.child, order.origin)
            again = self._issue(
                OrderKind.SENSITIVE, between, about, events, evidence, order.handover, named=named
            )
            self._owe(again, order.child, Urgency.U1)

    def void(self, child: bytes, ground: bytes) -> None:
        """What an order rested on, a link or a handover, is undone: it is not to be carried out, and both ends are told."""
        for order in self._procedures.waiting_orders(child):
            if ground in {order.evidence, order.handover}:
                self._void(order)

    def part(self, child: bytes) -> dict[bytes, bytes]:
        """A history that asks for events of another child, now that the link is undone, is void as a whole.

        Even what is being granted under it comes to nobody any more. Gives the handovers whose history must be ordered
        anew, each with the release that it rests on.
        """
        mixed = self._procedures.strike_others(child)
        void = [order for order in self._procedures.waiting_orders(child) if order.order_id in mixed]
        for order in void:
            self._void(order)
        return {order.handover: order.evidence for order in void if order.handover is not None}

    def _void(self, order: OrderRow) -> None:
        self._procedures.set_order_state(order.order_id, "void")
        self._procedures.strike(order.order_id)
        self._procedures.meet(order.order_id, [_GRANTS], self._desk.now_ms)
        self._desk.audit(
            EntryKind.ORDER_REFUSED,
            child=order.child,
            order=order.order_id,
            grantor=order.grantor,
            reader=order.reader,
            reason=LINK_UNDONE,
        )
        body = canonical.encode(["order-refused", {"order": order.order_id, "reason": LINK_UNDONE}])
        for member in (order.grantor, order.reader):
            item = Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=order.child)
            self._desk.later(member, item)

    def overdue(self, row: DeadlineRow) -> None:
        """Orders were not answered in time: people at both ends are told, and the grantor's standby, which answers now.

        The new area of a handover is told of that itself, and may be nobody whom an order names.
        """
        order = self._procedures.order(row.about)
        if order is not None:
            self._say_late(order, row, (order.grantor, order.reader))
            if row.kind == _GRANTS:
                self.elsewhere(order)
        elif row.kind == _GRANTS and row.child is not None:
            for one in self._procedures.waiting_orders(row.child):
                if one.handover == row.about:
                    self._say_late(one, row, (one.grantor,))

    def _say_late(self, order: OrderRow, row: DeadlineRow, members: tuple[str, ...]) -> None:
        body = canonical.encode(["order-late", {"order": order.order_id, "due_ms": row.due_ms}])
        for member in members:
            item = Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=order.child)
            self._desk.later(member, item)

    def _lacking(self, child: bytes, grantor: str, reader: str) -> Iterator[tuple[bytes, bytes]]:
        """Event and digest of what ``grantor`` was given about a child and ``reader`` was not: once each, in order."""
        return self._outgoing.lacking(child, grantor, reader)

    def _issue_history(
        self,
        handover: Handover,
        between: tuple[str, str],
        listed: Iterable[tuple[bytes, bytes]],
        evidence: bytes,
        *,
        named: str | None = None,
    ) -> int:
        """A handover's history in as many orders as it takes; an empty one too, so that the new side knows it is whole.

        Gives how many events.
        """
        about, count = (handover.child, handover.origin), 0
        parts = pieces(listed)
        for part in chain([next(parts, [])], parts):
            self._issue(OrderKind.HANDOVER, between, about, part, evidence, handover.handover, named=named)
            count += len(part)
        return count

    def _issue(
        self,
        kind: OrderKind,
        between: tuple[str, str],
        about: tuple[bytes, bytes],
        events: list[tuple[bytes, bytes]],
        evidence: bytes,
        handover: bytes | None = None,
        *,
        named: str | None = None,
    ) -> Order:
        """Sign an order, remember it, send it to grantor and new reader (who can then tell what is missing)."""
        (grantor, reader), (child, origin) = between, about
        order = Order(
            order_id=self._desk.new_id(),
            kind=kind,
            grantor=grantor,
            reader=named or reader,
            child=self._desk.handle(grantor, child),
            handover=handover,
            evidence=evidence,
            events=tuple(events),
            issued_ms=self._desk.now_ms,
            expires_ms=self._desk.now_ms + ORDER_DAYS * DAY_MS,
        )
        self._procedures.add_order(
            OrderRow(
                order.order_id,
                int(kind),
                grantor,
                reader,
                child,
                origin,
                evidence,
                handover,
                "open" if events else "done",
                order.expires_ms,
            ),
            [event for event, _ in events],
        )
        signed = self._desk.sign(Order.LABEL, order.to_bytes())
        for member in between:
            self._desk.later(member, Item(InKind.ORDER, order.order_id, "router", signed, child=child))
        self._desk.audit(
            EntryKind.ORDER,
            child=child,
            origin=origin,
            order=order.order_id,
            order_kind=int(kind),
            grantor=grantor,
            reader=reader,
            evidence=evidence,
            events=[event for event, _ in events],
            handover=handover,
        )
        return order

    def owe_again(self, order: OrderRow) -> None:
        """Items of an order are to be granted once more, as soon as at first."""
        about = None if order.handover is None else self._procedures.handover(order.handover)
        self._owe(order, order.child, Urgency.U2 if about is None else Urgency(about.urgency))

    def _owe(self, order: Order | OrderRow, child: bytes, urgency: Urgency) -> None:
        due_ms = self._desk.now_ms + _GRANT_LIMIT_MS[urgency is Urgency.U0]
        self._procedures.owe(DeadlineRow(order.order_id, _GRANTS, child, order.grantor, due_ms, _RULE))


def pieces(listed: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """What is to be ordered in pieces of a bounded size, none empty. Pure."""
    rest = iter(listed)
    while part := list(islice(rest, ORDERED_AT_ONCE)):
        yield part
