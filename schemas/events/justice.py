"""Youth justice and secure settings, where home and host area are responsible together [SEC-BU]."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import Date, Line, LocalRef, Prose
from schemas.codes.cases import PlanKind
from schemas.events.base import Details, Event, Movement, Residence
from schemas.events.parts import Professional, movement_between
from schemas.ids import GssCode
from schemas.wire import Urgency


class DisposalDetails(Details):
    """What a court or panel decided."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    order: Line
    order_ref: LocalRef | None = None
    starts: Date
    ends: Date | None = None
    conditions: tuple[Line, ...] = Field(default=(), max_length=60)
    supervised_by: Professional
    home_area: GssCode
    host_area: GssCode | None = None


class YouthDisposal(Event):
    """A court or panel decided on a child's offence."""

    type: Literal["yj.disposal"] = "yj.disposal"
    details: DisposalDetails


class LicenceDetails(DisposalDetails):
    """Supervision after custody."""

    recall_possible: bool = True
    plans_live: tuple[PlanKind, ...] = Field(default=(), max_length=20)


class YouthLicence(Event):
    """A child is on licence."""

    type: Literal["yj.licence"] = "yj.licence"
    details: LicenceDetails


class SecureEnteredDetails(Details):
    """A child goes into a secure establishment [PIF]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    establishment: Line
    entered_on: Date
    footing: Line
    """Remand, sentence, or welfare, in the court's words."""
    home_area: GssCode
    host_area: GssCode | None = None
    plans_live: tuple[PlanKind, ...] = Field(default=(), max_length=20)
    immediate_risks: Prose | None = None
    medication: Prose | None = None

    def moves(self) -> Movement | None:
        """From home to host area, where the host is known."""
        return Movement(from_area=self.home_area, to_area=self.host_area) if self.host_area else None


class SecureEntered(Event):
    """A child has entered a secure establishment."""

    type: Literal["secure.entered"] = "secure.entered"
    details: SecureEnteredDetails


class SecureLeavingDetails(Details):
    """A release is planned, or has happened."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1
    location_fields: ClassVar[tuple[str, ...]] = ("release_place",)

    establishment: Line
    leaves_on: Date
    host_area: GssCode | None = None
    release_area: GssCode | None = None
    release_place: Residence | None = None
    plans_live: tuple[PlanKind, ...] = Field(default=(), max_length=20)
    supervised_by: Professional | None = None
    accommodation_confirmed: bool = False

    def moves(self) -> Movement | None:
        """From the host area to where the child is released to; None while that is not known."""
        if self.release_area is None and self.release_place is None:
            return None
        return movement_between(self.host_area, None, self.release_area, self.release_place)


class SecureLeaving(Event):
    """A child is to leave a secure establishment."""

    type: Literal["secure.leaving"] = "secure.leaving"
    details: SecureLeavingDetails
