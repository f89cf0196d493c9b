"""Handovers at the router: open one, take an action in it, tell both sides, keep the deadlines.

The decisions are ``broker.handover``'s; this obeys them inside the caller's transaction.
"""

from dataclasses import asdict

from broker.handover import deadlines, machine
from broker.handover.machine import Handover, Kind, Moved, NotPossible, State
from broker.routing.desk import Desk, Item
from broker.routing.readers import front_doors
from broker.routing.refusals import ImpossibleActionError, NotYourActionError, UnknownHandoverError
from broker.store.router.children import Children, ChildRow
from broker.store.router.outgoing import Outgoing
from broker.store.router.procedures import DeadlineRow, HandoverRow, OrderRow, Procedures
from schemas.audit import EntryKind
from schemas.control import Action, ActionKind
from schemas.directory import Directory
from schemas.handover import Due, HandoverView
from schemas.orders import MAX_ORDERED, Order, OrderKind
from schemas.wire import InKind, Urgency

_HISTORY_ORDER_DAYS = 30
DAY_MS = 86_400_000


class Handovers:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        children: Children,
        procedures: Procedures,
        outgoing: Outgoing,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._procedures = procedures
        self._outgoing = outgoing
        self._desk = desk
        self._directory = directory
        self._later: list[tuple[str, Item]] = []

    def flush(self) -> None:
        """Queue what was said meanwhile: after the event itself, which whoever acts on it must have read."""
        for member, item in self._later:
            self._desk.deliver(member, item)
        self._later.clear()

    def open_of(self, child: bytes) -> list[Handover]:
        """A child's handovers that are not over, newest first."""
        return [_machine(row) for row in self._procedures.handovers_of(child, machine.OPEN)]

    def require(self, action: Action, author: str) -> Handover:
        """The handover that an action names, if this author may act in it.

        Raises:
            UnknownHandoverError, NotYourActionError: no such handover, or not this author's side.
        """
        row = self._procedures.handover(action.handover) if action.handover else None
        if row is None:
            raise UnknownHandoverError
        handover = _machine(row)
        if author not in front_doors([machine.side_of(action.kind, handover)], self._directory):
            raise NotYourActionError
        return handover

    def notice(self, child: ChildRow, to_area: str, kind: Kind, evidence: bytes, urgency: Urgency) -> None:
        """A child with an open matter is in (or claimed by) another area: open a handover unless one is open.

        The new area learns at once that the child is there and how urgent it is; the history needs a person.
        """
        if any(one.to_area == to_area for one in self.open_of(child.child)):
            return
        handover = Handover(
            handover=self._desk.new_id(),
            child=child.child,
            from_area=child.holder,
            to_area=to_area,
            kind=kind,
            state=State.NOTICED,
            evidence=evidence,
            urgency=urgency,
            opened_ms=self._desk.now_ms,
            changed_ms=self._desk.now_ms,
        )
        self._save(handover)
        for owed in deadlines.when_noticed(handover):
            self._owe(handover, owed)
        self._record(handover, "noticed", None)
        self.tell(handover)

    def act(self, handover: Handover, action: Action, event_id: bytes) -> None:
        """Take one action.

        Raises:
            ImpossibleActionError: it does not fit the state; the sentence says why.
        """
        result = machine.step(handover, action, self._desk.now_ms)
        match result:
            case NotPossible(why):
                raise ImpossibleActionError(why)
            case Moved(after, holder, order_history):
                self._save(after)
                met = deadlines.met_by(handover.state, after)
                self._procedures.meet(after.handover, met, self._desk.now_ms)
                if holder is not None:
                    self._children.set_holder(after.child, holder)
                if action.kind is ActionKind.RELEASE:
                    self._owe(after, deadlines.when_released(after))
                if after.state is State.ACCEPTED:
                    self._owe(after, deadlines.when_accepted(after))
                if order_history:
                    self._order_history(after, event_id)
                self._record(after, action.kind.value, action.reason)
                self.tell(after, action.reason)

    def granted(self, handover_id: bytes) -> None:
        """One more event of the history is on its way: both sides see how far it is, at the end of the list."""
        row = self._procedures.handover(handover_id)
        if row is None:
            return
        done, asked = self._procedures.granted_of(handover_id)
        if done == asked:
            self._procedures.meet(handover_id, [deadlines.Owed.GRANTS], self._desk.now_ms)
            self.tell(_machine(row))

    def tell(self, handover: Handover, reason: str | None = None) -> None:
        """Give both front doors the same facts in the same words."""
        body = self.view(handover, reason).to_bytes()
        for member in sorted(front_doors([handover.from_area, handover.to_area], self._directory)):
            item = Item(InKind.HANDOVER, handover.handover, "router", body, child=handover.child)
            self._later.append((member, item))

    def view(self, handover: Handover, reason: str | None = None) -> HandoverView:
        """The handover as both sides see it."""
        child = self._children.get(handover.child)
        done, asked = self._procedures.granted_of(handover.handover)
        return HandoverView(
            handover=handover.handover,
            kind=handover.kind.value,
            state=handover.state.value,
            from_area=handover.from_area,
            to_area=handover.to_area,
            holder=child.holder if child else handover.from_area,
            safety=child.safety if child else handover.to_area,
            urgency=int(handover.urgency),
            opened_ms=handover.opened_ms,
            changed_ms=handover.changed_ms,
            verified=handover.verified,
            granted=done,
            expected=asked,
            due=tuple(_due(row) for row in self._procedures.owed(handover.handover)),
            reason=reason,
        )

    def fire(self, row: DeadlineRow) -> None:
        """A deadline has passed unmet: tell owner and other side, write it down, once."""
        self._procedures.fired(row, self._desk.now_ms)
        self._desk.audit(
            EntryKind.OVERDUE,
            child=row.child,
            about=row.about,
            owed=row.kind,
            owner=row.owner,
            due_ms=row.due_ms,
            reason=row.reason,
        )
        handover = self._procedures.handover(row.about)
        if handover is not None:
            self.tell(_machine(handover), f"overdue: {row.kind}")

    def _order_history(self, handover: Handover, evidence: bytes) -> None:
        grantors = front_doors([handover.from_area], self._directory)
        readers = front_doors([handover.to_area], self._directory)
        if not grantors or not readers:
            return  # one side is no member: the open handover and its clock stay with the other
        grantor, reader = min(grantors), min(readers)
        history = self._outgoing.delivered_about(handover.child, grantor)
        known = {one.event_id for one in self._outgoing.delivered_about(handover.child, reader)}
        events = {one.event_id: one.digest for one in history if one.event_id not in known}
        listed = list(events.items())
        for start in range(0, max(len(listed), 1), MAX_ORDERED):
            order = Order(
                order_id=self._desk.new_id(),
                kind=OrderKind.HANDOVER,
                grantor=grantor,
                reader=reader,
                child=self._desk.handle(grantor, handover.child),
                handover=handover.handover,
                evidence=evidence,
                events=tuple(listed[start : start + MAX_ORDERED]),
                issued_ms=self._desk.now_ms,
                expires_ms=self._desk.now_ms + _HISTORY_ORDER_DAYS * DAY_MS,
            )
            self.issue(order, handover.child)

    def issue(self, order: Order, child: bytes) -> None:
        """Sign an order, remember it, send it to grantor and new reader (who can then tell what is missing)."""
        self._procedures.add_order(
            OrderRow(
                order.order_id,
                int(order.kind),
                order.grantor,
                order.reader,
                child,
                order.handover,
                "open" if order.events else "done",
                order.expires_ms,
            ),
            [event for event, _ in order.events],
        )
        signed = self._desk.sign(Order.LABEL, order.to_bytes())
        for member in (order.grantor, order.reader):
            self._later.append((member, Item(InKind.ORDER, order.order_id, "router", signed, child=child)))
        self._desk.audit(
            EntryKind.ORDER,
            child=child,
            order=order.order_id,
            order_kind=int(order.kind),
            grantor=order.grantor,
            reader=order.reader,
            evidence=order.evidence,
            events=[event for event, _ in order.events],
            handover=order.handover,
        )

    def owe_order(self, row: DeadlineRow) -> None:
        """Start an order's clock."""
        self._procedures.owe(row)

    def _owe(self, handover: Handover, owed: deadlines.Deadline) -> None:
        doors = front_doors([owed.area], self._directory)
        self._procedures.owe(
            DeadlineRow(
                about=handover.handover,
                kind=owed.kind.value,
                child=handover.child,
                owner=min(doors) if doors else owed.area,
                due_ms=owed.due_ms,
                reason=owed.reason,
            )
        )

    def _save(self, handover: Handover) -> None:
        self._procedures.save_handover(
            HandoverRow(
                **asdict(handover)
                | {
                    "kind": handover.kind.value,
                    "state": handover.state.value,
                    "urgency": int(handover.urgency),
                }
            )
        )

    def _record(self, handover: Handover, step: str, reason: str | None) -> None:
        child = self._children.get(handover.child)
        self._desk.audit(
            EntryKind.HANDOVER,
            child=handover.child,
            handover=handover.handover,
            step=step,
            state=handover.state.value,
            from_area=handover.from_area,
            to_area=handover.to_area,
            holder=child.holder if child else None,
            safety=child.safety if child else None,
            reason=reason,
        )


def _machine(row: HandoverRow) -> Handover:
    return Handover(
        **asdict(row) | {"kind": Kind(row.kind), "state": State(row.state), "urgency": Urgency(row.urgency)}
    )


def _due(row: DeadlineRow) -> Due:
    return Due(row.kind, row.owner, row.due_ms, row.reason, row.met_ms or 0, row.fired_ms is not None)
