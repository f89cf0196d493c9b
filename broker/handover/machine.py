"""The handover of one child as a pure state machine: values in, values out, time passed in.

Nothing here closes a handover by time alone, and no path leaves the child without a case holder: until the new
area accepts, the old one holds; a decline never declines the safety duty.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from schemas.control import Action, ActionKind
from schemas.wire import Urgency


class State(StrEnum):
    """Where a handover stands."""

    NOTICED = "noticed"
    """The new area knows that a child with an open matter is there; the old area has not released the history."""
    RELEASED = "released"
    """A person of the old area has released it; the grants are on their way."""
    VERIFIED = "verified"
    """The new area's gateway has the whole history and has checked it."""
    ACCEPTED = "accepted"
    """The new area holds the case; for a protection plan the conference is still to be held."""
    DECLINED = "declined"
    """The new area will not take the case; the old one holds it, the safety duty stays where the child is."""
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    SUPERSEDED = "superseded"
    """The child has moved on and another area has taken the case: nobody is waited for here any more."""


class Kind(StrEnum):
    """Why there is a handover."""

    MOVE = "move"
    CONFLICT = "conflict"
    """Two areas have an open matter for the same child; a person decides who holds it."""


WAITING: Final = frozenset({State.NOTICED, State.RELEASED, State.VERIFIED, State.DECLINED})
OPEN: Final = WAITING | {State.ACCEPTED}
OVER: Final = frozenset(State) - OPEN


@dataclass(frozen=True, slots=True)
class Handover:
    """One child's handover.

    ``released`` and ``verified`` stay true once the history was let go, and was whole: both may come after the
    acceptance, which never waits for papers. ``declines`` counts refusals. ``withheld``: the old area must not learn
    where the child is (P7), so nothing of this handover is said to it.
    """

    handover: bytes
    child: bytes
    origin: bytes
    """The record that it is about: when a link is undone, it goes with that (P10)."""
    from_area: str
    to_area: str
    kind: Kind
    state: State
    evidence: bytes
    urgency: Urgency
    opened_ms: int
    changed_ms: int
    released: bool = False
    verified: bool = False
    declines: int = 0
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The action was taken: the handover as it is now, and who holds the case from here on (None: as before)."""

    handover: Handover
    holder: str | None = None
    order_history: bool = False
    """The history must now be ordered from the old area's front door."""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The action does not fit the state; ``why`` tells the person who tried."""

    why: str


Step: TypeAlias = Moved | NotPossible

_SIDE: Final = {
    ActionKind.RELEASE: "from",
    ActionKind.WITHDRAW: "from",
    ActionKind.ACCEPT: "to",
    ActionKind.DECLINE: "to",
    ActionKind.VERIFY: "to",
    ActionKind.CONFERENCE_HELD: "to",
}
HANDOVER_ACTIONS: Final = frozenset(_SIDE)


def side_of(action: ActionKind, handover: Handover) -> str:
    """The area whose front door may take this action."""
    return handover.from_area if _SIDE[action] == "from" else handover.to_area


def step(handover: Handover, action: Action, now_ms: int) -> Step:
    """Take one action, or say why it is not possible now. Repeating a done action says so and changes nothing."""
    state = handover.state
    match action.kind:
        case ActionKind.RELEASE if state in {State.NOTICED, State.DECLINED}:
            return _release(handover, State.RELEASED, now_ms)
        case ActionKind.RELEASE if state in {State.ACCEPTED, State.CLOSED} and not handover.released:
            # The new area took the child without the papers; they are still owed, and still wanted.
            return _release(handover, state, now_ms)
        case ActionKind.VERIFY if state is State.RELEASED:
            return Moved(replace(handover, state=State.VERIFIED, verified=True, changed_ms=now_ms))
        case ActionKind.VERIFY if _verified_late(handover):
            return Moved(replace(handover, verified=True, changed_ms=now_ms))
        case ActionKind.ACCEPT if state in WAITING:
            reached = State.ACCEPTED if action.conference else State.CLOSED
            return Moved(replace(handover, state=reached, changed_ms=now_ms), holder=handover.to_area)
        case ActionKind.DECLINE if state in WAITING - {State.DECLINED}:
            declined = replace(
                handover, state=State.DECLINED, declines=handover.declines + 1, changed_ms=now_ms
            )
            return Moved(declined)
        case ActionKind.WITHDRAW if state in WAITING:
            return Moved(replace(handover, state=State.WITHDRAWN, changed_ms=now_ms))
        case ActionKind.CONFERENCE_HELD if state is State.ACCEPTED:
            return Moved(replace(handover, state=State.CLOSED, changed_ms=now_ms))
        case _:
            return NotPossible(_why_not(handover, action.kind))


def after_acceptance(other: Handover, holder: str, safety: str, now_ms: int) -> Handover:
    """What becomes of a child's ``other`` open handover now that ``holder`` has taken the case.

    Whoever is still waited for is waited for by the new holder, who must release anew what it now holds. An area
    that the child has left again, or that has just taken the case, is waited for no longer.
    """
    if other.state not in OPEN:
        return other
    there = other.kind is Kind.CONFLICT or other.to_area == safety
    if other.state is State.ACCEPTED or other.to_area == holder or not there:
        return replace(other, state=State.SUPERSEDED, changed_ms=now_ms)
    if other.from_area == holder:
        return other
    return replace(
        other, from_area=holder, state=State.NOTICED, released=False, verified=False, changed_ms=now_ms
    )


def _release(handover: Handover, reached: State, now_ms: int) -> Moved:
    return Moved(replace(handover, state=reached, released=True, changed_ms=now_ms), order_history=True)


def _verified_late(handover: Handover) -> bool:
    late = handover.state in {State.ACCEPTED, State.DECLINED, State.CLOSED}
    return late and handover.released and not handover.verified


def _why_not(handover: Handover, action: ActionKind) -> str:
    state = handover.state
    if action is ActionKind.VERIFY and not handover.released and state in OPEN | {State.CLOSED}:
        return "the old area has not released the history yet"
    match state:
        case State.CLOSED:
            return "the handover is closed; nothing more can be done in it"
        case State.WITHDRAWN:
            return "the old area has withdrawn the handover"
        case State.SUPERSEDED:
            return "the child has moved on and another area has taken the case"
        case State.ACCEPTED:
            return f"the new area has accepted the child already; {action.value} comes too late"
        case State.RELEASED | State.VERIFIED if action is ActionKind.RELEASE:
            return "the history has been released already"
        case State.DECLINED if action is ActionKind.DECLINE:
            return "the new area has declined it already"
        case _:
            return f"{action.value} does not fit a handover that is {state.value}"
