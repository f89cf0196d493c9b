"""Who owes what, from which day and until when: a rule of the policy, an event, a directory. Pure.

Both the clocks that a gateway keeps and the lists that it shows rest on it, so that all sides reckon alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from broker.calendars import day_of
from broker.calendars.due import Due, DueDate, due_date
from broker.clock import from_ms, to_ms
from broker.store.gateway.clocks import ClockRow
from schemas.codes.members import MemberKind
from schemas.deadlines import ClockRule
from schemas.directory import Directory
from schemas.events.base import Event
from schemas.members import Member
from schemas.policy import ConcernedAreas
from schemas.rules import AreaRole


@dataclass(frozen=True, slots=True)
class Owes:
    """Who owes something: a member, or whoever it is in that area (``member`` is the area's code then)."""

    member: str
    area: str


def says(event: Event, conditions: tuple[str, ...]) -> bool:
    """Whether an event's details say all that a rule asks of them, each as ``name=value`` or ``name!=value``."""
    details: Any = event.model_dump(mode="json")["details"] if conditions else {}
    return all(_holds(details | _reckoned(event, one), one) for one in conditions)


def done(event: Event, rule: ClockRule, at_ms: int) -> int | None:
    """When what a clock asks for was done, as an event says that the router took then; None: it does not say so.

    Milliseconds since 1970. Nobody has done what is still to come.
    """
    if rule.met_at is None:
        return at_ms
    moment: datetime | None = getattr(event.details, rule.met_at, None)
    return None if moment is None else min(to_ms(moment), at_ms)


def meets(event: Event, rule: ClockRule) -> bool:
    """Whether an event of a type that meets a clock says what it must; a type without such a field says it so."""
    known = type(event.details).model_fields
    return says(event, tuple(one for one in rule.met_when if _field(one) in known))


def _reckoned(event: Event, condition: str) -> dict[str, Any]:
    """What a condition asks of the content that stands in no field, and is worked out of several."""
    name = _field(condition)
    worked_out = isinstance(getattr(type(event.details), name, None), property)
    return {name: getattr(event.details, name)} if worked_out else {}


def _field(condition: str) -> str:
    return condition.partition("=")[0].removesuffix("!").partition(".")[0]


def _holds(details: Any, condition: str) -> bool:
    path, _, wanted = condition.partition("=")
    found = details
    for name in path.removesuffix("!").split("."):
        found = found.get(name) if isinstance(found, dict) else None
    said = str(found).lower() if found is None or isinstance(found, bool) else str(found)
    return (said == wanted) is not path.endswith("!")


def counted_from(event: Event, rule: ClockRule) -> date | bool | None:
    """The day that law or guidance counts from; True: the router's commit; None: the event names no such day."""
    if rule.counted_from is None:
        return True
    found: date | None = getattr(event.details, rule.counted_from, None)
    return found


def who_owes(
    rule: ClockRule, author: Member, areas: ConcernedAreas, directory: Directory, at_ms: int
) -> Owes | None:
    """Whose it is by the rule's kind and side; None where the event does not name that area."""
    area = {
        AreaRole.FROM: areas.from_area,
        AreaRole.TO: areas.to_area,
        AreaRole.RESIDENCE: areas.residence or areas.acting,
    }.get(rule.side, areas.acting)
    if rule.of_author or (author.kind is rule.by and rule.side is not AreaRole.TO):
        return Owes(author.id, area or areas.acting)
    if area is None:
        return None
    on = day_of(from_ms(at_ms))
    if rule.by is MemberKind.SOCIAL_CARE:
        door = directory.front_door(area, on=on)
        return Owes(area if door is None else door.id, area)
    there = directory.members_serving(area, rule.by, on=on)
    return Owes(there[0].id if len(there) == 1 else area, area)


def own_part(rule: ClockRule, me: Member, areas: ConcernedAreas) -> Owes | None:
    """What an agency owes because it works with the child and this has reached it; None: it is another kind, or elsewhere.

    A move whose old place was not said, or not to us, is from the area that speaks of it, unless it is to one of ours.
    """
    area = areas.from_area
    if area is None and areas.to_area not in {None, *me.acting_areas}:
        area = areas.acting
    return Owes(me.id, area) if area is not None and me.kind is rule.by and area in me.acting_areas else None


def due_of(
    rule: ClockRule, start: date | datetime, start_ms: int, area: str, directory: Directory
) -> DueDate:
    """Until when an area has by a rule. What counts back to a day that is over when it begins is due at once."""
    due = due_date(rule, start, directory.area(area), gss=area)
    if rule.amount <= 0 and rule.counted_from is not None and isinstance(due, Due):
        return Due(max(due.at, from_ms(start_ms)), due.reason)
    return due


def rows_of(
    rule: ClockRule, about: bytes, owes: Owes, start: date | datetime, start_ms: int, directory: Directory
) -> Iterable[ClockRow]:
    """What is owed by a rule, once or as often as it says."""
    for number in range(1, rule.times + 1):
        times = rule if number == 1 else rule.model_copy(update={"amount": rule.amount * number})
        due = due_of(times, start, start_ms, owes.area, directory)
        due_ms = to_ms(due.at) if isinstance(due, Due) else None
        yield ClockRow(about, rule.key, number, owes.member, owes.area, start_ms, due_ms, due.reason)
