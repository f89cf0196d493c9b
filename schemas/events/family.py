"""The child's words, who lives in the home, and how far the family works with services."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, Prose
from schemas.codes.cases import Answer, EngagementLevel
from schemas.codes.cin import AssessmentFactor
from schemas.events.base import AdultStatement, Details, Event, broken
from schemas.events.parts import ChildsWords
from schemas.wire import Urgency


class VoiceRecordedDetails(Details):
    """What the child said."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    voice: ChildsWords
    child_seen_at: AwareDatetime | None = None
    """When whoever recorded it saw the child; nothing where it was heard otherwise."""
    observed: Prose | None = None
    """What a child too young for words showed."""


class VoiceRecorded(Event):
    """The child's own words."""

    type: Literal["voice.recorded"] = "voice.recorded"
    details: VoiceRecordedDetails


class HouseholdChangedDetails(Details):
    """Somebody joined or left the home, or has become a regular visitor [SCR-GEO][SCR-BF]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    change: Literal["joined", "left", "regular_visitor", "relationship_began", "relationship_ended"]
    since: Date | None = None
    adult: AdultStatement | None = None
    """What is said of the adult who joined or left; its standing with it."""
    child_relation: Line | None = None
    """Where the person is a child: the relation."""
    known_history: tuple[AdultStatement, ...] = Field(default=(), max_length=60)

    @model_validator(mode="after")
    def _somebody_changed(self) -> Self:
        if (self.adult is None) == (self.child_relation is None):
            raise broken(
                "who-changed",
                "must say which adult or which child it is about",
                "Give 'adult' or 'child_relation'.",
            )
        return self


class HouseholdChanged(Event):
    """The household around the child has changed."""

    type: Literal["household.changed"] = "household.changed"
    details: HouseholdChangedDetails


class EngagementChangedDetails(Details):
    """How far the family works with services now, and what shows it."""

    level: EngagementLevel
    service: Line
    evidence: Prose
    said_versus_done: Prose | None = None
    """Where what is said and what is done part."""


class EngagementChanged(Event):
    """A family's engagement has changed, with the evidence."""

    type: Literal["engagement.changed"] = "engagement.changed"
    details: EngagementChangedDetails


_SUBSTANCE = frozenset(code for code in AssessmentFactor if code[0] in "12" and len(code) == len("1A"))


class SubstanceConcernDetails(Details):
    """Alcohol or drugs: the child's own use, or that of somebody at home."""

    factor: AssessmentFactor
    adult: AdultStatement | None = None
    """Required where it is about an adult."""
    service_offered: Answer = Answer.UNKNOWN
    service_taken_up: Answer = Answer.UNKNOWN
    what: Prose | None = None

    @model_validator(mode="after")
    def _is_about_substances(self) -> Self:
        if self.factor not in _SUBSTANCE:
            raise broken("factor", "is not a factor of alcohol or drugs", "Use 1A, 1B, 1C, 2A, 2B or 2C.")
        if self.factor.about_an_adult and self.adult is None:
            raise broken("standing", "says something about an adult without its standing", "Give 'adult'.")
        return self


class SubstanceConcern(Event):
    """A concern about alcohol or drugs."""

    type: Literal["substance.concern"] = "substance.concern"
    details: SubstanceConcernDetails
