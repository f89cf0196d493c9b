"""Plans, conferences and the concerns and assessments that lead to them. Most open or close a matter."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose, Wire
from schemas.codes.cases import Answer, AssessmentKind, AssessmentOutcome, ConferenceKind, PlanKind
from schemas.codes.cin import AbuseCategory, AssessmentFactor, ClosureReason, PrimaryNeed, ReferralSource
from schemas.codes.sharing import Standing
from schemas.events.base import Details, Event, MatterFact, broken
from schemas.events.parts import Professional
from schemas.ids import EventId
from schemas.wire import MatterEffect, Urgency


class PlanDetails(Details):
    """A plan: its kind, its author's reference, who leads it, and the category then and now."""

    plan: PlanKind
    plan_ref: LocalRef
    """The author's reference of this plan; the same when it is changed and closed."""
    initial_category: AbuseCategory | None = None
    latest_category: AbuseCategory | None = None
    manager: Professional
    next_review: Date | None = None

    @model_validator(mode="after")
    def _both_categories(self) -> Self:
        """A protection plan keeps its first category beside the latest, so a changed one hides nothing [SCR-P]."""
        if self.plan is PlanKind.CHILD_PROTECTION and not (self.initial_category and self.latest_category):
            raise broken(
                "category",
                "is a protection plan without both categories",
                "Give 'initial_category' and 'latest_category'.",
            )
        return self


class PlanOpenedDetails(PlanDetails):
    """A plan begins."""

    started_on: Date
    previous_protection_plans: int | None = Field(default=None, ge=0, le=50)

    def bears_on(self) -> MatterFact:
        """Opens the plan's matter."""
        return MatterFact(MatterEffect.OPEN, self.plan_ref)


class PlanOpened(Event):
    """A plan begins."""

    type: Literal["plan.opened"] = "plan.opened"
    details: PlanOpenedDetails


class PlanChangedDetails(PlanDetails):
    """What is different now: category, manager, review, content."""

    changed_on: Date
    what: Prose
    category_risk_closed: Answer | None = None
    """Where the category changed: whether somebody confirmed that the first risk is over [SCR-P]."""


class PlanChanged(Event):
    """A plan changes category, manager or content."""

    type: Literal["plan.changed"] = "plan.changed"
    details: PlanChangedDetails


class PlanClosedDetails(PlanDetails):
    """A plan ends."""

    ended_on: Date
    reason: ClosureReason | None = None
    because: Prose | None = None

    def bears_on(self) -> MatterFact:
        """Closes the plan's matter."""
        return MatterFact(MatterEffect.CLOSE, self.plan_ref)


class PlanClosed(Event):
    """A plan ends."""

    type: Literal["plan.closed"] = "plan.closed"
    details: PlanClosedDetails


class JointReviewDetails(Details):
    """Two or more plans looked at together by those who lead them [SCR-AC]."""

    plans: tuple[PlanKind, ...] = Field(min_length=2, max_length=20)
    plan_refs: tuple[LocalRef, ...] = Field(default=(), max_length=20)
    held_on: Date
    present: tuple[Professional, ...] = Field(min_length=1, max_length=60)
    agreed_risks: Prose
    actions: tuple[Line, ...] = Field(default=(), max_length=60)


class JointReview(Event):
    """The leads of a child's several plans have reviewed them together."""

    type: Literal["plan.joint_review_recorded"] = "plan.joint_review_recorded"
    details: JointReviewDetails


class ConferenceHeldDetails(Details):
    """A child protection conference and what it decided."""

    kind: ConferenceKind
    held_on: Date
    plan_ref: LocalRef | None = None
    on_plan: bool
    """Whether the child is on a protection plan from here on."""
    category: AbuseCategory | None = None
    responsible_from: Date | None = None
    """For a transfer-in conference: the day the new area's plan replaces the old one's [P-MK]."""
    chair: Professional | None = None
    agencies_present: tuple[Line, ...] = Field(default=(), max_length=60)
    next_conference: Date | None = None

    @model_validator(mode="after")
    def _a_plan_has_a_category(self) -> Self:
        if self.on_plan and self.category is None:
            raise broken("category", "puts the child on a plan without a category", "Give 'category'.")
        return self


class ConferenceHeld(Event):
    """A conference has been held; until the transfer-in one, the old plan stays [P-MK][P-TEE1]."""

    type: Literal["conference.held"] = "conference.held"
    details: ConferenceHeldDetails


class ConcernRaisedDetails(Details):
    """Somebody turns to children's social care about a child."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    concern_ref: LocalRef
    """The author's reference; closing the concern repeats it."""
    source: ReferralSource
    primary_need: PrimaryNeed | None = None
    received_on: Date
    what: Prose | None = None
    immediate_danger: bool = False
    strategy_discussion_on: Date | None = None

    def how_urgent(self) -> Urgency:
        """At once where the child is in immediate danger."""
        return Urgency.U0 if self.immediate_danger else self.usual_urgency

    def bears_on(self) -> MatterFact:
        """Opens the concern's matter."""
        return MatterFact(MatterEffect.OPEN, self.concern_ref)


class ConcernRaised(Event):
    """A concern or referral about a child."""

    type: Literal["concern.raised"] = "concern.raised"
    details: ConcernRaisedDetails


class ConcernClosedDetails(Details):
    """How a concern ended."""

    concern_ref: LocalRef
    closed_on: Date
    reason: ClosureReason | None = None
    no_further_action: bool = False
    child_seen_at: AwareDatetime | None = None
    """When the child itself was seen because of the concern; nothing where it was not."""
    because: Prose | None = None

    @model_validator(mode="after")
    def _ends_for_a_reason(self) -> Self:
        if self.reason is None and self.because is None:
            raise broken(
                "closure-reason",
                "closes without a reason",
                "Give 'reason' as a census code or 'because' in words.",
            )
        return self

    def bears_on(self) -> MatterFact:
        """Closes the concern's matter."""
        return MatterFact(MatterEffect.CLOSE, self.concern_ref)


class ConcernClosed(Event):
    """A concern or referral ends, with a reason."""

    type: Literal["concern.closed"] = "concern.closed"
    details: ConcernClosedDetails


class AssessmentStartedDetails(Details):
    """An assessment or enquiry begins; who begins it finishes it [P-SWI]."""

    assessment: AssessmentKind
    assessment_ref: LocalRef
    started_on: Date
    due: Date | None = None
    lead: Professional | None = None
    child_seen_at: AwareDatetime | None = None
    """When the child itself was seen by then, by whoever assesses."""

    def how_urgent(self) -> Urgency:
        """A section 47 enquiry is seen by the next working day."""
        return Urgency.U1 if self.assessment is AssessmentKind.SECTION_47 else self.usual_urgency

    def bears_on(self) -> MatterFact:
        """Opens the assessment's matter."""
        return MatterFact(MatterEffect.OPEN, self.assessment_ref)


class AssessmentStarted(Event):
    """An assessment or enquiry begins."""

    type: Literal["assessment.started"] = "assessment.started"
    details: AssessmentStartedDetails


class FactorFound(Wire):
    """A factor that the assessment found. One about an adult says how it stands."""

    factor: AssessmentFactor
    standing: Standing | None = None
    source: Line | None = None
    """Where it comes from, if not from the assessment itself."""
    review_by: Date | None = None

    @model_validator(mode="after")
    def _adults_have_standing(self) -> Self:
        if self.factor.about_an_adult and self.standing is None:
            raise broken("standing", "says something about an adult without its standing", "Give 'standing'.")
        return self


class AssessmentCompletedDetails(Details):
    """What an assessment looked at and what it found [SCR-N]."""

    assessment: AssessmentKind
    assessment_ref: LocalRef
    completed_on: Date
    factors: tuple[FactorFound, ...] = Field(default=(), max_length=60)
    primary_need: PrimaryNeed | None = None
    history_considered: Answer
    family_tree: Answer
    sources: tuple[Line, ...] = Field(default=(), max_length=60)
    """Agencies and records consulted."""
    child_seen_at: AwareDatetime | None = None
    """When the child itself was seen first, by whoever assessed."""
    protective_factors: Prose | None = None
    analysis: Prose | None = None
    outcome: AssessmentOutcome

    def bears_on(self) -> MatterFact:
        """Closes the assessment's matter; what it led to opens its own."""
        return MatterFact(MatterEffect.CLOSE, self.assessment_ref)


class AssessmentCompleted(Event):
    """An assessment or enquiry is finished."""

    type: Literal["assessment.completed"] = "assessment.completed"
    details: AssessmentCompletedDetails


class ReappraisalDetails(Details):
    """A person thought again, because of a cue or of their own accord, and says what came of it."""

    cue_ref: LocalRef | None = None
    cue_kind: Line | None = None
    rests_on: tuple[EventId, ...] = Field(default=(), max_length=200)
    decision: Literal["changed", "unchanged", "dismissed"]
    why: Prose
    """Always given: a cue may be dismissed only with a reason."""
    by: Professional


class Reappraisal(Event):
    """A case holder reappraised the case and says why the plan changes or does not."""

    type: Literal["reappraisal.recorded"] = "reappraisal.recorded"
    details: ReappraisalDetails
