"""What every event carries, whatever happened: who, where, when, why, on what footing, and who was told."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose, Wire
from schemas.codes.sharing import Basis, Lifecycle, Onward, Purpose, Sensitivity, Standing, Told, ToldPerson
from schemas.ids import EventId, GssCode, MemberId, NhsNumber, Postcode, Upn
from schemas.wire import MatterEffect, Urgency


def broken(rule: str, why: str, advice: str) -> PydanticCustomError:
    """The error of a rule that spans fields; it names the rule and never the values."""
    return PydanticCustomError(rule, "{why}", {"why": why, "advice": advice})


class Unborn(Wire):
    """A child not yet born, found through the mother [CPIS-MATCH]."""

    mother_nhs_number: NhsNumber
    pregnancy_ref: LocalRef
    """The author's reference of this pregnancy; with the mother's number it is one child, or the first of several."""
    child: int | None = Field(default=None, ge=1, le=12)
    """Which of twins or more, as the author counts them; the first says nothing, so one turns into two without a change."""

    @field_validator("child")
    @classmethod
    def _first_says_nothing(cls, child: int | None) -> int | None:
        return None if child == 1 else child

    @property
    def key(self) -> str:
        """The one spelling that its token is made from."""
        return unborn_key(self.mother_nhs_number, self.pregnancy_ref, self.child)


def unborn_key(mother: object, pregnancy: object, child: object = None) -> str:
    """An unborn child's one spelling; of the first (or only) one as it was before there was a count.

    A reference holds no control characters, so no two children share a spelling.
    """
    first = f"{mother} {pregnancy}"
    return first if child in {None, 1} else f"{first}\x1f{child}"


class Name(Wire):
    """Another name that the child is or was known by; spellings matter in tracing [P-HUL]."""

    given_name: Line | None = None
    family_name: Line | None = None
    kind: Literal["former", "alias", "preferred", "spelling"] = "alias"


class Subject(Wire):
    """The child an event is about.

    A strong identifier (NHS number, UPN, unborn) makes records meet; everything else is for people to read.
    """

    nhs_number: NhsNumber | None = None
    upn: Upn | None = None
    unborn: Unborn | None = None
    local_ref: LocalRef | None = None
    """The author's own reference."""
    case_ref: LocalRef | None = None
    """The front door's case reference."""
    given_name: Line | None = None
    family_name: Line | None = None
    date_of_birth: Date | None = None
    other_names: tuple[Name, ...] = Field(default=(), max_length=30)
    nobody: bool = False
    """True where the event concerns no person, such as published learning; then nothing else is given."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.nobody:
            if self.model_dump(exclude_defaults=True) != {"nobody": True}:
                raise broken("nobody", "says nobody and names somebody", "Leave out one of the two.")
            return self
        if not (
            self.identified or self.local_ref or self.case_ref or (self.family_name and self.date_of_birth)
        ):
            raise broken(
                "nobody",
                "names nobody",
                "Give an NHS number, a UPN, an unborn child's mother, your own reference, or family name and date of birth.",
            )
        return self

    @property
    def identified(self) -> bool:
        """Whether there is a strong identifier; without one a person has to link the event."""
        return bool(self.nhs_number or self.upn or self.unborn)


class Residence(Wire):
    """Where somebody lives or stays. Every field may be unknown."""

    postcode: Postcode | None = None
    gss: GssCode | None = None
    """The local authority area, where the author knows it better than the postcode does."""
    address: tuple[Line, ...] = Field(default=(), max_length=8)
    temporary: bool = False
    """Not the usual address: refuge, hostel, relatives, holiday."""
    since: Date | None = None
    until: Date | None = None


class Informed(Wire):
    """What one person was told of this sharing, or why not [GR24]."""

    person: ToldPerson
    who: Line | None = None
    """Which parent or adult, where there is more than one."""
    told: Told
    why: Prose | None = None
    """Required wherever the answer is not yes."""
    by: Line | None = None
    """Who told them, by name or role."""
    safe_contact: Line | None = None
    """How this person can be reached without danger."""
    objection: Prose | None = None
    """What they had against it."""

    @model_validator(mode="after")
    def _silence_has_a_reason(self) -> Self:
        if self.told is not Told.YES and self.why is None:
            raise broken(
                "told-reason", "does not say why the person was not told", "Add 'why' in a sentence."
            )
        return self


class AdultStatement(Wire):
    """Something said about an adult in the child's life, with how it stands."""

    adult_ref: LocalRef
    """The author's reference of the adult, the same in all its events."""
    name: Line | None = None
    relation: Line | None = None
    """To the child, in words."""
    statement: Prose
    standing: Standing
    source: Line
    """Where it comes from: a visit, a court, a record."""
    reported_by: Line | None = None
    """The role of who reported it; the name belongs in the event's ``reporter``. Required when so reported."""
    review_by: Date
    """When somebody must ask whether it still holds."""

    @model_validator(mode="after")
    def _a_report_has_a_reporter(self) -> Self:
        if self.standing is Standing.REPORTED_BY and self.reported_by is None:
            raise broken("reporter-missing", "is reported by nobody", "Say by what role it was reported.")
        return self


class Reporter(Wire):
    """Who reported it. Sealed apart from the rest, so that few ever read it [GR24]."""

    name: Line | None = None
    role: Line | None = None
    contact: Line | None = None
    wishes_anonymity: bool = False


class Source(Wire):
    """The item in the author's own system that the event was made from."""

    system: Line
    message_id: LocalRef | None = None
    item_id: LocalRef | None = None
    lifecycle: Lifecycle = Lifecycle.NEW


@dataclass(frozen=True, slots=True)
class Movement:
    """What an event says about a child's change of place, uniform over all types that say something.

    ``to_area`` and ``to_postcode`` both None: gone, destination unknown.
    """

    from_area: GssCode | None = None
    to_area: GssCode | None = None
    from_postcode: Postcode | None = None
    to_postcode: Postcode | None = None
    withheld: bool = False
    """The old side must not learn the destination."""


@dataclass(frozen=True, slots=True)
class MatterFact:
    """What an event does to the child's open matters: ``ref`` is the author's own reference of the matter."""

    effect: MatterEffect = MatterEffect.NONE
    ref: str | None = None


class Details(Wire):
    """What is particular to one type. A subclass states its urgency and, where it has any, its routing facts."""

    usual_urgency: ClassVar[Urgency] = Urgency.U2
    location_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that tell where somebody is; the gateway seals them in the location part. All may be left out."""

    def how_urgent(self) -> Urgency:
        """How soon a person must look, by the rules of the type."""
        return self.usual_urgency

    def moves(self) -> Movement | None:
        """The change of place that it tells of, or None."""
        return None

    def addressed_to(self) -> MemberId | None:
        """The one member, besides the rule's readers, that the author sends it to; None: nobody."""
        return None

    def bears_on(self) -> MatterFact:
        """The matter that it opens or closes; most do neither."""
        return MatterFact()


DetailsModel: TypeAlias = type[Details]


class Event(Wire):
    """One thing that happened to, or around, a child, as its author knows it."""

    about_nobody: ClassVar[bool] = False
    """Whether the type concerns no person at all."""

    version: Literal["1"] = "1"
    type: str
    id: EventId
    occurred_at: AwareDatetime
    """When it happened, as far as the author knows."""
    recorded_at: AwareDatetime
    """When the author's system recorded it."""
    subject: Subject
    acting_area: GssCode
    """The area that the author acts for here."""
    residence: Residence | None = None
    """Where the child lives now."""
    sensitivity: Sensitivity = Sensitivity.NORMAL
    purpose: Purpose | None = None
    """None: the policy's default for the type is filled in when it is published."""
    basis: Basis | None = None
    """None: as for the purpose."""
    advice_from: Line | None = None
    """Who was asked, where the author was unsure [GR24]."""
    informed: tuple[Informed, ...] = Field(default=(), max_length=30)
    adults: tuple[AdultStatement, ...] = Field(default=(), max_length=100)
    reporter: Reporter | None = None
    source: Source | None = None
    onward: Onward | None = None
    """None: the policy's default for the type."""
    supersedes: EventId | None = None
    """The event that this one corrects or replaces; nothing is ever edited."""
    critical: tuple[Line, ...] = Field(default=(), max_length=20)
    """Names of fields that a reader must understand or refuse the event; for later versions."""
    details: Details

    @model_validator(mode="after")
    def _concerns_a_child(self) -> Self:
        if self.subject.nobody != self.about_nobody:
            if self.about_nobody:
                raise broken("names-a-person", "may not name a person", "Send 'subject' as {'nobody': true}.")
            raise broken("nobody", "must name the child that it is about", "Fill in 'subject'.")
        return self

    @property
    def urgency(self) -> Urgency:
        """How soon a person must look, by the rules of the type."""
        return self.details.how_urgent()

    @property
    def movement(self) -> Movement | None:
        """The change of place that it tells of, or None."""
        return self.details.moves()

    @property
    def matter(self) -> MatterFact:
        """The matter that it opens or closes."""
        return self.details.bears_on()

    def to_json(self) -> bytes:
        """As JSON, without the fields that were left out."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def type_name(cls) -> str:
        """The name of the type, such as ``move.notified``."""
        return str(cls.model_fields["type"].default)

    @classmethod
    def details_model(cls) -> DetailsModel:
        """The model of what is particular to the type."""
        model = cls.model_fields["details"].annotation
        if not (isinstance(model, type) and issubclass(model, Details)):
            raise TypeError(cls.__name__)
        return model
