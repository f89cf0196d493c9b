"""Who is to be told now: rungs by the clock, contacts by the hour. Pure; the ladder is the policy's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final, Literal, TypeAlias

from broker.calendars import LONDON, day_of, is_working_day
from schemas.calendars import Division
from schemas.deadlines import CLOCK_OF, RUNGS, LadderRule, Rung
from schemas.members import DutyContact
from schemas.policy import Policy

Hours: TypeAlias = Literal["day", "night", "holiday"]

_DAY_BEGINS: Final = time(8, 30)
_DAY_ENDS: Final = time(17, 30)
_MINUTE_MS: Final = 60_000
_ELSEWHERE: Final[Mapping[Hours, tuple[Hours, ...]]] = {
    "day": ("day", "night", "holiday"),
    "night": ("night", "holiday", "day"),
    "holiday": ("holiday", "night", "day"),
}
"""Where to look for a contact when the hour has none on any rung: an emergency duty team before an empty office."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something that a member owes and has not done."""

    about: bytes
    kind: str
    due_ms: int
    urgent: bool
    ladder: LadderRule
    told: frozenset[str] = frozenset()
    """Rungs that somebody else has told already."""
    seen_ms: int | None = None
    """When a person acknowledged it elsewhere."""
    private: bool = False
    """Kept by a gateway for itself: the router does not know of it, and is told nothing."""


def hours_at(now: datetime, division: Division) -> Hours:
    """Which duty it is for people: office hours of a working day, its night, or a weekend or bank holiday."""
    if not is_working_day(day_of(now), division):
        return "holiday"
    return "day" if _DAY_BEGINS <= now.astimezone(LONDON).time() < _DAY_ENDS else "night"


def ladder_of(policy: Policy, kind: str) -> LadderRule:
    """The ladder for what is owed; for a kind that this policy does not know, the first that the policy has."""
    clock = policy.clock(CLOCK_OF.get(kind, kind))
    return policy.ladder(clock.ladder) if clock is not None else policy.ladders[0]


def rungs_due(owed: Obligation, acknowledged: Mapping[Rung, int], now_ms: int) -> tuple[Rung, ...]:
    """The rungs that must have been told by now, from the lowest; ``acknowledged``: when a rung said that it knows.

    An acknowledgement keeps the rungs above from being told for the ladder's time, and no longer.
    """
    found: list[Rung] = []
    held_until = 0
    for rung in owed.ladder.rungs:
        if now_ms < max(owed.due_ms + rung.minutes * _MINUTE_MS, held_until):
            break
        found.append(rung.rung)
        if rung.rung in acknowledged:
            held_until = acknowledged[rung.rung] + owed.ladder.held_minutes * _MINUTE_MS
    return tuple(found)


def whom(contacts: Sequence[DutyContact], rung: Rung, hours: Hours) -> DutyContact | None:
    """The contact of a rung at that hour; else of the next rung up that has one, then of one below, then of another hour.

    None only where the member has published no contact at all.
    """
    above, below = RUNGS[RUNGS.index(rung) :], RUNGS[: RUNGS.index(rung)][::-1]
    for hour in _ELSEWHERE[hours]:
        for wanted in (*above, *below):
            for contact in contacts:
                if (contact.rung, contact.hours) == (wanted, hour):
                    return contact
    return None
