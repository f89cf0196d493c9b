"""What is owed in a handover, by whom, until when, and by which rule of the policy. Pure; the router stores and fires it.

*Notified* starts the clocks that are shown and reported first. Where an area's own clock starts with another of the
six moments, its due date stands beside, under a kind of its own. Missing papers are said beside a due date, as a reason
to give; they pause nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final

from broker.calendars import day_of
from broker.calendars.due import Due, DueDate, NotKnown, due_date
from broker.clock import from_ms, to_ms
from broker.handover.machine import OVER, Handover, Keeping, State
from schemas.codes.cases import ClockStart
from schemas.control import ActionKind
from schemas.deadlines import ClockRule, Fact, Moment
from schemas.default_policy import default_policy
from schemas.directory import AreaEntry, Directory
from schemas.policy import Policy
from schemas.wire import Urgency


class Owed(StrEnum):
    """What somebody owes."""

    RELEASE = "release"
    GRANTS = "grants"
    ITEMS = "items"
    """What the new area has refused of the history again and again: a person of the old area sees to it."""
    ACCEPTANCE = "acceptance"
    CONFERENCE = "conference"
    CONFERENCE_LOCAL = "conference-local"
    """The same conference by the new area's own clock, beside the one from being notified."""
    RESPONSE = "response"
    """The old area answers a decline: asks again, or withdraws."""
    CONTEST = "contest"
    """What the old area has time for: after that an acceptance on the new one's word alone stands."""
    MOVING_ON = "dispute"
    """What a handover has time for in one waiting state: after that it goes to the heads of service."""
    HEADS = "heads-of-service"
    CHAIRS = "chairs"
    KEEPING = "return-or-retain"
    REVIEW = "temporary-review"
    """The old area looks again whether a stay is still one."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """One thing owed by the front door of ``area`` until ``due_ms``; ``reason`` names the rule to both sides."""

    kind: Owed
    area: str
    due_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """The rules in force and the areas' calendars, as one version of the directory has them."""

    policy: Policy
    area: Callable[[str], AreaEntry | None]

    @classmethod
    def of(cls, directory: Directory) -> "Clocks":
        """Those of a directory."""
        return cls(directory.policy, directory.area)

    def rule(self, key: str, on: date) -> ClockRule:
        """A rule as it is in force that day; the default policy's where this one leaves it out."""
        found = self.policy.clock(key, on) or national().policy.clock(key, on)
        if found is None:
            raise KeyError(key)
        return found

    def due(self, key: str, start_ms: int, area: str, starts: Fact | None = None) -> DueDate:
        """Until when ``area`` has, by the rule ``key``; ``starts``: counted from that, where it is not as the rule says."""
        start = from_ms(start_ms)
        rule = self.rule(key, day_of(start))
        if starts is not None:
            rule = rule.model_copy(update={"starts": (starts.value,)})
        return due_date(rule, start, self.area(area), gss=area)


@cache
def national() -> Clocks:
    """The default policy's rules, and no area's own calendar."""
    return Clocks(default_policy(), lambda _: None)


_LOCAL: Final = {
    ClockStart.WRITTEN_PACK_RECEIVED: (Moment.WRITTEN_PACK_RECEIVED, "conference-written"),
    ClockStart.ACCEPTED: (Moment.ACCEPTED, "conference-accepted"),
    ClockStart.PERMANENCE_AGREED: (Moment.PERMANENCE_AGREED, "conference-permanence"),
}
_WAITS: Final = ((Owed.MOVING_ON, "to"),)
_IN_STATE: Final[Mapping[State, tuple[tuple[Owed, str], ...]]] = {
    State.NOTICED: _WAITS,
    State.RELEASED: _WAITS,
    State.VERIFIED: _WAITS,
    State.DECLINED: _WAITS,
    State.PROVISIONAL: ((Owed.CONTEST, "from"),),
    State.DISPUTED: ((Owed.HEADS, "from"), (Owed.CHAIRS, "from")),
}
_PAPERS: Final = "papers not received: a reason, not a pause"


def when_noticed(handover: Handover, clocks: Clocks | None = None) -> tuple[Deadline, ...]:
    """A move was noticed: the old side shares everything relevant, the new side decides."""
    known = clocks or national()
    return (
        _release(handover, handover.opened_ms, known),
        _owed(Owed.ACCEPTANCE, "accept", handover.to_area, handover.opened_ms, known),
    )


def when_handed_on(before: State, handover: Handover, clocks: Clocks | None = None) -> tuple[Deadline, ...]:
    """Another area took the case meanwhile: now that one owes the release, and a decline is answered anew."""
    known = clocks or national()
    release = _release(handover, handover.changed_ms, known)
    return (release, _answer_again(handover, known)) if before is State.DECLINED else (release,)


def owed_after(
    action: ActionKind,
    after: Handover,
    clocks: Clocks | None = None,
    moments: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Deadline, ...]:
    """What an action makes somebody owe, given the handover as it is after it, and what had come before."""
    known = clocks or national()
    match action:
        case ActionKind.RELEASE if after.state is State.RELEASED and after.declines:
            return (_grants(after, known), _answer_again(after, known))
        case ActionKind.RELEASE | ActionKind.BREAK_GLASS:
            return (_grants(after, known),)
        case ActionKind.DECLINE:
            return (_owed(Owed.RESPONSE, "respond", after.from_area, after.changed_ms, known),)
        case ActionKind.ASK if after.state is State.STAYING:
            return (_owed(Owed.REVIEW, "temporary-review", after.from_area, after.changed_ms, known),)
        case ActionKind.ASK:
            return (_answer_again(after, known),)
        case ActionKind.ACCEPT if after.state is State.ACCEPTED:
            return (_conference(after, moments, known),)
        case _:
            return ()


def owed_when(before: Handover | None, after: Handover, clocks: Clocks | None = None) -> tuple[Deadline, ...]:
    """What a handover owes because of the state that it has come into, by whatever way it came there."""
    known = clocks or national()
    owed: list[Deadline] = []
    if before is None or before.state is not after.state:
        for kind, area in _IN_STATE.get(after.state, ()):
            owner = after.from_area if area == "from" else after.to_area
            owed.append(_owed(kind, kind.value, owner, after.changed_ms, known))
    if after.keeping is Keeping.OWED and (before is None or before.keeping is not Keeping.OWED):
        owed.append(_owed(Owed.KEEPING, "return-or-retain", after.to_area, after.changed_ms, known))
    # An area that must not know of a hidden handover owes nothing in it.
    return tuple(one for one in owed if not after.withheld or one.kind is Owed.KEEPING)


def void_in(after: Handover) -> frozenset[Owed]:
    """What nobody owes any more in the state that a handover is in."""
    kept = {Owed.KEEPING} if after.keeping is Keeping.OWED else set[Owed]()
    if after.state in OVER - {State.CLOSED}:
        return frozenset(Owed) - kept
    void = {Owed.CONTEST, Owed.MOVING_ON, Owed.HEADS, Owed.CHAIRS, Owed.KEEPING}
    void -= {kind for kind, _ in _IN_STATE.get(after.state, ())} | kept
    if after.state in {State.ACCEPTED, State.CLOSED, State.PROVISIONAL, State.STAYING}:
        void |= {Owed.ACCEPTANCE, Owed.RESPONSE}
    if after.state is not State.STAYING:
        void |= {Owed.REVIEW}
    return frozenset(void)


def met_by(action: ActionKind) -> frozenset[Owed]:
    """What an action has met or made void. Acceptance leaves the history owed: late papers are a gap with a clock."""
    match action:
        case ActionKind.RELEASE:
            return frozenset({Owed.RELEASE, Owed.RESPONSE})
        case ActionKind.VERIFY:
            return frozenset({Owed.GRANTS, Owed.ITEMS})
        case ActionKind.ACCEPT:
            return frozenset({Owed.ACCEPTANCE, Owed.RESPONSE})
        case ActionKind.DECLINE:
            return frozenset({Owed.ACCEPTANCE})
        case ActionKind.ASK:
            return frozenset({Owed.RESPONSE, Owed.REVIEW})
        case ActionKind.WITHDRAW:
            return frozenset(Owed) - {Owed.KEEPING}
        case ActionKind.CONFERENCE_HELD:
            return frozenset({Owed.CONFERENCE, Owed.CONFERENCE_LOCAL})
        case _:
            return frozenset()


NOTICED: Final = (Moment.MOVE_KNOWN, Moment.NOTIFIED)
"""Both come in the transaction that takes the evidence: the new area is told at once."""


def moments_of(action: ActionKind, after: Handover) -> tuple[Moment | Fact, ...]:
    """Which of the six moments an action is, or brings about; and what the old area has said of a stay.

    That a move is permanent is agreed once the new area has taken the case and a person of the old one has let go.
    """
    agreed = after.released and after.state in {State.ACCEPTED, State.CLOSED}
    match action:
        case ActionKind.VERIFY:
            return (Moment.WRITTEN_PACK_RECEIVED,)
        case ActionKind.ACCEPT:
            return (Moment.ACCEPTED, Moment.PERMANENCE_AGREED) if agreed else (Moment.ACCEPTED,)
        case ActionKind.RELEASE if agreed:
            return (Moment.PERMANENCE_AGREED,)
        case ActionKind.ASK:
            return (Fact.TEMPORARY if after.state is State.STAYING else Fact.ASKED_AGAIN,)
        case _:
            return ()


def local_clock(after: Handover, moments: Mapping[str, int], clocks: Clocks) -> tuple[Deadline, ...]:
    """The conference by the new area's own clock, once the moment that starts it has come.

    None for a move that is hidden: an area's own way of counting would tell which area it is.
    """
    area = clocks.area(after.to_area)
    local = _LOCAL.get(area.clock_start) if area is not None else None
    if local is None or after.withheld or after.state is not State.ACCEPTED or local[0] not in moments:
        return ()
    return (_owed(Owed.CONFERENCE_LOCAL, local[1], after.to_area, moments[local[0]], clocks),)


def reason_shown(kind: str, reason: str, after: Handover, moments: Mapping[str, int], clocks: Clocks) -> str:
    """A due date's reason as both sides read it now: the rule, what is missing, and which other clock has not begun."""
    said = [reason]
    if kind in {Owed.ACCEPTANCE, Owed.CONFERENCE} and Moment.WRITTEN_PACK_RECEIVED not in moments:
        said.append(_PAPERS)
    area = clocks.area(after.to_area)
    local = _LOCAL.get(area.clock_start) if area is not None and not after.withheld else None
    if kind == Owed.CONFERENCE and local is not None and local[0] not in moments:
        said.append(f"own clock ({local[0].value.replace('_', ' ')}): not begun")
    return "; ".join(said)


def _conference(handover: Handover, moments: Mapping[str, int], clocks: Clocks) -> Deadline:
    """Counted from when the new area was notified, not from its acceptance.

    Of a stay that has become a move, from the request: before that nobody was to hold one there [P-TEE1][P-WAL].
    """
    asked_ms = moments.get(Fact.ASKED_AGAIN)
    if asked_ms is None or Fact.TEMPORARY not in moments:
        return _owed(Owed.CONFERENCE, "conference", handover.to_area, handover.opened_ms, clocks)
    return _owed(Owed.CONFERENCE, "conference", handover.to_area, asked_ms, clocks, Fact.ASKED_AGAIN)


def _owed(
    kind: Owed, key: str, area: str, start_ms: int, clocks: Clocks, starts: Fact | None = None
) -> Deadline:
    match clocks.due(key, start_ms, area, starts):
        case Due(at, reason):
            return Deadline(kind, area, to_ms(at), reason)
        case NotKnown(reason):
            # A policy may count a handover in school days, of which the area has published none: due at once, and
            # the reason says why. Whoever owes it is told, and nothing is guessed.
            return Deadline(kind, area, start_ms, reason)


def _release(handover: Handover, since_ms: int, clocks: Clocks) -> Deadline:
    key = "release-unplanned" if handover.urgency is Urgency.U0 else "release"
    return _owed(Owed.RELEASE, key, handover.from_area, since_ms, clocks)


def _grants(handover: Handover, clocks: Clocks) -> Deadline:
    # The old side's gateway owes the grants: machines answer in minutes, or a person is told.
    key = "grant-at-once" if handover.urgency is Urgency.U0 else "grant"
    return _owed(Owed.GRANTS, key, handover.from_area, handover.changed_ms, clocks)


def _answer_again(handover: Handover, clocks: Clocks) -> Deadline:
    return _owed(Owed.ACCEPTANCE, "accept-again", handover.to_area, handover.changed_ms, clocks)
