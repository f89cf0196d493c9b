"""Handovers at the router: open one, take an action in it, tell both sides, keep the deadlines.

The decisions are ``broker.handover``'s; this obeys them inside the caller's transaction.
"""

from collections.abc import Iterable
from dataclasses import asdict

from broker.handover import deadlines, machine
from broker.handover.machine import Handover, Kind, Moved, NotPossible, State
from broker.routing.desk import Desk, Item
from broker.routing.ordering import Ordering
from broker.routing.readers import front_doors
from broker.routing.refusals import ImpossibleActionError, NotYourActionError, UnknownHandoverError
from broker.store.router.children import Children, ChildRow
from broker.store.router.procedures import DeadlineRow, HandoverRow, Procedures
from schemas.audit import EntryKind
from schemas.control import Action
from schemas.deadlines import Moment
from schemas.directory import Directory
from schemas.handover import Due, HandoverView
from schemas.wire import InKind, Urgency


class Handovers:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        children: Children,
        procedures: Procedures,
        ordering: Ordering,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._procedures = procedures
        self._ordering = ordering
        self._desk = desk
        self._directory = directory
        self._clocks = deadlines.Clocks.of(directory)

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

    def notice(
        self,
        child: ChildRow,
        to_area: str,
        kind: Kind,
        evidence: bytes,
        urgency: Urgency,
        *,
        withheld: bool = False,
    ) -> None:
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
            withheld=withheld,
        )
        self._save(handover)
        self._owe(handover, deadlines.when_noticed(handover, self._clocks))
        self._came(handover, deadlines.NOTICED)
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
                self._procedures.meet(after.handover, deadlines.met_by(action.kind), self._desk.now_ms)
                self._owe(after, deadlines.owed_after(action.kind, after, self._clocks))
                self._came(after, deadlines.moments_of(action.kind))
                if holder is not None:
                    self._children.set_holder(after.child, holder)
                if order_history and not self._ordering.history(after, event_id):
                    self._procedures.meet(after.handover, [deadlines.Owed.GRANTS], self._desk.now_ms)
                self._record(after, action.kind.value, action.reason)
                self.tell(after, action.reason)
                if holder is not None:
                    self.settle(after.child, event_id, after.urgency)

    def settle(self, child_id: bytes, evidence: bytes, urgency: Urgency) -> None:
        """Another area holds the case now: bring the child's other handovers into line with that.

        None is left that waits for an area which no longer holds the case, or leads to where the child is not;
        and where the child is elsewhere than the case, a handover leads there.
        """
        child = self._children.get(child_id)
        if child is None:
            return
        for other in self.open_of(child_id):
            if other.state is State.ACCEPTED and other.to_area == child.holder:
                continue  # the one that was just accepted; its conference is still to come
            after = machine.after_acceptance(other, child.holder, child.safety, self._desk.now_ms)
            if after == other:
                continue
            self._save(after)
            if after.state is State.SUPERSEDED:
                self._procedures.meet(after.handover, deadlines.Owed, self._desk.now_ms)
            else:
                self._procedures.meet(after.handover, [deadlines.Owed.GRANTS], self._desk.now_ms)
                self._owe(after, deadlines.when_handed_on(other.state, after, self._clocks))
            self._record(after, "handed-on" if after.state is State.NOTICED else "superseded", None)
            self.tell(after, also=other.from_area)
        if child.safety != child.holder:
            self.notice(child, child.safety, Kind.MOVE, evidence, urgency)

    def granted(self, handover_id: bytes) -> None:
        """One more event of the history is on its way: both sides see how far it is, at the end of the list."""
        row = self._procedures.handover(handover_id)
        if row is None:
            return
        done, asked = self._procedures.granted_of(handover_id)
        if done == asked:
            self._procedures.meet(handover_id, [deadlines.Owed.GRANTS], self._desk.now_ms)
            self.tell(_machine(row))

    def tell(self, handover: Handover, reason: str | None = None, *, also: str | None = None) -> None:
        """Give both front doors the same facts in the same words; ``also``: a side that this is over for."""
        body = self.view(handover, reason).to_bytes()
        # The old side of a withheld move must not learn where the child is (P7).
        areas = [handover.to_area] if handover.withheld else [handover.from_area, handover.to_area, also]
        for member in sorted(front_doors(areas, self._directory)):
            item = Item(InKind.HANDOVER, handover.handover, "router", body, child=handover.child)
            self._desk.later(member, item)

    def view(self, handover: Handover, reason: str | None = None) -> HandoverView:
        """The handover as both sides see it."""
        child = self._children.get(handover.child)
        done, asked = self._procedures.granted_of(handover.handover)
        moments = self._procedures.moments_of(handover.handover)
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
            due=tuple(
                _due(row, deadlines.reason_shown(row.kind, row.reason, handover, moments, self._clocks))
                # What counts from being notified comes first; an area's own clock stands beside it.
                for row in sorted(
                    self._procedures.owed(handover.handover),
                    key=lambda row: row.kind == deadlines.Owed.CONFERENCE_LOCAL,
                )
            ),
            reason=reason,
            moments=tuple((one.value, moments[one]) for one in Moment if one in moments),
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
        if handover is None:
            self._ordering.overdue(row)
        else:
            self.tell(_machine(handover), f"overdue: {row.kind}")

    def _owe(self, handover: Handover, owed: Iterable[deadlines.Deadline]) -> None:
        for one in owed:
            doors = front_doors([one.area], self._directory)
            self._procedures.owe(
                DeadlineRow(
                    about=handover.handover,
                    kind=one.kind.value,
                    child=handover.child,
                    owner=min(doors) if doors else one.area,
                    due_ms=one.due_ms,
                    reason=one.reason,
                )
            )

    def _came(self, handover: Handover, moments: Iterable[Moment]) -> None:
        """Keep which of the six moments this is; one of them may start the new area's own clock."""
        came = frozenset(moments)
        if not came:
            return
        self._procedures.note_moments(handover.handover, sorted(came), self._desk.now_ms)
        known = self._procedures.moments_of(handover.handover)
        self._owe(handover, deadlines.local_clock(handover, known, self._clocks))

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


def _due(row: DeadlineRow, reason: str) -> Due:
    return Due(row.kind, row.owner, row.due_ms, reason, row.met_ms or 0, row.fired_ms is not None)
