"""Police and domestic abuse: incidents, adults who pose a risk, MARAC, missing children and families."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose
from schemas.codes.care import MissingKind
from schemas.codes.cases import Answer, DashBand, LiveStatus
from schemas.events.base import AdultStatement, Details, Event, MatterFact, Movement, Residence, broken
from schemas.events.parts import ChildsWords, Professional
from schemas.ids import EventId, GssCode
from schemas.wire import MatterEffect, Urgency

_MEDIUM, _HIGH = 10, 14


def dash_band(score: int) -> DashBand:
    """The band of a DASH score: 0-9 standard, 10-13 medium, 14 and more high [DASH]."""
    if score >= _HIGH:
        return DashBand.HIGH
    return DashBand.MEDIUM if score >= _MEDIUM else DashBand.STANDARD


class AdultRiskDetails(Details):
    """An adult who is or was near the child poses a risk."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    adult: AdultStatement
    nature: Literal["violence", "sexual", "exploitation", "coercion", "other"]
    conditions: tuple[Line, ...] = Field(default=(), max_length=40)
    """Orders, licence or bail conditions in force."""
    expires_on: Date | None = None
    disclosure_decided_by: Professional
    """Police or probation decide on disclosure."""


class AdultRiskDisclosed(Event):
    """Police or probation disclose that an adult poses a risk to the child."""

    type: Literal["adult_risk.disclosed"] = "adult_risk.disclosed"
    details: AdultRiskDetails


class DomesticAbuseDetails(Details):
    """An incident to which the police were called; the school hears before the next school day [OE-GOV][OE-HCR]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    police_ref: LocalRef
    incident_at: AwareDatetime
    place: Line | None = None
    children_present: Answer
    childs_words: ChildsWords | None = None
    relation_to_victim: Line | None = None
    circumstances: Prose
    dash_score: int | None = Field(default=None, ge=0, le=40)
    dash_stated_band: DashBand | None = None
    """Where a professional put it higher or lower than the score."""

    @property
    def band(self) -> DashBand | None:
        """The stated band, else the score's; None where neither was given."""
        if self.dash_stated_band is not None:
            return self.dash_stated_band
        return None if self.dash_score is None else dash_band(self.dash_score)


class DomesticAbuseIncident(Event):
    """A domestic abuse incident in a child's home or family."""

    type: Literal["da.incident"] = "da.incident"
    details: DomesticAbuseDetails


class MaracListedDetails(Details):
    """A case goes to a multi-agency risk assessment conference [MARAC-F]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    marac_ref: LocalRef
    meets_on: Date | None = None
    score: int | None = Field(default=None, ge=0, le=40)
    victim_aware: Answer = Answer.UNKNOWN
    safe_contact: Line | None = None
    children_live_with: Line | None = None


class MaracListed(Event):
    """A case is listed for MARAC."""

    type: Literal["marac.listed"] = "marac.listed"
    details: MaracListedDetails


class MaracTransferredDetails(Details):
    """The victim moves; the new area's MARAC takes over [MARAC]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1
    location_fields: ClassVar[tuple[str, ...]] = ("to_area",)

    marac_ref: LocalRef
    from_area: GssCode
    to_area: GssCode | None = None
    minutes_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    next_meeting: Date | None = None

    def moves(self) -> Movement | None:
        """The two areas; the destination stays withheld until a person says otherwise."""
        return Movement(from_area=self.from_area, to_area=self.to_area, withheld=True)


class MaracTransferred(Event):
    """A MARAC case goes to another area's MARAC."""

    type: Literal["marac.transferred"] = "marac.transferred"
    details: MaracTransferredDetails


class MissingDetails(Details):
    """Somebody cannot be found. Only police and social care open a watch [P-CUM][P-DON]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    report_ref: LocalRef
    """The author's reference; the end of the report repeats it."""
    kind: MissingKind = MissingKind.MISSING
    last_seen_at: AwareDatetime | None = None
    last_seen_where: Prose | None = None
    risk: Literal["low", "medium", "high", "not_assessed"] = "not_assessed"
    live: tuple[LiveStatus, ...] = Field(default=(), max_length=20)
    alert_areas: tuple[GssCode, ...] = Field(default=(), max_length=60)
    """Areas that should look out."""
    tried: tuple[Line, ...] = Field(default=(), max_length=60)

    def bears_on(self) -> MatterFact:
        """Opens the report's matter."""
        return MatterFact(MatterEffect.OPEN, self.report_ref)


class MissingChild(Event):
    """A child is missing."""

    type: Literal["missing.child"] = "missing.child"
    details: MissingDetails


class MissingFamilyDetails(MissingDetails):
    """A family, or a pregnant woman, cannot be found."""

    pregnant: Answer = Answer.UNKNOWN
    others: int | None = Field(default=None, ge=0, le=60)


class MissingFamily(Event):
    """A family, or a pregnant woman about whose child there are concerns, is missing."""

    type: Literal["missing.family"] = "missing.family"
    details: MissingFamilyDetails


class MissingSightedDetails(Details):
    """Somebody who is being looked for was seen; a person in the finding area decides what the raiser hears."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0
    location_fields: ClassVar[tuple[str, ...]] = ("place",)

    seen_at: AwareDatetime
    place: Residence | None = None
    safe_and_well: Answer
    what: Prose | None = None
    rests_on: EventId | None = None


class MissingSighted(Event):
    """A missing child or family was seen."""

    type: Literal["missing.sighted"] = "missing.sighted"
    details: MissingSightedDetails


class MissingEndedDetails(Details):
    """The search is over: found, returned, or raised in error."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1
    location_fields: ClassVar[tuple[str, ...]] = ("found_place",)

    report_ref: LocalRef
    ended_at: AwareDatetime
    outcome: Literal["found", "returned", "raised_in_error", "died"]
    safe_and_well: Answer
    found_place: Residence | None = None
    tell_raiser: Literal["seen_safe", "area"] = "seen_safe"
    """What those who raised it hear; the area only by a person's decision."""
    return_interview_due: Date | None = None

    def bears_on(self) -> MatterFact:
        """Closes the report's matter."""
        return MatterFact(MatterEffect.CLOSE, self.report_ref)

    def moves(self) -> Movement | None:
        """Where the child was found, if somewhere is said; the safety duty is there."""
        if self.outcome != "found" or self.found_place is None:
            return None
        return Movement(
            to_area=self.found_place.gss,
            to_postcode=self.found_place.postcode,
            withheld=self.tell_raiser != "area",
        )


class MissingEnded(Event):
    """A missing child or family is found, or the report ends otherwise."""

    type: Literal["missing.ended"] = "missing.ended"
    details: MissingEndedDetails

    @model_validator(mode="after")
    def _sensitive_hides_the_area(self) -> Self:
        if self.sensitivity == "sensitive" and self.details.tell_raiser == "area":
            raise broken(
                "tell-raiser", "is sensitive and would tell the area", "Set 'tell_raiser' to 'seen_safe'."
            )
        return self
