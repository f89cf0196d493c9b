"""What is owed, by whom, from which moment and until when, as data: the policy's clocks and its ladders.

A clock starts with a fact that the router has seen, or with an event of a type, at the router's commit of it. Where
law or guidance counts from a date that the event itself names, ``counted_from`` says which.
"""

from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import Field as Of
from pydantic import SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Date, Line, Wire
from schemas.codes.cases import PlanKind
from schemas.codes.members import MemberKind
from schemas.rules import AreaRole, ClockUnit

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Condition = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)*!?=[a-z0-9_]+$", max_length=100)]
"""A field of an event's details and what it says, ``emergency=true``, or does not, ``emergency!=true``.

A dot leads into a field of several; a field that was left out says ``none``.
"""
Rung: TypeAlias = Literal["worker", "team_manager", "service_manager", "head_of_service"]
RUNGS: Final[tuple[Rung, ...]] = ("worker", "team_manager", "service_manager", "head_of_service")
"""From the person on duty upwards."""
SEEN: Final = "seen"
"""Stands in place of a rung: a person has acknowledged what was told. Whoever goes up the ladder holds still for a while."""


class Moment(StrEnum):
    """The six moments that are kept for every handover, each as the router saw it."""

    MOVE_KNOWN = "move_known"
    NOTIFIED = "notified"
    WRITTEN_PACK_RECEIVED = "written_pack_received"
    ACCEPTED = "accepted"
    PERMANENCE_AGREED = "permanence_agreed"
    RESPONSIBILITY_ACCEPTED = "responsibility_accepted"


class Fact(StrEnum):
    """Other facts that the router sees and a clock may start from."""

    HANDED_ON = "handed_on"
    """Another area took the case meanwhile."""
    DECLINED = "declined"
    ASKED_AGAIN = "asked_again"
    ORDERED = "ordered"
    REFUSED = "refused"
    DISPUTED = "disputed"
    NOT_PASSED = "not_passed"
    """A history was let go for a case that then did not pass."""
    TEMPORARY = "temporary"
    """The new area has said that the stay is temporary."""
    HIDDEN = "hidden"
    """A marker came: the child must not be found by the side that was left."""
    PREFILLED = "prefilled"
    """An urgent event goes out with the policy's purpose or basis, since its author gave none. Its own gateway sees it."""


FACTS: Final = frozenset({*Moment, *Fact})
START_WORDS: Final[dict[str, str]] = {
    Moment.MOVE_KNOWN: "the move being known",
    Moment.NOTIFIED: "being notified",
    Moment.WRITTEN_PACK_RECEIVED: "the written papers being received",
    Moment.ACCEPTED: "the referral being accepted",
    Moment.PERMANENCE_AGREED: "the move being agreed as permanent",
    Moment.RESPONSIBILITY_ACCEPTED: "responsibility being accepted",
    Fact.HANDED_ON: "the case being handed on",
    Fact.DECLINED: "a decline",
    Fact.ASKED_AGAIN: "being asked again",
    Fact.ORDERED: "the order",
    Fact.REFUSED: "the refusal",
    Fact.DISPUTED: "the dispute",
    Fact.NOT_PASSED: "the case not passing",
    Fact.TEMPORARY: "the stay being called temporary",
    Fact.HIDDEN: "a marker of danger",
    Fact.PREFILLED: "the policy giving an urgent purpose",
}
"""Keyed by the words of the data too: both enumerations are texts."""

_LATER: Final = frozenset(
    {
        "met_when_opened_by",
        "when",
        "not_observed",
        "met_when",
        "on_plan",
        "of_author",
        "each_involved",
        "met_by_correction",
        "met_at",
        "over_by",
        "unless",
        "once",
    }
)
_SHORT: Final = 78
"""Characters of a rule in a handover's view, which has room for what is missing beside it."""
_LONG: Final = 150


class ClockRule(Wire):
    """One thing owed, and the limit after which it goes to the next person up."""

    key: Key
    owed: Line
    """What must be done, in words for people."""
    by: MemberKind
    side: AreaRole
    """Of which area."""
    to: Line
    """Towards whom."""
    starts: tuple[Line, ...] = Of(min_length=1)
    """Facts, or types of event."""
    met_by: tuple[Line, ...] = ()
    """Types of event that meet it. None: the router sees it met, or a person says so."""
    met_when_opened_by: tuple[MemberKind, ...] = ()
    """Kinds of reader: the starting event is itself what is owed, and one of these has opened it."""
    when: tuple[Condition, ...] = ()
    """What the starting event's details must say for it to start: ``name=value``; all of them."""
    met_when: tuple[Condition, ...] = ()
    """What an event that meets or ends it must say; of a type without that field, nothing."""
    met_at: Line | None = None
    """The moment in what meets it at which it was done; an event that does not name it meets nothing. None: when it is said."""
    over_by: tuple[Line, ...] = ()
    """Types of event after which nobody owes it any more, done or not. One of a handover then outlives its being closed."""
    unless: tuple[Line, ...] = ()
    """Types of event: it does not start once the first has been said of the child, until one of the others is."""
    once: bool = False
    """One at a time for a child: it does not start while it is owed still."""
    met_by_correction: bool = False
    """Met by nothing but its author's event that supersedes the one that started it."""
    on_plan: PlanKind | None = None
    """Starts only where the keeper's own record has such a plan of the child's, and it is not closed."""
    of_author: bool = False
    """Whoever says what starts it owes it, of whatever kind; ``by`` is who that mostly is."""
    each_involved: bool = False
    """Each of that kind in that area whom the event has reached owes it for itself, and nobody else keeps it for them."""
    not_observed: Line | None = None
    """Why nothing here can start it; then a person keeps it elsewhere. None: it is started by what is seen."""
    counted_from: Line | None = None
    """The date in the starting event's details from which law or guidance counts. None: the router's commit."""
    amount: int
    """Weeks and calendar days may count back from a date that the event names; none is the day itself."""
    unit: ClockUnit
    before_school: bool = False
    """Due at half past eight in the morning of the day, not at its end."""
    times: int = Of(default=1, ge=1, le=60)
    """So often in a row."""
    local: bool = False
    """A practice of some areas: an area switches it on for itself."""
    ladder: Key
    in_force_from: Date | None = None
    in_force_until: Date | None = None
    """The last day."""
    awaiting_commencement: bool = False
    source: tuple[Line, ...] = Of(min_length=1)
    """Keys of the list of sources; ``ours``: what the design adds."""

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        backwards = self.unit in {ClockUnit.WEEKS, ClockUnit.CALENDAR_DAYS} and self.counted_from is not None
        least = 0 if self.unit in {ClockUnit.WORKING_DAYS, ClockUnit.SCHOOL_DAYS} else 1
        if self.amount < least and not backwards:
            raise PydanticCustomError("amount", "counts backwards, or nothing")
        if self.in_force_from and self.in_force_until and self.in_force_from > self.in_force_until:
            raise PydanticCustomError("in-force", "ends before it is in force")
        if self.before_school and self.unit is not ClockUnit.SCHOOL_DAYS:
            raise PydanticCustomError("before-school", "is due before school on a day that is no school day")
        most = _LONG if FACTS.isdisjoint(self.starts) else _SHORT
        if len(self.reason) > most:
            raise PydanticCustomError("reason", "has a reason that is too long to stand beside a due date")
        return self

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what this rule does not say: directories that were signed before these fields stay what they are."""
        document: dict[str, Any] = handler(self)
        return {name: value for name, value in document.items() if value or name not in _LATER}

    def in_force(self, on: date) -> bool:
        """Whether it counts for what starts that day."""
        return (
            not self.awaiting_commencement
            and (self.in_force_from is None or self.in_force_from <= on)
            and (self.in_force_until is None or on <= self.in_force_until)
        )

    @property
    def limit(self) -> str:
        """How long, in words."""
        return limit_words(self.amount, self.unit, before_school=self.before_school)

    @property
    def reason(self) -> str:
        """The rule as both sides read it beside the due date."""
        starts = " or ".join(_start_words(start) for start in self.starts)
        when = f"{starts} ({self.counted_from.replace('_', ' ')})" if self.counted_from else starts
        how = "of" if self.amount == 0 else "from"
        if self.unit is ClockUnit.CALENDAR_DAYS_INCLUSIVE:
            how = "with the day of"
        return f"{self.limit} {how} {when} {cited(self.source)}"


CLOCK_OF: Final = {
    "release": "release",
    "grants": "grant",
    "acceptance": "accept",
    "conference": "conference",
    "conference-local": "conference",
    "response": "respond",
}
"""The clock whose ladder counts for what the router says is owed. Other kinds are keys of clocks themselves."""


class RungRule(Wire):
    """From when on a rung is told."""

    rung: Rung
    minutes: int
    """After the due time; negative: before it."""


class LadderRule(Wire):
    """Who is told of something owed, and from when on."""

    name: Key
    rungs: tuple[RungRule, ...] = Of(min_length=1)
    urgent: bool = False
    """Its notices are not paced: each goes at once."""
    held_minutes: int = Of(ge=0)
    """How long an acknowledgement keeps the next rung from being told."""

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        order = [RUNGS.index(rung.rung) for rung in self.rungs]
        times = [rung.minutes for rung in self.rungs]
        if order != sorted(set(order)) or times != sorted(times):
            raise PydanticCustomError("ladder", "does not go up rung by rung")
        if self.rungs[-1].rung != RUNGS[-1]:
            raise PydanticCustomError("ladder", "does not reach the head of service")
        return self


def overlap(versions: "list[ClockRule]") -> bool:
    """Whether two of these versions of one clock are in force on the same day."""
    spans = sorted((one.in_force_from or date.min, one.in_force_until or date.max) for one in versions)
    return any(later[0] <= earlier[1] for earlier, later in pairwise(spans))


def cited(source: tuple[str, ...]) -> str:
    """Sources as they are shown: ``[P-NOT][P-MK]``, or that the rule is our own."""
    keys = "".join(f"[{key}]" for key in source if key != "ours")
    return keys or "(policy default)"


def limit_words(amount: int, unit: ClockUnit, *, before_school: bool = False) -> str:
    """A limit in words: ``15 working days``, ``the same working day``."""
    if before_school:
        return "before the next school day" if amount == 1 else f"before school, {amount} school days"
    if unit is ClockUnit.WORKING_DAYS and amount == 0:
        return "the same working day"
    if unit is ClockUnit.CALENDAR_DAYS_INCLUSIVE:
        return f"{amount} days beginning"
    if unit is ClockUnit.SECONDS and amount % 60 == 0:
        return _counted(amount // 60, "minute")
    if amount < 0:
        return f"{_counted(-amount, unit.value.replace('_', ' ').removesuffix('s'))} before, counted"
    if amount == 0:
        return "the same day"
    return _counted(amount, unit.value.replace("_", " ").removesuffix("s"))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _start_words(start: str) -> str:
    return START_WORDS.get(start, f"`{start}`")
