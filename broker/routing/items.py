"""What a reader refuses of what it was granted, item by item: asked for again a few times, then a person's to see to.

The order stays the one that it was: its evidence serves it, once, and what is granted again is granted under it. An
item counts as not granted until it is granted again; so nothing is called whole, and forgotten is nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from broker.calendars.due import Due
from broker.clock import to_ms
from broker.handover.deadlines import Clocks, Owed
from broker.routing.desk import Desk, Item
from broker.routing.handovers import Handovers
from broker.routing.kept import handover_of
from broker.routing.ordering import Ordering
from broker.routing.refusals import UnknownOrderError
from broker.routing.reviews import OWED
from broker.routing.shield import Shield
from broker.store.router.faulty import FaultyRow
from broker.store.router.procedures import DeadlineRow, OrderRow
from broker.store.router.store import Work
from schemas import canonical
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.members import ROUTER
from schemas.orders import MAX_FAULTY, SENT_AGAIN_MOST, Fault, Faulty, FaultyItem
from schemas.wire import InKind

REFUSED: Final = "items-refused"
_OVER: Final = frozenset({"void", "expired"})


class Items:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        work: Work,
        *,
        handovers: Handovers,
        ordering: Ordering,
        desk: Desk,
        directory: Directory,
        shield: Shield,
    ) -> None:
        self._faulty = work.faulty
        self._procedures = work.procedures
        self._handovers = handovers
        self._ordering = ordering
        self._desk = desk
        self._directory = directory
        self._clocks = Clocks.of(directory)
        self._shield = shield

    def take(self, said: Faulty, body: bytes, member: str) -> None:
        """Take a reader's refusal, ``body`` as it signed it. What it has said before, and what is no order's, does nothing.

        Raises:
            UnknownOrderError: no order of this reader's that still counts.
        """
        order = self._procedures.order(said.order_id)
        if order is None or not member == order.reader == said.reader:
            raise UnknownOrderError
        if order.state in _OVER or order.expires_ms < self._desk.now_ms:
            raise UnknownOrderError("the order is void, or has expired")
        known = self._faulty.of(order.order_id)
        news = [one for one in said.items if self._is_news(order, one, known)]
        if not news:
            return
        unnamed = self._is_unnamed(order)
        named = not unnamed and self._shield.may_be_ordered(order.grantor, order.reader, order.child)
        wanted = [one for one in news if self._keep(order, one, told=not unnamed)]
        self._desk.audit(
            EntryKind.ITEMS_REFUSED,
            child=order.child,
            origin=order.origin,
            order=order.order_id,
            handover=order.handover,
            grantor=order.grantor,
            reader=order.reader,
            items=[[one.event_id, one.fault.value, one.times] for one in news],
        )
        if named and any(one.fault is not Fault.HERE for one in news):
            self._tell(order, {"order": order.order_id, "said": body}, member)
        self._wait(order, wanted)

    def is_wanted(self, order: OrderRow, event_id: bytes) -> bool:
        """Whether an item was refused and is asked for again: then it is taken, whatever has become of the order since."""
        return order.state not in _OVER and self._faulty.is_wanted(order.order_id, event_id)

    def came(self, order: OrderRow, event_id: bytes) -> None:
        """It was granted again. Whether it is as it should be, its reader will say."""
        self._faulty.came(order.order_id, event_id)

    def speak(self) -> None:
        """At a slot: what whoever has a hidden child refuses is told to the side that was left, without its name (P7)."""
        for order_id, rows in groupby(self._faulty.untold(), lambda row: row.order_id):
            order, listed = self._procedures.order(order_id), list(rows)
            for start in range(0, len(listed), MAX_FAULTY):
                some = listed[start : start + MAX_FAULTY]
                items = [[row.event_id, row.fault, row.times, row.wanted] for row in some]
                if order is not None:
                    self._tell(order, {"order": order_id, "items": items}, ROUTER)
                for row in some:
                    self._faulty.save(replace(row, told=True))

    def _is_news(self, order: OrderRow, one: FaultyItem, known: Mapping[bytes, FaultyRow]) -> bool:
        before = known.get(one.event_id)
        if one.fault is Fault.HERE:
            return before is not None
        # What nobody ordered is written down as far as there is room: a reader must not fill the trail with it.
        listed = self._is_listed(order, one) or len(known) < MAX_FAULTY
        return one.times == (before.times if before else 0) + 1 and listed

    def _is_listed(self, order: OrderRow, one: FaultyItem) -> bool:
        return self._procedures.grant_state(order.order_id, one.event_id) != "unknown"

    def _is_unnamed(self, order: OrderRow) -> bool:
        """Whether an order is of a handover that was ever hidden: its reader is not named, nor when it says something."""
        return order.handover is not None and self._shield.was_hidden(order.handover)

    def _keep(self, order: OrderRow, one: FaultyItem, *, told: bool) -> bool:
        """Write it down; gives whether the order waits for it again."""
        if one.fault is Fault.HERE:
            self._faulty.drop(order.order_id, one.event_id)
            return False
        wanted = one.wanted and self._is_listed(order, one)
        self._faulty.save(
            FaultyRow(order.order_id, one.event_id, one.fault.value, one.times, wanted, told or not wanted)
        )
        if wanted:
            self._faulty.reopen(order.order_id, one.event_id)
        return wanted

    def _wait(self, order: OrderRow, wanted: Sequence[FaultyItem]) -> None:
        """Who owes what now: the grantor's gateway its grants, or, refused too often, a person there."""
        about = order.handover or order.order_id
        if wanted and order.state == "done":
            self._procedures.set_order_state(order.order_id, "open")
        if any(one.times <= SENT_AGAIN_MOST for one in wanted):
            self._ordering.owe_again(order)
        if any(one.times > SENT_AGAIN_MOST for one in wanted):
            self._owe_person(order, about)
        elif not self._faulty.beyond(about, SENT_AGAIN_MOST):
            self._procedures.meet(about, [Owed.ITEMS], self._desk.now_ms)
        held = None if order.handover is None else self._procedures.handover(order.handover)
        if held is not None:
            # Both sides see how far the history is now, and what somebody owes.
            self._handovers.tell(handover_of(held))
        self._desk.flush()

    def _owe_person(self, order: OrderRow, about: bytes) -> None:
        grantor = self._directory.member(order.grantor)
        due = self._clocks.due(OWED, self._desk.now_ms, min(grantor.areas) if grantor is not None else "")
        # Counted in working days, so it is always known; were it not, it would be due at once.
        due_ms = to_ms(due.at) if isinstance(due, Due) else self._desk.now_ms
        self._procedures.owe(
            DeadlineRow(about, Owed.ITEMS.value, order.child, order.grantor, due_ms, due.reason)
        )

    def _tell(self, order: OrderRow, said: Mapping[str, object], author: str) -> None:
        body = canonical.encode([REFUSED, dict(said)])
        item = Item(InKind.NOTICE, self._desk.new_id(), author, body, child=order.child)
        self._desk.deliver(order.grantor, item)
