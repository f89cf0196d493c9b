"""Handovers at the router: open one, take an action in it, tell both sides, keep the deadlines.

The decisions are ``broker.handover``'s; this obeys them inside the caller's transaction.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Final

from broker.handover import deadlines, machine
from broker.handover.machine import Handover, Kind, Moved, NotPossible, State
from broker.routing.desk import Desk, Item
from broker.routing.kept import handover_of as _machine
from broker.routing.kept import view_of
from broker.routing.ordering import Ordering
from broker.routing.readers import front_doors
from broker.routing.refusals import ImpossibleActionError, NotYourActionError, UnknownHandoverError
from broker.routing.relay import Relay
from broker.routing.shield import Shield
from broker.store.router.children import Children, ChildRow
from broker.store.router.links import Links
from broker.store.router.procedures import DeadlineRow, HandoverRow, OrderRow, Procedures
from broker.store.router.records import Report
from schemas.audit import EntryKind
from schemas.control import ASK_NOW, Action, ActionKind
from schemas.deadlines import Fact, Moment
from schemas.directory import Directory
from schemas.handover import HandoverView
from schemas.wire import InKind, Urgency

_VOID: Final = frozenset({State.WITHDRAWN, State.SUPERSEDED})
"""In these nobody is given a history any more."""


class Handovers:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        children: Children,
        links: Links,
        procedures: Procedures,
        ordering: Ordering,
        desk: Desk,
        directory: Directory,
        shield: Shield,
        relay: Relay,
    ) -> None:
        self._children = children
        self._links = links
        self._procedures = procedures
        self._ordering = ordering
        self._desk = desk
        self._directory = directory
        self._shield = shield
        self._relay = relay
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

    def notice(self, child: ChildRow, origin: bytes, report: Report, kind: Kind, urgency: Urgency) -> None:
        """A child with an open matter is in (or claimed by) another area: open a handover unless one is open.

        The new area learns at once that the child is there and how urgent it is; the history needs a person.
        ``origin`` is the record that the report is about.
        """
        if self.bars(child, report):
            return
        known = [one for one in self.open_of(child.child) if one.to_area == report.area]
        if known:
            if report.withheld:
                self.hide(known)
            return
        handover = Handover(
            handover=self._desk.new_id(),
            child=child.child,
            origin=origin,
            from_area=child.holder,
            to_area=report.area,
            kind=kind,
            state=State.NOTICED,
            evidence=report.evidence,
            urgency=urgency,
            opened_ms=self._desk.now_ms,
            changed_ms=self._desk.now_ms,
            withheld=report.withheld,
            confirmed=self._elsewhere(report),
        )
        self.save(handover)
        if handover.withheld:
            self._relay.begin(handover)
        release, acceptance = deadlines.when_noticed(handover, self._clocks)
        # The side that must not know is on no clock before it is told: the relay starts it.
        self.owe(handover, [acceptance] if handover.withheld else [release, acceptance])
        self.owe(handover, deadlines.owed_when(None, handover, self._clocks))
        self._came(handover, deadlines.NOTICED)
        self.record(handover, "noticed", None)
        self.tell(handover)

    def arrives(self, child: bytes, area: str, *, hidden: bool) -> None:
        """The safety duty is another area's: each open handover says so, but to nobody who must not know where."""
        self._children.set_safety(child, area, self._desk.now_ms)
        for one in self.open_of(child):
            if not (hidden or one.withheld):
                self.tell(one)

    def bars(self, child: ChildRow, report: Report) -> bool:
        """Whether a report would bring a hidden child to where it is hidden from; then only its protecting area is told."""
        return self._relay.bars(child, report)

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
                self.save(after)
                self._procedures.meet(after.handover, deadlines.met_by(action.kind), self._desk.now_ms)
                self._enter(handover, after)
                known = self._procedures.moments_of(after.handover)
                self.owe(after, deadlines.owed_after(action.kind, after, self._clocks, known))
                self._came(after, deadlines.moments_of(action.kind, after))
                if holder is not None:
                    self._passes(after, holder)
                if after.withheld or self._relay.carries(after):
                    self._hidden_step(after, action, event_id, order_history=order_history)
                elif order_history:
                    self._order(after, event_id)
                self.record(after, action.kind.value, action.reason)
                self.tell(after, action.reason)
                if holder is not None:
                    self.settle(after.child, after.urgency)

    def _order(self, handover: Handover, release: bytes) -> None:
        """The history; where nothing is lacking, nobody owes it."""
        if not self._ordering.history(handover, release):
            self._procedures.meet(handover.handover, [deadlines.Owed.GRANTS], self._desk.now_ms)

    def _hidden_step(self, after: Handover, action: Action, event_id: bytes, *, order_history: bool) -> None:
        """Whatever it brings for the side that was left waits for the relay's next slot."""
        if order_history:
            self._relay.released(after, event_id)
        if action.kind is ActionKind.ACCEPT and action.reason == ASK_NOW:
            self._relay.ask_now(after)

    def hide(self, open_ones: Iterable[Handover]) -> None:
        """Somebody flags a move that was told openly: from here on it is hidden, and the new area hears what was said."""
        for one in open_ones:
            if one.withheld:
                continue
            hidden = replace(one, withheld=True)
            self.save(hidden)
            self._relay.begin(hidden)
            self._procedures.meet(one.handover, [deadlines.Owed.RELEASE], self._desk.now_ms)
            self.record(hidden, "hidden", None)
            self._relay.disclosed(hidden)
            self.tell(hidden)

    def corroborate(self, child: bytes, report: Report) -> None:
        """A move is reported: where a handover leads there already, it rests on this too, unless it is that area's own word."""
        if not self._elsewhere(report):
            return
        for one in self.open_of(child):
            if one.to_area == report.area and (moved := machine.corroborated(one, self._desk.now_ms)):
                self._goes_on(one, moved, "corroborated")

    def _elsewhere(self, report: Report) -> bool:
        """Whether somebody other than the front door of the area itself says that the child is there."""
        return report.by not in front_doors([report.area], self._directory)

    def _enter(self, before: Handover, after: Handover) -> None:
        """What is owed, and owed no more, because of where a handover stands now."""
        self._procedures.meet(after.handover, deadlines.void_in(after), self._desk.now_ms)
        self.owe(after, deadlines.owed_when(before, after, self._clocks))

    def _goes_on(self, before: Handover, moved: Moved, step: str) -> None:
        """What nobody's action has brought about: a report by somebody else, or a day gone by."""
        after = moved.handover
        self.save(after)
        self._enter(before, after)
        if after.state is State.ACCEPTED and before.state is not State.ACCEPTED:
            known = self._procedures.moments_of(after.handover)
            self.owe(after, deadlines.owed_after(ActionKind.ACCEPT, after, self._clocks, known))
        if moved.holder is not None:
            self._passes(after, moved.holder)
        self.record(after, step, None)
        self.tell(after)
        if moved.holder is not None:
            self.settle(after.child, after.urgency)

    def _passes(self, handover: Handover, holder: str) -> None:
        """The case passes: of the record that the handover is about, or of all where two of them were at issue."""
        origins = {handover.origin}
        if any(link.event_id == handover.evidence for link in self._links.of(handover.child)):
            origins = set(self._children.records.of(handover.child))
        self._children.records.take(origins, holder)
        self._came(handover, [Moment.RESPONSIBILITY_ACCEPTED])
        self._children.set_holder(handover.child, holder)

    def part(self, children: Iterable[bytes], link: bytes, urgency: Urgency) -> None:
        """A link was wrong: each child has its own handovers again, in line with who holds it and where it is.

        One that the link itself had opened, to ask who of two holds the one child, asks nothing any more.
        """
        for child in children:
            for opened in (_machine(row) for row in self._procedures.all_of(child)):
                if opened.evidence == link and opened.state in machine.OPEN:
                    self._supersede(opened)
                    self._ordering.void(child, opened.handover)
            self._ordering.void(child, link)
            anew = self._ordering.part(child)
            self.settle(child, urgency)
            for one in [_machine(row) for row in self._procedures.all_of(child)]:
                # A hidden one is ordered anew by the relay, at its next slot.
                if one.handover in anew and one.released and not one.withheld and one.state not in _VOID:
                    self._order(one, anew[one.handover])
                self.tell(one)

    def settle(self, child_id: bytes, urgency: Urgency, by: tuple[bytes, str] | None = None) -> None:
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
            if after.state is State.SUPERSEDED or other.withheld:
                # A hidden one is not handed on: its old side, or whoever claims the child, would read by whom.
                self._supersede(other)
            else:
                self.save(after)
                self._enter(other, after)
                self._procedures.meet(after.handover, [deadlines.Owed.GRANTS], self._desk.now_ms)
                self.owe(after, deadlines.when_handed_on(other.state, after, self._clocks))
                self.record(after, "handed-on", None)
                self.tell(after, also=other.from_area)
        record = self._children.records.newest(child_id)
        if child.safety != child.holder and record is not None:
            evidence, author = by or (record.evidence, record.reporter)
            report = Report(record.area, evidence, author, record.withheld)
            self.notice(child, record.origin, report, Kind.MOVE, urgency)

    def _supersede(self, before: Handover) -> None:
        """Nobody is waited for here any more."""
        over = machine.superseded(before, self._desk.now_ms)
        self.save(over)
        self._enter(before, over)
        self.record(over, "superseded", None)
        self.tell(over, also=before.from_area)

    def more_came(self, order: OrderRow) -> None:
        """All of an order is on its way, or all that will come of it: what its reader has released goes on from there."""
        child = self._children.get(order.child)
        if child is not None:
            self._ordering.follow(order, child.holder)

    def order_done(self, handover_id: bytes) -> None:
        """All of one order is on its way: if it was the last of the history's, both sides see it whole."""
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
        told = not handover.withheld and self._shield.was_hidden(handover.handover)
        return view_of(handover, reason, self._children, self._procedures, self._clocks, told_after_all=told)

    def fire(self, row: DeadlineRow) -> None:
        """A deadline has passed unmet: tell owner and other side, write it down, once.

        Two are no failings, but what the area had time for: to contest an acceptance, and to move a handover on.
        """
        held = self._procedures.handover(row.about)
        if held is not None and row.kind in {deadlines.Owed.CONTEST, deadlines.Owed.MOVING_ON}:
            self._procedures.meet(row.about, [row.kind], self._desk.now_ms)
            lapse = {
                deadlines.Owed.CONTEST: (machine.uncontested, "uncontested"),
                deadlines.Owed.MOVING_ON: (machine.waited_too_long, "disputed"),
            }
            moved_on, step = lapse[deadlines.Owed(row.kind)]
            before = _machine(held)
            if moved := moved_on(before, self._desk.now_ms):
                self._goes_on(before, moved, step)
            return
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
        self._ordering.overdue(row)
        if handover := self._procedures.handover(row.about):
            self.tell(_machine(handover), f"overdue: {row.kind}")

    def owe(self, handover: Handover, owed: Iterable[deadlines.Deadline]) -> None:
        """These are owed in it from here on."""
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

    def _came(self, handover: Handover, moments: Iterable[Moment | Fact]) -> None:
        """Keep which of the six moments this is; one of them may start the new area's own clock."""
        came = frozenset(moments)
        if not came:
            return
        self._procedures.note_moments(handover.handover, sorted(came), self._desk.now_ms)
        known = self._procedures.moments_of(handover.handover)
        self.owe(handover, deadlines.local_clock(handover, known, self._clocks))

    def save(self, handover: Handover) -> None:
        """Write it as it is now."""
        self._procedures.save_handover(
            HandoverRow(
                **asdict(handover)
                | {
                    "kind": handover.kind.value,
                    "state": handover.state.value,
                    "keeping": handover.keeping.value,
                    "urgency": int(handover.urgency),
                }
            )
        )

    def record(self, handover: Handover, step: str, reason: str | None) -> None:
        """Write a step into the trail."""
        child = self._children.get(handover.child)
        self._desk.audit(
            EntryKind.HANDOVER,
            child=handover.child,
            origin=handover.origin,
            handover=handover.handover,
            step=step,
            state=handover.state.value,
            handover_kind=handover.kind.value,
            evidence=handover.evidence,
            withheld=handover.withheld or None,
            from_area=handover.from_area,
            to_area=handover.to_area,
            holder=child.holder if child else None,
            safety=child.safety if child else None,
            reason=reason,
        )
