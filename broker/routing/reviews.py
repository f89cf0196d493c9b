"""What was refused is looked at again by a person of the front door that refused it: shared after all, or upheld.

A refusal never ends the matter: its review is owed, by name and with a clock, until a person has signed one of the two.
"""

from typing import Final

from broker.calendars.due import Due
from broker.clock import to_ms
from broker.handover.deadlines import Clocks
from broker.routing.desk import Desk, Item
from broker.routing.ordering import Ordering
from broker.routing.refusals import ImpossibleActionError, NotYourActionError, UnknownOrderError
from broker.store.router.procedures import DeadlineRow, OrderRow, Procedures
from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import Action
from schemas.directory import Directory
from schemas.wire import InKind

OWED: Final = "refusal"
"""The kind of deadline, and the key of its clock."""
SHARE: Final = "share"
UPHOLD: Final = "uphold"


class Reviews:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(self, procedures: Procedures, ordering: Ordering, desk: Desk, directory: Directory) -> None:
        self._procedures = procedures
        self._ordering = ordering
        self._desk = desk
        self._directory = directory
        self._clocks = Clocks.of(directory)

    def owe(self, order: OrderRow) -> None:
        """An order was refused, wholly or in part: a person there must look at that."""
        grantor = self._directory.member(order.grantor)
        area = min(grantor.areas) if grantor is not None else ""
        due = self._clocks.due(OWED, self._desk.now_ms, area)
        # Counted in working days, so it is always known; were it not, it would be due at once.
        due_ms = to_ms(due.at) if isinstance(due, Due) else self._desk.now_ms
        self._procedures.owe(
            DeadlineRow(order.order_id, OWED, order.child, order.grantor, due_ms, due.reason)
        )

    def take(self, action: Action, author: str, event_id: bytes) -> OrderRow:
        """A person has looked at it.

        Raises:
            UnknownOrderError, NotYourActionError: no such order, or another front door refused it.
            ImpossibleActionError: it was not refused, or has been reviewed.
        """
        order = self._procedures.order(action.handover) if action.handover else None
        if order is None:
            raise UnknownOrderError("no such order is remembered")
        if order.grantor != author:
            raise NotYourActionError
        if order.state != "refused" or action.reason not in {SHARE, UPHOLD}:
            raise ImpossibleActionError("the order was not refused, or a person has decided on it already")
        self._procedures.set_order_state(order.order_id, "reviewed")
        self._procedures.meet(order.order_id, [OWED], self._desk.now_ms)
        self._desk.audit(
            EntryKind.REVIEWED,
            child=order.child,
            event=event_id,
            order=order.order_id,
            grantor=order.grantor,
            reader=order.reader,
            decision=action.reason,
        )
        if action.reason == SHARE:
            self._ordering.after_all(order, event_id)
        else:
            body = canonical.encode(["order-upheld", {"order": order.order_id}])
            item = Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=order.child)
            self._desk.later(order.reader, item)
        return order
