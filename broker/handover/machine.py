"""The handover of one child as a pure state machine: values in, values out, time passed in.

Nothing here closes a handover by time alone, and no path leaves the child without a case holder: until the new
area accepts, the old one holds; a decline never declines the safety duty.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from schemas.control import Action, ActionKind
from schemas.handover_words import PASSES, STAYS
from schemas.wire import Urgency


class State(StrEnum):
    """Where a handover stands."""

    NOTICED = "noticed"
    """The new area knows that a child with an open matter is there; the old area has not released the history."""
    RELEASED = "released"
    """A person of the old area has released it; the grants are on their way."""
    VERIFIED = "verified"
    """The new area's gateway has the whole history and has checked it."""
    PROVISIONAL = "provisional"
    """The new area has accepted on nobody's word but its own: the old one holds the case until it has had its day to
    contest that, has released the history, or somebody else reports the child there too."""
    ACCEPTED = "accepted"
    """The new area holds the case; for a protection plan the conference is still to be held."""
    DECLINED = "declined"
    """The new area will not take the case; the old one holds it, the safety duty stays where the child is."""
    DISPUTED = "disputed"
    """Contested, declined twice, or waiting too long: the heads of service settle it, then the chairs. The old area
    holds the case meanwhile."""
    STAYING = "staying"
    """The old area says that the child only stays there, or is placed there: it keeps the case, the new area keeps the
    child safe, and a person looks again by a date."""
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    SUPERSEDED = "superseded"
    """The child has moved on and another area has taken the case: nobody is waited for here any more."""


class Keeping(StrEnum):
    """What becomes of a history that was let go for a case that did not pass."""

    NONE = "none"
    OWED = "owed"
    """The area that has it must decide, by a person's signature."""
    RETURNED = "return"
    RETAINED = "retain"


class Kind(StrEnum):
    """Why there is a handover."""

    MOVE = "move"
    CONFLICT = "conflict"
    """Two areas have an open matter for the same child; a person decides who holds it."""


WAITING: Final = frozenset({State.NOTICED, State.RELEASED, State.VERIFIED, State.DECLINED, State.DISPUTED})
OPEN: Final = WAITING | {State.PROVISIONAL, State.ACCEPTED, State.STAYING}
OVER: Final = frozenset(State) - OPEN


@dataclass(frozen=True, slots=True)
class Handover:
    """One child's handover.

    ``released`` and ``verified`` stay true once the history was let go, and was whole: both may come after the
    acceptance, which never waits for papers. ``declines`` counts refusals. ``withheld``: the old area must not learn
    where the child is (P7), so nothing of this handover is said to it. ``confirmed``: somebody other than the new area
    itself says that the child is there. ``contested``: the old area says that it is not so, or not the new one's case.
    ``conference``: a protection plan, which stays with the old area's plan until the conference has been held.
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
    confirmed: bool = False
    contested: bool = False
    conference: bool = False
    glass: bool = False
    """The new area has taken the history without a release."""
    keeping: Keeping = Keeping.NONE


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

_SECOND: Final = 2
_DECISIONS: Final = frozenset({Keeping.RETURNED, Keeping.RETAINED})
_SIDE: Final = {
    ActionKind.RELEASE: "from",
    ActionKind.WITHDRAW: "from",
    ActionKind.CONTEST: "from",
    ActionKind.ASK: "from",
    ActionKind.ACCEPT: "to",
    ActionKind.DECLINE: "to",
    ActionKind.VERIFY: "to",
    ActionKind.CONFERENCE_HELD: "to",
    ActionKind.BREAK_GLASS: "to",
    ActionKind.RETURN_OR_RETAIN: "to",
}
HANDOVER_ACTIONS: Final = frozenset(_SIDE)


def side_of(action: ActionKind, handover: Handover) -> str:
    """The area whose front door may take this action."""
    return handover.from_area if _SIDE[action] == "from" else handover.to_area


def step(handover: Handover, action: Action, now_ms: int) -> Step:
    """Take one action, or say why it is not possible now. Repeating a done action says so and changes nothing."""
    match action.kind:
        case ActionKind.RELEASE:
            after = _released(handover, now_ms)
        case ActionKind.VERIFY:
            after = _verified(handover, now_ms)
        case ActionKind.ACCEPT if handover.state in WAITING and not handover.contested:
            after = _accepted(replace(handover, conference=action.conference), now_ms)
        case ActionKind.DECLINE:
            after = _declined(handover, now_ms)
        case ActionKind.CONTEST if handover.state is State.PROVISIONAL:
            after = _to(replace(handover, contested=True), State.DISPUTED, now_ms)
        case ActionKind.ASK:
            after = _asked(handover, action.reason, now_ms)
        case ActionKind.BREAK_GLASS:
            after = _glass_broken(handover, now_ms)
        case ActionKind.WITHDRAW if handover.state in WAITING | {State.STAYING}:
            after = _to(replace(_unsettled(handover), contested=False), State.WITHDRAWN, now_ms)
        case ActionKind.CONFERENCE_HELD if handover.state is State.ACCEPTED:
            after = _to(handover, State.CLOSED, now_ms)
        case ActionKind.RETURN_OR_RETAIN if handover.keeping is Keeping.OWED and action.reason in _DECISIONS:
            after = Moved(replace(handover, keeping=Keeping(action.reason), changed_ms=now_ms))
        case _:
            after = None
    return after or NotPossible(_why_not(handover, action.kind))


def corroborated(handover: Handover, now_ms: int) -> Moved | None:
    """Somebody other than the new area reports that the child is there: an acceptance rests on that, too."""
    if handover.confirmed or handover.state not in OPEN or handover.contested:
        return None
    known = replace(handover, confirmed=True)
    return _stands(known, now_ms) if handover.state is State.PROVISIONAL else Moved(known)


def uncontested(handover: Handover, now_ms: int) -> Moved | None:
    """The old area has had its day and has not contested: the acceptance, signed by the new area, stands."""
    return _stands(handover, now_ms) if handover.state is State.PROVISIONAL else None


def waited_too_long(handover: Handover, now_ms: int) -> Moved | None:
    """Nobody has moved it on: the heads of service must. A hidden one is not put before an area that must not know."""
    waits = handover.state in WAITING - {State.DISPUTED} and not handover.withheld
    return _to(handover, State.DISPUTED, now_ms) if waits else None


def superseded(handover: Handover, now_ms: int) -> Handover:
    """Nobody is waited for here any more. Whoever had accepted held the case: what it read is its own record."""
    left = handover if handover.state is State.ACCEPTED else _unsettled(handover)
    return replace(left, state=State.SUPERSEDED, contested=False, changed_ms=now_ms)


def after_acceptance(other: Handover, holder: str, safety: str, now_ms: int) -> Handover:
    """What becomes of a child's ``other`` open handover now that ``holder`` has taken the case.

    Whoever is still waited for is waited for by the new holder, who must release anew what it now holds. An area
    that the child has left again, or that has just taken the case, is waited for no longer.
    """
    if other.state not in OPEN:
        return other
    there = other.kind is Kind.CONFLICT or other.to_area == safety
    if other.state is State.ACCEPTED or other.to_area == holder or not there:
        return superseded(other, now_ms)
    if other.from_area == holder:
        return other
    return replace(
        other,
        from_area=holder,
        state=State.NOTICED,
        released=False,
        verified=False,
        glass=False,
        contested=False,
        changed_ms=now_ms,
    )


def _to(handover: Handover, state: State, now_ms: int) -> Moved:
    return Moved(replace(handover, state=state, changed_ms=now_ms))


def _released(handover: Handover, now_ms: int) -> Moved | None:
    """A release is the old area's word that the child is the new one's: an acceptance that waited for it stands."""
    let_go = replace(handover, released=True, contested=False)
    if handover.state is State.PROVISIONAL or handover.contested:
        return replace(_stands(let_go, now_ms), order_history=True)
    if handover.state in {State.NOTICED, State.DECLINED} or _undelivered(handover):
        return replace(_to(let_go, State.RELEASED, now_ms), order_history=True)
    if handover.state in {State.ACCEPTED, State.CLOSED, State.STAYING} and not handover.released:
        # The new area has the child without the papers; they are still owed, and still wanted.
        return replace(_to(let_go, handover.state, now_ms), order_history=True)
    return None


def _asked(handover: Handover, terms: str | None, now_ms: int) -> Moved | None:
    """The old area, which holds the case, says on what terms the child is there: the case is to pass, or it is a stay.

    Neither is possible in a dispute about an acceptance, nor where the old area must not know where the child is.
    """
    if handover.contested or handover.withheld or handover.kind is not Kind.MOVE:
        return None
    if terms == STAYS and handover.state in WAITING | {State.STAYING}:
        return _to(handover, State.STAYING, now_ms)
    if terms == PASSES and handover.state in {State.DECLINED, State.STAYING}:
        released = State.VERIFIED if handover.verified else State.RELEASED
        asked = replace(handover, keeping=Keeping.NONE)
        return _to(asked, released if handover.released else State.NOTICED, now_ms)
    return None


def _glass_broken(handover: Handover, now_ms: int) -> Moved | None:
    """The new area takes the history without a release: never on its own word alone that the child is there.

    It stands where it stood: the old area still owes its release, and whatever is not given without one.
    """
    possible = handover.state in OPEN - {State.PROVISIONAL} | {State.CLOSED}
    if not possible or not handover.confirmed or _shut(handover):
        return None
    return Moved(replace(handover, glass=True, changed_ms=now_ms), order_history=True)


def _shut(handover: Handover) -> bool:
    return handover.withheld or handover.contested or handover.released or handover.glass


def _undelivered(handover: Handover) -> bool:
    return handover.state is State.DISPUTED and not handover.released


def _verified(handover: Handover, now_ms: int) -> Moved | None:
    if not handover.released or handover.verified or handover.state not in OPEN | {State.CLOSED}:
        return None
    reached = State.VERIFIED if handover.state is State.RELEASED else handover.state
    return _to(replace(handover, verified=True), reached, now_ms)


def _accepted(handover: Handover, now_ms: int) -> Moved:
    if handover.confirmed or handover.released or handover.withheld:
        return _stands(handover, now_ms)
    return _to(handover, State.PROVISIONAL, now_ms)


def _stands(handover: Handover, now_ms: int) -> Moved:
    """The acceptance counts: the new area holds the case from here on."""
    reached = State.ACCEPTED if handover.conference else State.CLOSED
    settled = replace(handover, state=reached, contested=False, keeping=Keeping.NONE, changed_ms=now_ms)
    return Moved(settled, holder=handover.to_area)


def _declined(handover: Handover, now_ms: int) -> Moved | None:
    """The second time it goes to the heads of service. An acceptance that was contested may be given up this way."""
    declinable = {State.NOTICED, State.RELEASED, State.VERIFIED, State.STAYING}
    if handover.state not in declinable and not handover.contested:
        return None
    declined = replace(_unsettled(handover), declines=handover.declines + 1, contested=False)
    again = declined.declines >= _SECOND and not handover.withheld and not handover.contested
    return _to(declined, State.DISPUTED if again else State.DECLINED, now_ms)


def _unsettled(handover: Handover) -> Handover:
    """The case does not pass: whoever was given the history must say what becomes of it."""
    return replace(handover, keeping=Keeping.OWED) if handover.released or handover.glass else handover


def _why_no_glass(handover: Handover) -> str:
    if handover.glass:
        return "the glass is broken already"
    if handover.withheld:
        return "where the child is must stay hidden from the old area: it is not asked in this way"
    if handover.released:
        return "the history has been released already"
    if handover.contested:
        return "the old area contests the acceptance: it releases or withdraws, or the new one declines"
    return (
        "nobody but the new area says that the child is there; ask police, health or the old area to say so"
    )


_HISTORY_GIVEN: Final = "the history has been released already"
_DECLINED_ALREADY: Final = "the new area has declined it already"
_PASSES_ANYHOW: Final = "the case is to pass as it is; nothing need be asked"
_WHY: Final = {
    **{
        (state, ActionKind.RELEASE): _HISTORY_GIVEN
        for state in (State.RELEASED, State.VERIFIED, State.DISPUTED, State.STAYING)
    },
    **{(state, ActionKind.DECLINE): _DECLINED_ALREADY for state in (State.DECLINED, State.DISPUTED)},
    **{(state, ActionKind.ASK): _PASSES_ANYHOW for state in (State.NOTICED, State.RELEASED, State.VERIFIED)},
    (
        State.STAYING,
        ActionKind.ACCEPT,
    ): "the old area keeps the case while the child only stays there: it asks first, or the new one declines",
}
"""Of an action that does not fit a state, where there is more to say than that."""


def _why_not(handover: Handover, action: ActionKind) -> str:
    state = handover.state
    if action is ActionKind.VERIFY and not handover.released and state in OPEN | {State.CLOSED}:
        return "the old area has not released the history yet"
    if action is ActionKind.BREAK_GLASS and state in OPEN | {State.CLOSED}:
        return _why_no_glass(handover)
    if action is ActionKind.RETURN_OR_RETAIN:
        return "nothing was given that could be returned, or it is decided already"
    match state:
        case State.CLOSED:
            return "the handover is closed; nothing more can be done in it"
        case State.WITHDRAWN:
            return "the old area has withdrawn the handover"
        case State.SUPERSEDED:
            return "the child has moved on and another area has taken the case"
        case State.ACCEPTED:
            return f"the new area has accepted the child already; {action.value} comes too late"
        case State.PROVISIONAL:
            return "the new area has accepted; the old one can release the history or contest that"
        case State.DISPUTED if handover.contested:
            return "the old area contests the acceptance: it releases or withdraws, or the new one declines"
        case _:
            plain = f"{action.value} does not fit a handover that is {state.value}"
            return _WHY.get((state, action), plain)
