"""School: joining and leaving, attendance in exact fractions, exclusion, missing education, the step to secondary."""

from fractions import Fraction
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from schemas.base import Date, Line, Prose, Wire
from schemas.codes.cases import Answer, LeavingGround
from schemas.codes.cin import UpnUnknownReason
from schemas.events.base import Details, Event, Movement, Residence, broken
from schemas.events.parts import ChildsWords, Professional, Voice, movement_between
from schemas.ids import DfeNumber, Urn
from schemas.wire import Urgency

ENOUGH_SESSIONS: Final = 30
"""Of fewer, a share says little: a week or two of illness."""
LOW_ATTENDANCE: Final = Fraction(85, 100)
"""Attendance strictly below this share asks whether early help was considered."""
PERSISTENT_ABSENCE: Final = Fraction(10, 100)
"""Sessions missed from this share on are persistent absence."""
SEVERE_ABSENCE: Final = Fraction(50, 100)


class School(Wire):
    """A school by its URN, or by its DfE number where the URN is not known."""

    urn: Urn | None = None
    dfe_number: DfeNumber | None = None
    name: Line | None = None

    @model_validator(mode="after")
    def _some_school(self) -> Self:
        if not (self.urn or self.dfe_number or self.name):
            raise broken("school", "names no school", "Give 'urn', 'dfe_number' or at least 'name'.")
        return self


class RollDetails(Details):
    """What joining and leaving share: the new home that the parent gave, if any [CME-FB]."""

    location_fields: ClassVar[tuple[str, ...]] = ("moved_from", "moved_to")

    moved_from: Residence | None = None
    moved_to: Residence | None = None
    upn_unknown: UpnUnknownReason | None = None

    def moves(self) -> Movement | None:
        """A change of home, where the school was told of one; changing school alone is none."""
        if self.moved_to is None and self.moved_from is None:
            return None
        return movement_between(None, self.moved_from, None, self.moved_to)


class SchoolJoinedDetails(RollDetails):
    """A pupil comes onto a register: the authority is told in five days [CME-FB]."""

    school: School
    previous_school: School | None = None
    joined_on: Date
    transfer_file_received: Answer = Answer.UNKNOWN
    protection_file_received: Answer = Answer.UNKNOWN


class SchoolJoined(Event):
    """A pupil joins a school."""

    type: Literal["school.joined"] = "school.joined"
    details: SchoolJoinedDetails


class SchoolLeftDetails(RollDetails):
    """A pupil leaves a register."""

    school: School
    next_school: School | None = None
    left_on: Date
    ground: LeavingGround
    joint_enquiry_done: Answer | None = None
    """By school and authority; required where whereabouts are unknown [CME-STE]."""
    transfer_file_sent: Answer = Answer.UNKNOWN
    protection_file_sent_on: Date | None = None
    protection_file_receipt_on: Date | None = None
    """A receipt must be obtained, and chased after five days [KCSIE-BR][KCSIE-NN]."""

    @model_validator(mode="after")
    def _unknown_means_searched(self) -> Self:
        if self.ground is LeavingGround.WHEREABOUTS_UNKNOWN and self.joint_enquiry_done is None:
            raise broken(
                "joint-enquiry",
                "says whereabouts unknown and nothing of the joint enquiry",
                "Say in 'joint_enquiry_done' whether school and authority have made it.",
            )
        return self


class SchoolLeft(Event):
    """A pupil leaves a school."""

    type: Literal["school.left"] = "school.left"
    details: SchoolLeftDetails


class AttendanceDetails(Details):
    """Sessions in whole numbers; every share is exact."""

    school: School
    starts: Date
    ends: Date
    possible: int = Field(ge=0, le=2_000)
    """Sessions (half days) possible in the period."""
    attended: int = Field(ge=0, le=2_000)
    unauthorised: int = Field(ge=0, le=2_000)
    """Sessions missed without leave."""
    plan_in_place: Answer
    medical_reason_given: bool = False
    medical_evidence_corroborated: Answer | None = None
    """Whether health confirmed it; required where a medical reason was given [SCR-R]."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.attended + self.unauthorised > self.possible:
            raise broken(
                "sessions", "has more sessions attended and missed than possible", "Count the sessions again."
            )
        if self.ends < self.starts:
            raise broken("period", "ends before it starts", "Exchange 'starts' and 'ends', or correct them.")
        if self.medical_reason_given and self.medical_evidence_corroborated is None:
            raise broken(
                "corroboration",
                "gives a medical reason and nothing of its corroboration",
                "Say in 'medical_evidence_corroborated' whether health confirmed it.",
            )
        return self

    @property
    def rate(self) -> Fraction | None:
        """Attended over possible, exactly; None where no session was possible."""
        return Fraction(self.attended, self.possible) if self.possible else None

    @property
    def below_85(self) -> bool:
        """Strictly below 85 %; exactly 85 % is not."""
        return self.rate is not None and self.rate < LOW_ATTENDANCE

    @property
    def asks_for_early_help(self) -> bool:
        """Below 85 % over enough sessions: whether early help was considered is asked [SCR-N]."""
        return self.below_85 and self.possible >= ENOUGH_SESSIONS

    @property
    def absence(self) -> Literal["none", "persistent", "severe"]:
        """Persistent from 10 % missed, severe from 50 %."""
        if self.rate is None or 1 - self.rate < PERSISTENT_ABSENCE:
            return "none"
        return "severe" if 1 - self.rate >= SEVERE_ABSENCE else "persistent"

    def how_urgent(self) -> Urgency:
        """Five working days below 85 %, else routine."""
        return Urgency.U2 if self.below_85 else Urgency.U3


class AttendanceSummary(Event):
    """A pupil's attendance over a period."""

    type: Literal["attendance.summary"] = "attendance.summary"
    details: AttendanceDetails


class AttendancePlanDetails(Details):
    """An attendance plan was to be reviewed: was it, and with what result [SCR-R]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    school: School
    due: Date
    held_on: Date | None = None
    """None: the review did not take place."""
    why_not_held: Prose | None = None
    outcome: Prose | None = None
    childs_view: ChildsWords | None = None

    @model_validator(mode="after")
    def _held_or_why_not(self) -> Self:
        if self.held_on is None and self.why_not_held is None:
            raise broken(
                "review-not-held", "was not held and does not say why", "Give 'held_on' or 'why_not_held'."
            )
        if self.held_on is not None and self.outcome is None:
            raise broken("review-outcome", "was held without an outcome", "Give 'outcome'.")
        return self


class AttendancePlanReviewed(Event):
    """An attendance plan was reviewed, or was not and why."""

    type: Literal["attendance_plan.reviewed"] = "attendance_plan.reviewed"
    details: AttendancePlanDetails


class ExclusionDetails(Details):
    """A pupil is kept out of school."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    school: School
    kind: Literal["suspension", "permanent"]
    starts: Date
    ends: Date | None = None
    sessions: int | None = Field(default=None, ge=1, le=200)
    provision: Line | None = None
    """Where the pupil is taught meanwhile; None: nothing arranged yet."""


class ExclusionRecorded(Event):
    """A pupil is suspended or permanently excluded."""

    type: Literal["exclusion.recorded"] = "exclusion.recorded"
    details: ExclusionDetails


class MissingEducationDetails(Details):
    """A child without any known school [CME-FB]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    last_school: School | None = None
    last_seen_on: Date | None = None
    enquiries: tuple[Line, ...] = Field(min_length=1, max_length=60)
    """What has been tried; at least one."""
    possible_area: Line | None = None


class MissingEducation(Event):
    """A child is missing from education."""

    type: Literal["cme.reported"] = "cme.reported"
    details: MissingEducationDetails


class TransitionPlanDetails(Details):
    """From primary to secondary: what success is, by when, and what the child says [SCR-R]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    from_school: School
    to_school: School
    success_criteria: tuple[Prose, ...] = Field(min_length=1, max_length=30)
    review_dates: tuple[Date, ...] = Field(min_length=1, max_length=30)
    voice: Voice
    lead: Professional | None = None


class TransitionPlan(Event):
    """A transition plan; without the child's words it is sent, flagged and clocked."""

    type: Literal["transition_plan.published"] = "transition_plan.published"
    details: TransitionPlanDetails
