"""Cues of one front door: what its own record gives reason to think again about, kept, settled and ended.

Fed beside the clocks, from what came and in the same transaction: nothing is read twice or left out, also after a crash
(``clocking``). Own events come back from the router and count then: under the child's handle, at the router's time.
Of each event a few codes are kept, sealed, so that no rule opens a child's whole chronology.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

from adapters.gateway.cues.facts import Fact, Said, bears_on_cues, opens_matter, said_in
from adapters.gateway.cues.grouping import Cue, CueState, Moment, Part, reconcile
from adapters.gateway.cues.planning import next_silence
from adapters.gateway.cues.rules import findings, standing
from adapters.gateway.errors import AlreadyDoneError, NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.record.composing import tokens_of
from adapters.gateway.record.standing_plans import also_known_as
from broker.calendars import add_working_days, day_of, end_of_day
from broker.clock import to_ms
from broker.crypto.vault import pairwise_handle
from broker.store.gateway.cues import CueRow, FactRow
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.cues import CuePolicy, CueRule, DismissReason, in_area
from schemas.events.base import Event
from schemas.events.plans import Reappraisal
from schemas.handover import HandoverView
from schemas.members import Member
from schemas.policy import ConcernedAreas

_KEPT: Final = timedelta(days=800)
"""Longer than the longest window that a policy may set; older facts give no reason any more."""
_MOST: Final = 64
_AT_HAND: Final = 4_096
"""Facts that stay opened in memory: a child of whom much comes is looked at again and again."""
_SHORTEST: Final = 8
"""Digits of a cue's id that stand for it, at least."""
Touched: TypeAlias = tuple[bytes | None, tuple[bytes, ...]]
"""Whom a fact is about: the router's handle, and the pseudonyms of its identifiers."""


@dataclass(frozen=True, slots=True)
class Came:
    """An event as cues take it: by whom, about whom, when it came, and whether as part of a granted history."""

    event: Event
    areas: ConcernedAreas
    author: Member
    at_ms: int
    child: bytes | None
    history: bool


class Cueing:
    """Keeps one home's cues. Only a front door has any."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._at_hand = lru_cache(_AT_HAND)(self._opened)
        self._tidied: date | None = None
        """The day on which old facts were last forgotten, by this process."""

    def reads(self, event_type: str) -> bool:
        """Whether an event of this type is to be handed to ``take``."""
        return (
            bears_on_cues(event_type)
            and not self._home.standby
            and self._home.me.front_door
            and self._home.directory.policy.cues is not None
        )

    def take(self, work: Work, came: Came) -> Touched | None:
        """Keep what rules read of an event; gives whom it is about. Once is enough; None: it had been kept before."""
        event, keyring = came.event, self._home.keyring
        names = tuple(token.value for token in tokens_of(event.subject, keyring.tokens()))
        if came.child is None and not names:
            return None  # unmatched: about nobody until a person links it
        on, said = said_in(event, self._keyed)
        fact = Fact(
            event=event.id.raw,
            type=event.type,
            author=came.author.id,
            on=on,
            taken_ms=came.at_ms,
            area=self._area_of(came),
            names=names,
            child=came.child,
            history=came.history,
            opens=opens_matter(event),
            supersedes=None if event.supersedes is None else event.supersedes.raw,
            said=self._with_links(event, said),
        )
        sealed = self._home.vault.close_words(fact.to_bytes())
        row = FactRow(fact.event, fact.child, fact.on.toordinal(), fact.lasts, sealed)
        refs = [*names, *fact.said.get("joins", ()), *([] if came.child is None else [came.child])]
        kept = work.cues.keep(row, refs)
        if isinstance(event, Reappraisal) and came.author.id == self._home.member_id:
            self._reappraised(work, event, came.at_ms)
        return (came.child, names) if kept else None

    def consider(self, work: Work, touched: Iterable[Touched]) -> None:
        """Look again at these children. In the transaction in which what came of them is noted as read."""
        if not self.reads("plan.opened"):
            return
        for child, names in dict.fromkeys(touched):
            self._look_at(work, child, names)

    def published(self, work: Work, event: Event) -> None:
        """A reappraisal of our own goes out: it settles the cue that it names, online or not."""
        if isinstance(event, Reappraisal):
            self._reappraised(work, event, to_ms(self._home.clock()))

    def tick(self) -> None:
        """What time alone gives reason for; cheap where nothing is due. Once a day old facts are forgotten."""
        if not self.reads("plan.opened"):
            return
        now_ms = to_ms(self._home.clock())
        with self._home.store.look() as work:
            due = work.cues.to_look_at(now_ms, _MOST)
        today = self._today()
        if not due and self._tidied == today:
            return
        with self._home.store.work() as work:
            if self._tidied != today:
                work.cues.forget((today - _KEPT).toordinal())
            for child in due:
                self._look_at(work, child, ())
        self._tidied = today

    def every(self, state: CueState | None = CueState.OPEN) -> list[Cue]:
        """All cues in a state, those to be looked at first before the others; None: in any."""
        with self._home.store.look() as work:
            return [self._cue(row) for row in work.cues.in_state(state)]

    def one(self, name: str) -> Cue:
        """The cue whose id begins so. Raises NoSuchItemError."""
        with self._home.store.look() as work:
            return self._named(work, name)

    def grounds(self, cue: Cue) -> list[Fact]:
        """The events that a cue rests on, as far as they are kept, by day."""
        wanted = {event for part in cue.parts for event in part.events}
        with self._home.store.look() as work:
            rows = work.cues.these(wanted)
        return sorted((self._fact(row) for row in rows), key=lambda fact: (fact.on, fact.event))

    def dismiss(self, name: str, reason: DismissReason, *, words: str | None, by: str) -> Cue:
        """A person dismisses a cue, with a reason. Raises NoSuchItemError, AlreadyDoneError."""
        with self._home.store.work() as work:
            cue = self._named(work, name)
            if not cue.open:
                raise AlreadyDoneError(f"it is {cue.state.value} already")
            now_ms = to_ms(self._home.clock())
            settled = replace(
                cue, state=CueState.DISMISSED, settled_ms=now_ms, code=reason.value, words=words, by=by
            )
            self._put(work, settled)
        return settled

    def untold(self, work: Work, most: int) -> list[tuple[CueRow, Cue]]:
        """Cues of which the boards have not heard as they are."""
        return [(row, self._cue(row)) for row in work.cues.untold(most)]

    def _look_at(self, work: Work, child: bytes | None, names: Sequence[bytes]) -> None:
        facts, known_as = self._facts(work, child, names)
        policy = self._home.directory.policy.cues
        if not facts or policy is None:
            work.cues.look_again(known_as[0], None)
            return
        key, *others = known_as
        rules, today = self._rules(policy), self._today()
        cues = [self._cue(row) for row in work.cues.of_children(known_as)]
        moment = Moment(
            child=key,
            now_ms=to_ms(self._home.clock()),
            held=self._holds(work, known_as, facts),
            cased=max(facts, key=_came).child is not None,
            rules={rule.key: rule for rule in rules},
            policy=policy,
            due=self._due,
        )
        for cue in reconcile(findings(facts, rules, today), cues, moment):
            self._put(work, cue, facts)
        for other in others:
            work.cues.look_again(other, None)
        self._look_again(work, key, facts, rules, today)

    def _look_again(
        self, work: Work, key: bytes, facts: Sequence[Fact], rules: Sequence[CueRule], today: date
    ) -> None:
        days = [
            day
            for rule in rules
            if rule.key == "k28" and (day := next_silence(standing(facts), rule, today)) is not None
        ]
        at = min((to_ms(end_of_day(day - timedelta(days=1))) + 1 for day in days), default=None)
        work.cues.look_again(key, at)

    def _facts(
        self, work: Work, child: bytes | None, names: Sequence[bytes]
    ) -> tuple[list[Fact], tuple[bytes, ...]]:
        """All about one child and nobody else, and by what its cues are found: first the one that new ones take.

        Records meet by the router's handle and by links that a person has signed, never because one event happens to
        name two identifiers (P10). What came before there was a handle is found by its strongest identifier.
        """
        handles = work.inbox.handles(child) if child is not None else []
        facts = self._under(work, (*handles, *names[:1]))
        if child is None and (
            late := [one.child for one in facts if one.child and one.names[:1] == tuple(names[:1])]
        ):
            return self._facts(work, late[-1], ())
        first = sorted((one for one in facts if one.child in handles and one.names), key=_came)
        who = set(first[0].names[:1] if first else names[:1])
        more = True
        while more:
            joined = _linked(facts, who)
            more = joined != who
            who = joined
            facts = self._under(work, (*handles, *who))
        mine = [one for one in facts if _is_about(one, who, handles)]
        newest_first = sorted((one for one in mine if one.child), key=_came, reverse=True)
        under = dict.fromkeys([*(one.child for one in newest_first if one.child), *handles])
        return mine, (*under, *sorted(who))

    def _under(self, work: Work, refs: Sequence[bytes]) -> list[Fact]:
        return [self._fact(row) for row in work.cues.facts(refs)]

    def _holds(self, work: Work, known_as: Sequence[bytes], facts: Sequence[Fact]) -> bool:
        """Whether our area holds the case: by the router's newest word on a handover, else by whose matter was first.

        A child without any is looked after by the front door of where the newest event says that it lives.
        """
        mine = self._home.me.areas
        told = work.inbox.handovers_about(known_as)
        if told:
            return HandoverView.from_bytes(told[0].body).holder in mine
        by_time = sorted(facts, key=_came)
        opened = [fact for fact in by_time if fact.opens]
        return (opened[0] if opened else by_time[-1]).area in mine

    def _area_of(self, came: Came) -> str:
        own = came.author.areas[0] if came.author.front_door and opens_matter(came.event) else None
        return own or came.areas.residence or came.areas.acting

    def _reappraised(self, work: Work, event: Reappraisal, at_ms: int) -> None:
        ref = (event.details.cue_ref or "").lower()
        if len(ref) < _SHORTEST:
            return
        open_ones = [row for row in work.cues.like(ref) if row.state == CueState.OPEN]
        if len(open_ones) != 1:
            return  # of another gateway, settled before, or not to be told from another
        dismissed = event.details.decision == "dismissed"
        settled = replace(
            self._cue(open_ones[0]),
            state=CueState.DISMISSED if dismissed else CueState.REAPPRAISED,
            code=DismissReason.OTHER.value if dismissed else None,
            settled_ms=at_ms,
            settled_by=event.id.raw,
        )
        self._put(work, settled)

    def _named(self, work: Work, name: str) -> Cue:
        found = work.cues.like(name)
        if len(found) != 1:
            raise NoSuchItemError(f"{len(found)} cues begin with {name!r}; see `cues list`")
        return self._cue(found[0])

    def _put(self, work: Work, cue: Cue, facts: Sequence[Fact] = ()) -> None:
        about = _told_about(cue, facts)
        sealed = self._home.vault.close_words(cue.id + cue.to_bytes())
        work.cues.put(
            CueRow(cue.id, cue.child, about, cue.state, cue.raised_ms, cue.due_ms, cue.settled_ms, sealed)
        )

    def _cue(self, row: CueRow) -> Cue:
        plain = self._home.vault.open_words(row.sealed)[len(row.id) :]
        several, parts, code, words, by, settled_by = canonical.decode(plain)
        return Cue(
            id=row.id,
            child=row.child,
            several=several,
            parts=tuple(
                Part(rule, said, tuple(events), frozenset(grounds)) for rule, said, events, grounds in parts
            ),
            raised_ms=row.raised_ms,
            due_ms=row.due_ms,
            state=CueState(row.state),
            settled_ms=row.settled_ms,
            code=code,
            words=words,
            by=by,
            settled_by=settled_by,
        )

    def _opened(self, sealed: bytes, child: bytes | None) -> Fact:
        return Fact.from_bytes(self._home.vault.open_words(sealed), child)

    def _fact(self, row: FactRow) -> Fact:
        return self._at_hand(row.sealed, row.child)

    def _with_links(self, event: Event, said: Said) -> Said:
        if event.type != "identity.linked":
            return said
        return {"joins": list(also_known_as(event, self._home.keyring.tokens()))}

    def _rules(self, policy: CuePolicy) -> tuple[CueRule, ...]:
        area = self._home.directory.area(self._home.own_area)
        return in_area(policy.rules, () if area is None else area.cues)

    def _due(self, working_days: int) -> int:
        """The end of a working day of ours, so many after today; at once is now."""
        if working_days == 0:
            return to_ms(self._home.clock())
        directory = self._home.directory
        area = directory.area(self._home.own_area)
        if area is None:
            return to_ms(end_of_day(add_working_days(self._today(), working_days)))
        return to_ms(end_of_day(add_working_days(self._today(), working_days, area.calendar)))

    def _today(self) -> date:
        return day_of(self._home.clock())

    def _keyed(self, text: str) -> str:
        return pairwise_handle(self._home.keyring.secret("vault"), "cue", text.encode()).hex()[:16]


def _told_about(cue: Cue, facts: Iterable[Fact]) -> bytes:
    """The event about which boards hear of a new cue: the newest that came to us ourselves, else the first of a history."""
    rests_on = {event for part in cue.parts for event in part.events}
    live = [fact for fact in facts if fact.event in rests_on and not fact.history]
    return max(live, key=_came).event if live else min(rests_on)


def _came(fact: Fact) -> tuple[int, bytes]:
    return fact.taken_ms, fact.event


def _linked(facts: Iterable[Fact], who: set[bytes]) -> set[bytes]:
    """All identifiers of whoever has one of these, through links that people have signed and not undone."""
    known = list(facts)
    undone = {fact.said["link"] for fact in known if fact.type == "identity.unlinked"}
    links = [
        {bytes(name) for name in fact.said["joins"]}
        for fact in known
        if fact.type == "identity.linked" and fact.event.hex() not in undone
    ]
    found = set(who)
    grown = True
    while grown:
        size = len(found)
        for link in links:
            if link & found:
                found |= link
        grown = len(found) > size
    return found


def _is_about(fact: Fact, who: set[bytes], handles: Sequence[bytes]) -> bool:
    if not fact.names:
        return fact.child in handles
    if fact.child in handles:
        return not who.isdisjoint(fact.names)
    return fact.names[0] in who
