"""Clocks that this gateway keeps itself: what its own and its inbox's events make somebody owe, by the policy's rules.

The router cannot see what happened, so it cannot start these. Every gateway that reads an event reckons the same due
date by the same rule, for its own people to be told and for the other side to be seen. Nothing is read twice:
``look`` goes on where it stopped, also after a crash, and a clock is the same whenever it is started.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import structlog

from adapters.gateway.errors import AlreadyDoneError, NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.record.composing import concerned_areas, tokens_of
from adapters.gateway.record.cueing import Came, Cueing, Touched
from adapters.gateway.record.in_the_way import mind, stands
from adapters.gateway.record.owing import Owes, counted_from, done, meets, own_part, rows_of, says, who_owes
from adapters.gateway.record.places import Places
from adapters.gateway.record.reading import Reading
from adapters.gateway.record.standing_plans import also_known_as, is_open, note, undo
from broker.calendars import day_of
from broker.clock import from_ms, to_ms
from broker.errors import RejectedError
from broker.notices.words import reference
from broker.store.gateway.clocks import ENDED, ClockRow, is_settled, says_something
from broker.store.gateway.inbox import InRow
from broker.store.gateway.store import Work
from schemas.codes.cases import PlanKind
from schemas.deadlines import ClockRule, Fact, Moment
from schemas.directory import Directory
from schemas.events.base import Event
from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.members import Member
from schemas.orders import OrderKind
from schemas.policy import ConcernedAreas, urgency_of
from schemas.rules import AreaRole
from schemas.wire import InKind, Urgency

_log = structlog.get_logger()

_MOST: Final = 64
"""Deliveries read in one pass: the write that follows is short, and the running gateway waits for it."""
_FIRED_MOST: Final = 500
_SAYS_MET: Final = "obligation.recorded"
_OF_PLANS: Final = frozenset(
    {"plan.opened", "plan.changed", "plan.closed", "identity.linked", "identity.unlinked"}
)
OVER: Final = frozenset({"closed", "withdrawn", "superseded"})


@dataclass(frozen=True, slots=True)
class Said:
    """An event as clocks need it: who says it about whom, and when the router took it (or we published it)."""

    event: Event
    areas: ConcernedAreas
    author: Member
    at_ms: int
    refs: tuple[bytes, ...]
    child: bytes | None = None
    history: bool = False
    """Granted with a handover: it starts and meets nothing."""


class Clocking:
    """Keeps one home's clocks."""

    def __init__(self, home: Home, places: Places) -> None:
        self._home = home
        self._places = places
        self._reading = Reading(home)
        self.cueing = Cueing(home)

    def published(self, work: Work, event: Event, areas: ConcernedAreas, *, prefilled: bool = False) -> None:
        """An event of our own goes out: in the transaction that queues it, so that neither is without the other.

        ``prefilled``: its author gave no purpose or no basis, and has the policy's.
        """
        policy = self._home.directory.policy
        said = Said(event, areas, self._home.me, to_ms(self._home.clock()), self._refs(event, None))
        if self._concerned_with(event.type):
            self._take(work, said)
        if prefilled and urgency_of(policy, event) is Urgency.U0:
            self._begin(work, Fact.PREFILLED, said)
        if event.supersedes is not None and not prefilled:
            self._corrected(work, event.supersedes, said)
        self.cueing.published(work, event)

    def opened(self, work: Work, event_id: bytes, reader: str, at_ms: int) -> None:
        """A reader has opened an event: where the event is itself what was owed, that meets it."""
        directory = self._home.directory
        member = directory.member(reader)
        for row in work.clocks.about(event_id):
            rule = directory.policy.clock(row.key, day_of(from_ms(row.start_ms)))
            if row.met_ms or rule is None or member is None or reader == row.owner:
                continue
            if member.kind in rule.met_when_opened_by:
                work.clocks.meet_one(row, at_ms, reader)

    def said(self, about: bytes, key: str, number: int, *, by: str) -> ClockRow:
        """A person of ours says that something has been done. Raises NoSuchItemError, AlreadyDoneError."""
        with self._home.store.work() as work:
            rows = [row for row in work.clocks.about(about) if (row.key, row.number) == (key, number)]
            if not rows or rows[0].owner != self._home.member_id:
                raise NoSuchItemError("nothing of that name is owed by this member")
            if rows[0].met_ms is not None:
                raise AlreadyDoneError("it was met before")
            work.clocks.meet_one(rows[0], to_ms(self._home.clock()), by)
        return rows[0]

    def open(self) -> list[ClockRow]:
        """What is owed still, by us and to us, due first; up to this moment, also where nothing runs."""
        while self._read_on():
            pass
        with self._home.store.look() as work:
            return work.clocks.open()

    def look(self) -> bool:
        """Read what has come since, then say once what has become late. Gives whether more waits to be read.

        Raises UnavailableError. A crash before the commit: the same is read again, and is the same.
        """
        more = self._read_on()
        self._fire()
        self.cueing.tick()
        return more

    def _read_on(self) -> bool:
        with self._home.store.look() as work:
            fresh, cursor = work.clocks.unread(_MOST), work.clocks.cursor()
            behind = [row for row in work.clocks.left_behind() if is_settled(row)]
            said = [one for row in (*behind, *fresh) if says_something(row) for one in self._read(work, row)]
        if fresh or behind:
            with self._home.store.work() as work:
                self._take_all(work, said)
                work.clocks.caught_up([row.number for row in behind])
                if fresh:
                    there = {row.number for row in fresh if is_settled(row)}
                    last = fresh[-1].number
                    work.clocks.read_up_to(last, set(range(cursor + 1, last + 1)) - there)
        return len(fresh) == _MOST

    def _take_all(self, work: Work, said: Iterable[Said | tuple[InRow, HandoverView]]) -> None:
        """What came starts and meets clocks, and gives reason for cues: all of it, or at a crash none."""
        touched: list[Touched] = []
        for one in said:
            if not isinstance(one, Said):
                self._told(work, *one)
                touched += [] if one[0].child is None else [(one[0].child, ())]
                continue
            if not one.history:
                self._take(work, one)
            if self.cueing.reads(one.event.type):
                came = Came(one.event, one.areas, one.author, one.at_ms, one.child, one.history)
                touched += [] if (about := self.cueing.take(work, came)) is None else [about]
        self.cueing.consider(work, touched)

    def _fire(self) -> None:
        now_ms = to_ms(self._home.clock())
        with self._home.store.look() as work:
            late = work.clocks.due(now_ms, _FIRED_MOST)
        if not late:
            return
        for row in late:
            _log.warning("late", about=row.about.hex(), owner=row.owner, due_ms=row.due_ms)
        with self._home.store.work() as work:
            work.clocks.fired(late, now_ms)

    def _read(self, work: Work, row: InRow) -> Iterator[Said | tuple[InRow, HandoverView]]:
        if row.kind == InKind.HANDOVER:
            yield row, HandoverView.from_bytes(row.body)
            return
        kind = self._home.kind_of(row.number)
        if kind and not (self._concerned_with(kind) or self.cueing.reads(kind)):
            return
        history = False
        try:
            if row.kind == InKind.VIEW:
                read, at_ms = self._reading.delivered(work, row), row.taken_ms
            else:
                held = work.inbox.granted_event(row.message_id)
                order = None if held is None else work.inbox.order(held.order_id)
                if held is None or order is None:
                    return
                history = order.kind == OrderKind.HANDOVER
                if history and not self._home.me.front_door:
                    return  # it starts nothing, and only a front door's cues count it
                read = self._reading.granted(work, held)
                at_ms = row.arrived_ms if history else held.taken_ms
        except RejectedError:
            return
        author = self._home.directory.member(read.author)
        if read.event is not None and author is not None:
            areas = concerned_areas(read.event, self._places)
            refs = self._refs(read.event, row.child)
            yield Said(read.event, areas, author, at_ms, refs, row.child, history)

    def _concerned_with(self, kind: str) -> bool:
        """Whether a type of event can start or meet anything. Most cannot: those are not opened for that alone."""
        policy = self._home.directory.policy
        plans = kind in _OF_PLANS and bool(policy.plans_of_clocks)
        return kind == _SAYS_MET or plans or policy.bears_on_clocks(kind)

    def _refs(self, event: Event, child: bytes | None) -> tuple[bytes, ...]:
        tokens = self._home.keyring.tokens()
        found = {token.value: None for token in tokens_of(event.subject, tokens)}
        found |= dict.fromkeys(also_known_as(event, tokens))
        return tuple(found) + (() if child is None else (child,))

    def _take(self, work: Work, said: Said) -> None:
        policy, event = self._home.directory.policy, said.event
        note(work, event, said.author.id, said.refs, policy.plans_of_clocks)
        undo(work, event, self._home.keyring.tokens(), policy.plans_of_clocks)
        met = policy.clocks_met_by(event.type)
        for owner in (said.author.id, None):
            # What a member's own kind owes, only its own word meets: another area's conference is not this one's.
            for rule in met:
                done_ms = done(event, rule, said.at_ms)
                if owner is None and (rule.met_at or rule.each_involved):
                    continue  # who must see a child has seen it when they say so, not when its school does
                if (
                    (rule.by is said.author.kind) == (owner is not None)
                    and done_ms is not None
                    and meets(event, rule)
                ):
                    work.clocks.meet({rule.key}, said.refs, said.at_ms, str(event.id), owner, done_ms)
        ended = policy.clocks_whose("over_by", event.type)
        if over := {rule.key for rule in ended if rule.by is said.author.kind and meets(event, rule)}:
            work.clocks.meet(over, said.refs, said.at_ms, ENDED, said.author.id)
        mind(work, event.type, said.refs, policy.clocks_whose("unless", event.type))
        if event.type == _SAYS_MET:
            self._said_met(work, said)
        self._begin(work, event.type, said)

    def _begin(self, work: Work, word: str, said: Said) -> None:
        on = day_of(from_ms(said.at_ms))
        for rule in self._home.directory.policy.clocks_started_by(word):
            if rule.in_force(on) and says(said.event, rule.when):
                self._start(work, rule, said)

    def _corrected(self, work: Work, before: EventId, said: Said) -> None:
        """An event of our own is superseded, in our own words: what was owed for want of them is met."""
        for row in work.clocks.about(before.raw):
            rule = self._home.directory.policy.clock(row.key, day_of(from_ms(row.start_ms)))
            if rule is not None and rule.met_by_correction and row.owner == self._home.member_id:
                work.clocks.meet_one(row, said.at_ms, str(said.event.id))

    def _said_met(self, work: Work, said: Said) -> None:
        """The owner's person says that something has been done."""
        details = said.event.model_dump(mode="json")["details"]
        try:
            about = bytes.fromhex(details["obligation_ref"].partition(".")[0])
        except ValueError:
            return
        if details.get("met_at") is None:
            return
        for row in work.clocks.about(about):
            if (
                f"{about.hex()}.{row.key}.{row.number}" == details["obligation_ref"]
                and row.owner == said.author.id
            ):
                work.clocks.meet_one(row, said.at_ms, str(said.event.id))

    def _start(self, work: Work, rule: ClockRule, said: Said) -> None:
        directory = self._home.directory
        owes = (
            own_part(rule, self._home.me, said.areas)
            if rule.each_involved
            else who_owes(rule, said.author, said.areas, directory, said.at_ms)
        )
        counted = counted_from(said.event, rule)
        if owes is None or counted is None or not self._concerns(rule, owes, directory):
            return
        if stands(work, rule, said.refs, said.event.id.raw):
            return
        if rule.on_plan is not None and not self._begins_on_plan(work, rule, rule.on_plan, said):
            return
        start = counted if isinstance(counted, date) else from_ms(said.at_ms)
        rows = list(rows_of(rule, said.event.id.raw, owes, start, said.at_ms, directory))
        work.clocks.start(rows, said.refs)

    def _begins_on_plan(self, work: Work, rule: ClockRule, plan: PlanKind, said: Said) -> bool:
        """Once for a child, whichever of a birth's notices and a person's link comes first; read again it is the same."""
        again = any(row.key == rule.key for row in work.clocks.about(said.event.id.raw))
        alike = {one.key for one in self._home.directory.policy.clocks if one.on_plan is plan}
        return again or (is_open(work, plan, said.refs) and not work.clocks.runs(alike, said.refs))

    def _concerns(self, rule: ClockRule, owes: Owes, directory: Directory) -> bool:
        """Whether we keep it: our own; others', where we would see it met as they do; a practice only where it is one."""
        me = self._home.me
        area = directory.area(owes.area)
        if rule.local and (area is None or rule.key not in area.local_clocks):
            return False
        if owes.member == me.id:
            return True
        if rule.met_when_opened_by:
            # A receipt goes to the author alone: who gives it does not wait for it.
            return me.kind in rule.met_when_opened_by and not rule.of_author
        return me.front_door

    def _told(self, work: Work, row: InRow, view: HandoverView) -> None:
        """The router's word on a handover: a moment may start what our own area has made its practice."""
        directory = self._home.directory
        if view.state in OVER:
            outlives = [rule.key for rule in directory.policy.clocks if rule.over_by]
            work.clocks.over(view.handover, row.taken_ms, outlives if view.state == "closed" else ())
            return
        for moment, at_ms in view.moments:
            for rule in directory.policy.clocks_started_by(Moment(moment)):
                area = view.from_area if rule.side is AreaRole.FROM else view.to_area
                owes = Owes(self._home.member_id, area)
                ours = area in self._home.me.areas and rule.by is self._home.me.kind
                if ours and rule.in_force(day_of(from_ms(at_ms))) and self._concerns(rule, owes, directory):
                    rows = rows_of(rule, view.handover, owes, from_ms(at_ms), at_ms, directory)
                    work.clocks.start(rows, () if row.child is None else (row.child,))


def name_of(row: ClockRow) -> str:
    """How a clock is called in lists and commands."""
    return f"{reference(row.about)}.{row.key}" + (f".{row.number}" if row.number > 1 else "")
