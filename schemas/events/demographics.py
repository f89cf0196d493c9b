"""What demographic feeds tell: registration with a GP, death, record status, who is professionally in contact."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose, Wire
from schemas.events.base import Details, Event, Movement, Residence
from schemas.events.parts import Professional, movement_between
from schemas.ids import OdsCode
from schemas.wire import Urgency


class GpChangedDetails(Details):
    """A new GP practice; often the first sign of a move."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3
    location_fields: ClassVar[tuple[str, ...]] = ("moved_from", "moved_to")

    practice: OdsCode | None = None
    """None: registration ended and no new practice is known."""
    practice_name: Line | None = None
    previous_practice: OdsCode | None = None
    since: Date | None = None
    moved_from: Residence | None = None
    moved_to: Residence | None = None

    def moves(self) -> Movement | None:
        """A change of home, where the message tells of one; changing GP alone is none."""
        if self.moved_to is None:
            return None
        return movement_between(None, self.moved_from, None, self.moved_to)


class GpChanged(Event):
    """A child is registered with another GP practice."""

    type: Literal["gp.changed"] = "gp.changed"
    details: GpChangedDetails


class DeathNotifiedDetails(Details):
    """A child has died."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    died_on: Date | None = None
    died_at: AwareDatetime | None = None
    status: Literal["informal", "formal", "removed"] = "informal"
    """Reported, registered, or taken back."""


class DeathNotified(Event):
    """A child's death is notified."""

    type: Literal["death.notified"] = "death.notified"
    details: DeathNotifiedDetails


class RecordChangedDetails(Details):
    """The demographic record itself changed; what a person has to look at is said in words."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    change: Literal["name", "date_of_birth", "sex", "contact", "deceased", "validity", "other"]
    what: Prose | None = None
    fields: tuple[Line, ...] = Field(default=(), max_length=60)
    """Names of the fields that changed, never their values."""


class RecordChanged(Event):
    """A child's demographic record has changed."""

    type: Literal["record.changed"] = "record.changed"
    details: RecordChangedDetails


class ProfessionalContact(Wire):
    """One service in contact with the child, as an item that can be updated or deleted."""

    item_id: LocalRef | None = None
    status: Literal["planned", "waitlist", "active", "onhold", "finished", "cancelled"] | None = None
    """How the contact stands; None where the source does not say."""
    service: Line
    service_code: Line | None = None
    """SNOMED CT concept id."""
    organisation: OdsCode | None = None
    organisation_name: Line | None = None
    team: Line | None = None
    professional: Professional | None = None
    since: Date | None = None
    until: Date | None = None


class ProfessionalContactsDetails(Details):
    """Who is professionally in contact; the whole list replaces the one before [NEMS-RCV]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    contacts: tuple[ProfessionalContact, ...] = Field(max_length=100)


class ProfessionalContactsChanged(Event):
    """The professionals in contact with a child have changed."""

    type: Literal["professional_contacts.changed"] = "professional_contacts.changed"
    details: ProfessionalContactsDetails
