"""A child or a family changes place: known, withheld, housed elsewhere, placed elsewhere."""

from datetime import date
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose, Wire
from schemas.codes.care import EpisodeReason, LegalStatus, PlacementKind, PlacementProvider
from schemas.codes.cases import Answer, LiveStatus, MoveKind, MoveReason
from schemas.codes.sharing import Basis, Sensitivity
from schemas.events.base import Details, Event, Movement, Residence, broken
from schemas.events.parts import HouseholdMember, Professional, movement_between
from schemas.ids import GssCode, Urn
from schemas.wire import Urgency

_AT_ONCE = frozenset({LiveStatus.CHILD_PROTECTION_PLAN, LiveStatus.SECTION_47, LiveStatus.PROTECTION_ORDER})


class MoveNotifiedDetails(Details):
    """From where to where, for how long, and since when it is known."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1
    location_fields: ClassVar[tuple[str, ...]] = ("from_place", "to_place")

    from_area: GssCode | None = None
    to_area: GssCode | None = None
    from_place: Residence | None = None
    to_place: Residence | None = None
    destination_unknown: bool = False
    """True: asked and not known. A move without any destination must say so."""
    kind: MoveKind = MoveKind.UNKNOWN
    reason: MoveReason = MoveReason.UNKNOWN
    planned: Answer = Answer.UNKNOWN
    known_at: AwareDatetime
    """When the author learned of it; the first of the six timestamps."""
    moved_on: Date | None = None
    expected_until: Date | None = None
    live: tuple[LiveStatus, ...] = Field(default=(), max_length=20)
    """What is live for the child as far as the author knows."""
    household: tuple[HouseholdMember, ...] = Field(default=(), max_length=60)
    remaining_agencies: tuple[Professional, ...] = Field(default=(), max_length=60)
    """Who stays involved after the move [P-TEE2]."""

    @model_validator(mode="after")
    def _destination(self) -> Self:
        place = self.to_place
        known = bool(self.to_area or (place and (place.postcode or place.gss or place.address)))
        if known == self.destination_unknown:
            raise broken(
                "destination",
                "must say where to, or that it is unknown, and not both",
                "Give 'to_area' or 'to_place', or set 'destination_unknown' to true.",
            )
        return self

    def how_urgent(self) -> Urgency:
        """At once for a child on a protection plan, in a section 47 enquiry or under a protection order [P-NOT]."""
        return Urgency.U0 if _AT_ONCE.intersection(self.live) else self.usual_urgency

    def moves(self) -> Movement | None:
        """Both ends as far as known."""
        return movement_between(self.from_area, self.from_place, self.to_area, self.to_place)


class MoveNotified(Event):
    """A child has moved, or is about to: anyone who learns of it says so [P-DOR1][P-NOT]."""

    type: Literal["move.notified"] = "move.notified"
    details: MoveNotifiedDetails


class DestinationWithheldDetails(Details):
    """A family has moved and its new place is to stay hidden from the old side."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0
    location_fields: ClassVar[tuple[str, ...]] = ("to_area", "to_place")

    from_area: GssCode | None = None
    """None: the source does not say, or its postcode lies in no known area."""
    to_area: GssCode | None = None
    """For the router and the new side only."""
    to_place: Residence | None = None
    known_at: AwareDatetime
    authority: Line
    """Who decided that it is withheld, by role."""
    because: Prose | None = None
    live: tuple[LiveStatus, ...] = Field(default=(), max_length=20)
    household: tuple[HouseholdMember, ...] = Field(default=(), max_length=60)

    def moves(self) -> Movement | None:
        """Both ends, marked as withheld."""
        return movement_between(self.from_area, None, self.to_area, self.to_place, withheld=True)


class DestinationWithheld(Event):
    """A family has moved and must stay hidden from the old area."""

    type: Literal["move.destination_withheld"] = "move.destination_withheld"
    details: DestinationWithheldDetails

    @model_validator(mode="after")
    def _is_sensitive(self) -> Self:
        if self.sensitivity is not Sensitivity.SENSITIVE:
            raise broken("sensitivity", "must be sensitive", "Set 'sensitivity' to 'sensitive'.")
        return self


class OutOfAreaPlacementDetails(Details):
    """A looked-after child placed in another authority's area [REG13][SI3239]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1
    location_fields: ClassVar[tuple[str, ...]] = ("to_place",)

    from_area: GssCode
    """The placing authority."""
    to_area: GssCode
    to_place: Residence | None = None
    legal_status: LegalStatus
    placement: PlacementKind
    provider: PlacementProvider | None = None
    episode_reason: EpisodeReason | None = None
    school: Urn | None = None
    starts: Date
    expected_until: Date | None = None
    emergency: bool = False
    """Placed before notice could be given: five working days [REG13]."""
    at_a_distance: bool = False
    """Neither in the area nor adjoining: director's approval, area consulted [SI3239]."""
    approved_by: Line | None = None
    care_plan_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    left_out_of_notice: Prose | None = None
    """Who was not told of the placement, and what harm telling them would risk [REG13]."""

    @model_validator(mode="after")
    def _distance_is_approved(self) -> Self:
        if self.at_a_distance and self.approved_by is None:
            raise broken(
                "approval",
                "is at a distance and not approved",
                "Say which director approved it in 'approved_by'.",
            )
        return self

    def moves(self) -> Movement | None:
        """From the placing area to the area placed in."""
        return movement_between(self.from_area, None, self.to_area, self.to_place)


class OutOfAreaPlacement(Event):
    """A looked-after child is placed in another area: each must be told in writing [REG13][SI3239]."""

    type: Literal["placement.out_of_area"] = "placement.out_of_area"
    details: OutOfAreaPlacementDetails


class HousingAgreement(Wire):
    """The family's agreement to tell health and other bodies, Housing Act s.213AA [CWSA11]."""

    agreed: bool
    on: Date | None = None
    details_given_on: Date | None = None
    """When the family said which practice and school are to be told."""
    by: Line | None = None


class TemporaryAccommodationDetails(Details):
    """A homeless household housed in another district [S208]."""

    location_fields: ClassVar[tuple[str, ...]] = ("to_place",)

    from_area: GssCode
    """The placing district or unitary (E07 or E06, E08, E09)."""
    to_area: GssCode
    """The host district or unitary."""
    to_place: Residence | None = None
    function: Line
    """The housing duty or power it is placed under."""
    available_from: Date
    """Fourteen days beginning with this day are left to give the s.208 notice."""
    applicant_ref: LocalRef | None = None
    others_in_household: int = Field(ge=0, le=60)
    agreement: HousingAgreement | None = None

    @property
    def agreement_counts_from(self) -> date:
        """The latest of placement, agreement and details given: fourteen days begin with it [CWSA11]."""
        given = self.agreement
        days = [self.available_from, *([] if given is None else [given.on, given.details_given_on])]
        return max(day for day in days if day is not None)

    def moves(self) -> Movement | None:
        """From the placing to the host district."""
        return movement_between(self.from_area, None, self.to_area, self.to_place)


class TemporaryAccommodation(Event):
    """A homeless household with a child is placed in another district [S208][CWSA11]."""

    type: Literal["temp_accommodation.placed"] = "temp_accommodation.placed"
    details: TemporaryAccommodationDetails

    @model_validator(mode="after")
    def _agreement_is_the_footing(self) -> Self:
        agreement = self.details.agreement
        if self.basis is Basis.HOUSING_AGREEMENT_213AA and (agreement is None or not agreement.agreed):
            raise broken(
                "no-agreement",
                "rests on an agreement that the family has not given",
                "Record the agreement, or share on another basis and say why in 'advice_from' or the event's own words.",
            )
        return self
