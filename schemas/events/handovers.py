"""A case passes from one area or service to another: asked for, sent, taken on, or not."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose, Wire
from schemas.codes.cases import ClockStart, DeclineReason, HandoverKind, PlanKind, ReturnOrRetain
from schemas.codes.cin import ClosureReason
from schemas.codes.members import MemberKind
from schemas.events.base import AdultStatement, Details, Event, Movement, broken
from schemas.events.parts import AdultsInContact, HouseholdMember, Professional, Voice
from schemas.ids import EventId, GssCode
from schemas.wire import Urgency


class FromArea(Details):
    """What every word of the area that was left shares: which area that is."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    from_area: GssCode
    handover_ref: LocalRef | None = None
    """The router's reference of the handover, where one is open."""


class BetweenAreas(FromArea):
    """What all of these share: from which area to which. Both are routing facts."""

    to_area: GssCode

    def moves(self) -> Movement | None:
        """The two areas."""
        return Movement(from_area=self.from_area, to_area=self.to_area)


class Timestamps(Wire):
    """The six moments that areas count from; all are kept, none is derived from another."""

    move_known_at: AwareDatetime | None = None
    notified_at: AwareDatetime | None = None
    written_pack_received_at: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    permanence_agreed_at: AwareDatetime | None = None
    responsibility_accepted_at: AwareDatetime | None = None


class PackItem(Wire):
    """One paper of the pack that accompanies a request [P-NFK2][P-TEE2]."""

    title: Line
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    event: EventId | None = None
    """The event whose attachment it is, where it travels through Handrail."""


class Household(Wire):
    """A family that moves together. Each child is asked for, and accepted, by itself."""

    ref: str = Field(pattern=r"^[0-9a-f]{32}$")
    """Chosen at random by the old area's front door; means nothing elsewhere, and the router never sees it."""
    people: tuple[HouseholdMember, ...] = Field(min_length=1, max_length=60)
    """Those who move, and those left behind."""
    adults_in_contact: AdultsInContact


class TransferRequestedDetails(BetweenAreas):
    """The old area asks the new one to take over a plan."""

    plan: PlanKind
    plan_ref: LocalRef | None = None
    kind: HandoverKind = HandoverKind.PERMANENT
    by: Professional | None = None
    """Who asks. None: the sharing policy, on the ground of the area's own signed event."""
    closure_reason: ClosureReason | None = None
    """RC5 where the case is to close here."""
    timestamps: Timestamps = Timestamps()
    pack: tuple[PackItem, ...] = Field(default=(), max_length=100)
    missing_from_pack: tuple[Line, ...] = Field(default=(), max_length=40)
    """Papers not there yet: a named gap, not a pause of any clock."""
    housing_rationale: Prose | None = None
    effect_on_risk: Prose | None = None
    """What the move does to the risk."""
    household: Household | None = None
    """Whom the child moves with, and who stays."""
    staying_involved: tuple[Professional, ...] = Field(default=(), max_length=60)
    expected_there: tuple[Line, ...] = Field(default=(), max_length=60)


class TransferRequested(Event):
    """The old area asks the new one to take over a plan."""

    type: Literal["transfer.requested"] = "transfer.requested"
    details: TransferRequestedDetails


class TransferAcceptedDetails(BetweenAreas):
    """The new area takes the plan on; the old plan stays until its conference has been held [P-MK]."""

    plan: PlanKind
    by: Professional
    accepted_on: Date
    clock_start: ClockStart
    conference_on: Date | None = None


class TransferAccepted(Event):
    """The new area accepts the transfer of a plan."""

    type: Literal["transfer.accepted"] = "transfer.accepted"
    details: TransferAcceptedDetails


class DeclinedDetails(BetweenAreas):
    """Not taken on, with the reason. The safety duty is not declined with it."""

    by: Professional
    reason: DeclineReason
    because: Prose
    what_is_needed: Prose | None = None
    """What the other side would have to send or do."""


class TransferRefused(Event):
    """The new area refuses the transfer of a plan, with a reason."""

    type: Literal["transfer.refused"] = "transfer.refused"
    details: DeclinedDetails


class ResponsibilityAcceptedDetails(BetweenAreas):
    """The written confirmation that ends the old area's part [P-MK]."""

    effective_at: AwareDatetime
    handing_over: Professional
    """The manager on the old side."""
    taking_on: Professional
    """The manager on the new side."""
    conference_held_on: Date | None = None


class ResponsibilityAccepted(Event):
    """The new area confirms in writing that it is responsible."""

    type: Literal["responsibility.accepted"] = "responsibility.accepted"
    details: ResponsibilityAcceptedDetails


class ChronologyLine(Wire):
    """One line of a chronology: when, what, who says so."""

    on: Date
    what: Prose
    source: Line
    event: EventId | None = None


class HandoverBundleDetails(BetweenAreas):
    """One agency's part of the history that goes with a child."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2

    agency: MemberKind
    events: tuple[EventId, ...] = Field(default=(), max_length=10_000)
    """The original events that belong to it, in order."""
    chronology: tuple[ChronologyLine, ...] = Field(default=(), max_length=5_000)
    family: tuple[AdultStatement, ...] = Field(default=(), max_length=200)
    """The family tree in statements, each with its standing."""
    adults_in_contact: AdultsInContact
    latest_assessment: EventId | None = None
    voice: Voice
    gaps: tuple[Line, ...] = Field(default=(), max_length=40)
    """What is known to be missing, by name."""


class HandoverBundle(Event):
    """An agency's history of the child, for its counterpart in the new area [P-NFK2]."""

    type: Literal["handover.bundle"] = "handover.bundle"
    details: HandoverBundleDetails


class HandoverReleasedDetails(FromArea):
    """A person of the old area lets the history go: to an area, or to whoever has the child where that is withheld."""

    to_area: GssCode | None = None
    """None: the destination is withheld from this area; protection endorsers vouch for the keys that it goes to."""
    to_whoever_has_the_child: bool = False
    by: Professional
    kind: HandoverKind = HandoverKind.PERMANENT
    up_to: AwareDatetime | None = None
    """The history until this moment; None: all of it."""
    held_back: tuple[EventId, ...] = Field(default=(), max_length=1_000)
    held_back_because: Prose | None = None
    pre_authorised: bool = False
    """The policy lets it go for this kind of plan and evidence; no person of the old area had to."""

    def moves(self) -> Movement | None:
        """The two areas, as far as this one may know them."""
        return Movement(from_area=self.from_area, to_area=self.to_area)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if (self.to_area is None) != self.to_whoever_has_the_child:
            raise broken(
                "destination",
                "must name the new area, or say that it goes to whoever has the child, and not both",
                "Give 'to_area', or set 'to_whoever_has_the_child' to true.",
            )
        return self

    @model_validator(mode="after")
    def _holding_back_has_a_reason(self) -> Self:
        if self.held_back and self.held_back_because is None:
            raise broken("held-back", "holds events back without a reason", "Say why in 'held_back_because'.")
        return self


class HandoverReleased(Event):
    """A person of the old area releases the child's history to the new one."""

    type: Literal["handover.released"] = "handover.released"
    details: HandoverReleasedDetails


class HandoverVerifiedDetails(BetweenAreas):
    """The new area's gateway has the whole history and has checked every signature in it."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2

    events: int = Field(ge=0, le=1_000_000)
    """How many events the history holds."""
    verified_at: AwareDatetime


class HandoverVerified(Event):
    """The history is whole at the new area: said by its gateway, not by a person."""

    type: Literal["handover.verified"] = "handover.verified"
    details: HandoverVerifiedDetails


class HandoverAcceptedDetails(BetweenAreas):
    """A person of the new area takes the child's case on."""

    by: Professional
    effective_at: AwareDatetime
    without_bundle: bool = False
    """Accepted before the history came: the gap stays named and clocked."""
    clock_start: ClockStart | None = None


class HandoverAccepted(Event):
    """The new area accepts the handover: case holder from here on."""

    type: Literal["handover.accepted"] = "handover.accepted"
    details: HandoverAcceptedDetails


class HandoverDeclined(Event):
    """The new area declines the handover, with a reason; the safety duty stays where the child is."""

    type: Literal["handover.declined"] = "handover.declined"
    details: DeclinedDetails


class HandoverReasonDetails(BetweenAreas):
    """Who, and why."""

    by: Professional
    because: Prose


class HandoverWithdrawn(Event):
    """The old area takes its handover back."""

    type: Literal["handover.withdrawn"] = "handover.withdrawn"
    details: HandoverReasonDetails


class HandoverContested(Event):
    """The old area contests an acceptance that came without its confirmation."""

    type: Literal["handover.contested"] = "handover.contested"
    details: HandoverReasonDetails


class HandoverClosedDetails(BetweenAreas):
    """The old area closes its side once the new one is responsible."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2

    by: Professional
    closed_on: Date
    closure_reason: ClosureReason | None = None
    conference_held_on: Date | None = None


class HandoverClosed(Event):
    """The handover is complete and closed by a person, never by time alone."""

    type: Literal["handover.closed"] = "handover.closed"
    details: HandoverClosedDetails


class ReturnOrRetainDetails(BetweenAreas):
    """What becomes of a history that was read for a stay that did not last."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2

    decision: ReturnOrRetain
    because: Prose
    by: Professional
    review_on: Date | None = None


class ReturnOrRetainDecided(Event):
    """The area that read a history decides to return or to retain it, with a reason."""

    type: Literal["return_or_retain.decided"] = "return_or_retain.decided"
    details: ReturnOrRetainDetails
