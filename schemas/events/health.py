"""Health: appointments, presentations, pregnancy and birth, disability."""

from datetime import date, datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose
from schemas.codes.cases import Answer, Mobility
from schemas.codes.cin import Disability
from schemas.events.base import AdultStatement, Details, Event, Unborn, broken
from schemas.ids import NhsNumber, OdsCode
from schemas.wire import Urgency


def under_one_year(born: date, at: datetime) -> bool:
    """Whether the first birthday is still to come on the day of ``at``; born on 29 February, it is 1 March."""
    try:
        birthday = born.replace(year=born.year + 1)
    except ValueError:
        birthday = date(born.year + 1, 3, 1)
    return at.date() < birthday


class AppointmentMissedDetails(Details):
    """A child was not brought, or nobody opened the door."""

    service: Line
    provider: OdsCode | None = None
    kind: Literal["was_not_brought", "no_access", "cancelled_late"]
    missed_at: AwareDatetime
    count: int | None = Field(default=None, ge=1, le=200)
    """How many in a row with this service, this one included."""
    reason_given: Prose | None = None
    last_seen_on: Date | None = None


class AppointmentMissed(Event):
    """An appointment was missed."""

    type: Literal["appointment.missed"] = "appointment.missed"
    details: AppointmentMissedDetails


class PresentationDetails(Details):
    """A child was brought to, or seen by, a health service."""

    provider: OdsCode | None = None
    place: Line
    injury: bool
    what: Prose
    explanation: Prose | None = None
    """What was said to have happened."""
    explained_by: Line | None = None
    explanation_fits: Answer = Answer.UNKNOWN
    under_one: bool | None = None
    """For a child whose date of birth is not sent."""
    mobility: Mobility = Mobility.UNKNOWN


class HealthPresentation(Event):
    """A child presented to a health service [SCR-N]."""

    type: Literal["health.presentation"] = "health.presentation"
    details: PresentationDetails

    @property
    def urgency(self) -> Urgency:
        """Next working day for a child under one year, or an injury to one who cannot move about yet; else five days."""
        born = self.subject.date_of_birth
        under_one = self.details.under_one if born is None else under_one_year(born, self.occurred_at)
        still = self.details.injury and self.details.mobility is Mobility.NOT_MOBILE
        return Urgency.U1 if under_one or still else Urgency.U2


class PregnancyBookedDetails(Details):
    """A pregnancy is booked; the subject is the unborn child, through the mother."""

    expected_on: Date
    booked_on: Date
    provider: OdsCode | None = None
    mother_care_leaver: Answer
    """A reason to offer help, told to the parent unless that is unsafe."""
    mother_own_history: Answer
    """Own experience of care, abuse or exploitation, as the mother chose to say."""
    partners: tuple[AdultStatement, ...] = Field(default=(), max_length=20)
    """The father and other men in the home; what is said of each has a standing."""
    late_booking: bool = False
    concerns: Answer = Answer.UNKNOWN
    """Whether there are concerns for the child that children's social care must hear of [PB-DON][PB-SOL]."""


class PregnancyBooked(Event):
    """A pregnancy is booked."""

    type: Literal["pregnancy.booked"] = "pregnancy.booked"
    details: PregnancyBookedDetails

    @model_validator(mode="after")
    def _about_the_unborn(self) -> Self:
        if self.subject.unborn is None:
            raise broken(
                "unborn",
                "must be about an unborn child",
                "Give 'subject.unborn' with the mother's NHS number.",
            )
        return self


class BirthNotifiedDetails(Details):
    """A birth, with what leads from the unborn child's record to the newborn's."""

    mother_nhs_number: NhsNumber | None = None
    pregnancy_ref: LocalRef | None = None
    born_at: AwareDatetime | None = None
    place: Line | None = None
    provider: OdsCode | None = None
    sex: Literal["male", "female", "other", "unknown"] | None = None
    gestation_weeks: int | None = Field(default=None, ge=18, le=46)
    birth_weight_grams: int | None = Field(default=None, ge=100, le=9_999)
    birth_order: int | None = Field(default=None, ge=1, le=12)
    births_in_delivery: int | None = Field(default=None, ge=1, le=12)
    mother_can_attend: Answer = Answer.UNKNOWN
    """Whether she is fit to attend a review within ten days [PB-BRO]."""
    care_leaver_parent: Answer = Answer.UNKNOWN

    @property
    def was(self) -> Unborn | None:
        """The unborn child that this birth names; None where it does not say which pregnancy it was."""
        if self.mother_nhs_number is None or self.pregnancy_ref is None:
            return None
        return Unborn(
            mother_nhs_number=self.mother_nhs_number,
            pregnancy_ref=self.pregnancy_ref,
            child=self.birth_order,
        )


class BirthNotified(Event):
    """A child is born."""

    type: Literal["birth.notified"] = "birth.notified"
    details: BirthNotifiedDetails


class DisabilityNeedDetails(Details):
    """A disability or health need has changed, or its provision was lost on a move."""

    disabilities: tuple[Disability, ...] = Field(default=(), max_length=13)
    factor: Literal["5A", "6A"] | None = None
    """Learning disability or physical disability and illness of the child."""
    what: Prose
    equipment: tuple[Line, ...] = Field(default=(), max_length=60)
    provision_lost_on_move: Answer = Answer.UNKNOWN
    needed_by: Date | None = None


class DisabilityNeedChanged(Event):
    """A child's disability or health need has changed."""

    type: Literal["disability_need.changed"] = "disability_need.changed"
    details: DisabilityNeedDetails
