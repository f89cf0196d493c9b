"""Where a child is, as a person has settled it: a place that is usual, a move that is none, nobody knows, seen and safe."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import Date, Line, LocalRef, Prose, Wire
from schemas.codes.cases import Answer
from schemas.events.base import Details, Event, Residence, broken
from schemas.events.parts import ChildsWords, Professional
from schemas.ids import EventId, GssCode, MemberId
from schemas.wire import Urgency


class WhereaboutsRecordedDetails(Details):
    """What a person decided about a possible move, and on what it rested."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2
    location_fields: ClassVar[tuple[str, ...]] = ("place",)

    outcome: Literal["moved", "not_moved", "usual_place"]
    area: GssCode
    """The area that the contact was in."""
    place: Residence | None = None
    rule: Line
    """Which rule had raised it; a rule that is seldom acted on is told less loudly."""
    rests_on: tuple[EventId, ...] = Field(default=(), max_length=100)
    because: Prose
    by: Professional


class WhereaboutsRecorded(Event):
    """A person has settled a possible move: it is one, it is none, or the place is a usual one."""

    type: Literal["whereabouts.recorded"] = "whereabouts.recorded"
    details: WhereaboutsRecordedDetails


class WhereaboutsUnknownDetails(Details):
    """Nobody knows where the child is: a state with an owner and a clock, not a hole [P-DOR1]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    since: Date
    tried: tuple[Line, ...] = Field(min_length=1, max_length=60)
    """What was done to find out."""
    next_step: Line
    owner: Professional
    """Who goes on asking."""


class WhereaboutsUnknown(Event):
    """The case holder does not know where the child is, and keeps the case, visibly."""

    type: Literal["whereabouts.unknown"] = "whereabouts.unknown"
    details: WhereaboutsUnknownDetails


class MissingFoundDetails(Details):
    """A person of the area where a missing child was seen decides what those who raised it hear."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    safe_and_well: Answer
    seen_by_professional: Answer = Answer.UNKNOWN
    rests_on: EventId | None = None
    """The sighting."""
    because: Prose
    by: Professional

    @model_validator(mode="after")
    def _a_person_by_name(self) -> Self:
        if self.by.name is None:
            raise broken("named-person", "must be decided by a person by name", "Give 'by.name'.")
        return self


class MissingFound(Event):
    """A missing child was seen: the raiser hears that, and whether it is safe, never where."""

    type: Literal["missing.found"] = "missing.found"
    details: MissingFoundDetails


class EncompassDetails(Details):
    """What a school needs before its next day, of an incident that the desk was told of [OE-GOV][OE-HCR]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    to_member: MemberId
    """The school, by the desk's own roll."""
    rests_on: EventId
    incident_on: Date
    police_ref: LocalRef | None = None
    children_present: Answer
    circumstances: Prose
    childs_words: ChildsWords | None = None

    def addressed_to(self) -> MemberId | None:
        """The school."""
        return self.to_member


class EncompassPassedOn(Event):
    """The area's education desk has looked up its own roll and tells the school of a domestic abuse incident."""

    type: Literal["encompass.passed_on"] = "encompass.passed_on"
    details: EncompassDetails


class SentItem(Wire):
    """One paper or file that went to a counterpart."""

    title: Line
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    event: EventId | None = None
    """Where it travels through Handrail."""


class CounterpartSentDetails(Details):
    """An agency of the old area has sent its own record to the one that takes over [KCSIE-BR][CTF8][RCGP]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2

    to_member: MemberId
    what: Literal[
        "protection_file",
        "common_transfer_file",
        "health_record",
        "practice_record",
        "youth_justice_record",
        "placement_form",
        "housing_notice",
        "early_help_record",
    ]
    items: tuple[SentItem, ...] = Field(min_length=1, max_length=200)
    contact: Professional
    """Whom to ring."""
    summary: Prose | None = None

    def addressed_to(self) -> MemberId | None:
        """The counterpart; its receipt is the receipt that the rules ask for."""
        return self.to_member


class CounterpartSent(Event):
    """An agency's record has gone to its counterpart in the new area."""

    type: Literal["counterpart.sent"] = "counterpart.sent"
    details: CounterpartSentDetails
