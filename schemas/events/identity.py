"""Who is who: records linked and unlinked by a person, identifiers that change, and what must stay hidden."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose, Wire
from schemas.codes.cases import Evidence
from schemas.events.base import Details, Event, Unborn, broken
from schemas.events.parts import Professional
from schemas.ids import EventId, GssCode, NhsNumber, Upn
from schemas.wire import Urgency


class Identity(Wire):
    """One strong identifier, exactly one of the three."""

    nhs_number: NhsNumber | None = None
    upn: Upn | None = None
    unborn: Unborn | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(one is not None for one in (self.nhs_number, self.upn, self.unborn)) != 1:
            raise broken(
                "one-identity", "must hold exactly one identifier", "Give 'nhs_number', 'upn' or 'unborn'."
            )
        return self


class IdentityLinkedDetails(Details):
    """A named person decided that these identifiers are one child. Never by likeness alone."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    identities: tuple[Identity, ...] = Field(min_length=2, max_length=10)
    evidence: tuple[Evidence, ...] = Field(min_length=1, max_length=5)
    decided_by: Professional
    decided_at: AwareDatetime
    why: Prose
    events: tuple[EventId, ...] = Field(default=(), max_length=200)
    """Unmatched events that are linked to the child with it."""

    @model_validator(mode="after")
    def _a_person_by_name(self) -> Self:
        if self.decided_by.name is None:
            raise broken("named-person", "must be decided by a person by name", "Give 'decided_by.name'.")
        if len(set(self.identities)) != len(self.identities):
            raise broken("same-identity", "holds the same identifier twice", "Give each identifier once.")
        return self


class IdentityLinked(Event):
    """Two identifiers are one child, by a person's signed decision."""

    type: Literal["identity.linked"] = "identity.linked"
    details: IdentityLinkedDetails


class IdentityUnlinkedDetails(Details):
    """A link was wrong; those who were told are told."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    link: EventId
    """The ``identity.linked`` event that is undone."""
    identities: tuple[Identity, ...] = Field(min_length=2, max_length=10)
    decided_by: Professional
    decided_at: AwareDatetime
    why: Prose

    @model_validator(mode="after")
    def _a_person_by_name(self) -> Self:
        if self.decided_by.name is None:
            raise broken("named-person", "must be decided by a person by name", "Give 'decided_by.name'.")
        return self


class IdentityUnlinked(Event):
    """A wrong link is undone, by a person's signed decision."""

    type: Literal["identity.unlinked"] = "identity.unlinked"
    details: IdentityUnlinkedDetails


class IdentityChangedDetails(Details):
    """An identifier was superseded, or the child was adopted, or two records were merged wrongly."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    change: Literal["superseded", "adopted", "merged_wrongly"]
    previous: Identity | None = None
    """Never for an adoption: the former identity is confidential and is cut, not linked [PCSE]."""
    since: Date | None = None

    @model_validator(mode="after")
    def _adoption_cuts(self) -> Self:
        if self.change == "adopted" and self.previous is not None:
            raise broken(
                "adoption-link",
                "would link an adopted child to the former identity",
                "Leave 'previous' out: an adoption is never linked.",
            )
        if self.change == "superseded" and self.previous is None:
            raise broken("previous", "does not say which identifier was superseded", "Give 'previous'.")
        return self


class IdentityChanged(Event):
    """A child's identifier has changed."""

    type: Literal["identity.changed"] = "identity.changed"
    details: IdentityChangedDetails


class SensitivitySetDetails(Details):
    """What must be hidden from whom, until when, and who says so [SFLAG]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U0

    scope: tuple[Literal["address", "identity", "service"], ...] = Field(min_length=1, max_length=3)
    lifted: bool = False
    """True: no longer sensitive."""
    towards: GssCode | None = None
    """With ``lifted``: no longer towards this one area, which the family left last; towards all others it stays."""
    starts_at: AwareDatetime
    until: Date | None = None
    authority: Professional
    because: Prose | None = None
    flag_ref: LocalRef | None = None
    hidden_from: tuple[Line, ...] = Field(default=(), max_length=40)


class SensitivitySet(Event):
    """A child's address, identity or service is sensitive from now on, or no longer."""

    type: Literal["sensitivity.set"] = "sensitivity.set"
    details: SensitivitySetDetails
