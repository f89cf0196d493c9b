"""Sharing itself: who is involved, what was not shared and why, corrections, obligations, learning."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import AwareDatetime, Date, Line, LocalRef, Prose
from schemas.codes.cases import Theme
from schemas.codes.members import MemberKind
from schemas.events.base import Details, Event, broken
from schemas.events.parts import Professional
from schemas.ids import EventId, MemberId
from schemas.wire import Urgency


class InvolvementDetails(Details):
    """An agency works with the child; a contact and no content [CP-TE]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    agency: MemberKind
    since: Date
    until: Date | None = None
    contact: Professional
    sensitive_service: bool = False
    """Off unless policy allows it: the service itself would tell too much [SI2182-4]."""


class InvolvementDeclared(Event):
    """An agency says that it works with the child. It is granted nothing by saying so."""

    type: Literal["involvement.declared"] = "involvement.declared"
    details: InvolvementDetails


class InvolvementConfirmedDetails(Details):
    """The front door, or a second independent author, confirms what a member declared."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    member: MemberId
    agency: MemberKind
    declared_in: EventId | None = None
    since: Date | None = None
    until: Date | None = None
    by: Professional
    how: Prose | None = None


class InvolvementConfirmed(Event):
    """A declared involvement is confirmed; from now on the policy admits the member."""

    type: Literal["involvement.confirmed"] = "involvement.confirmed"
    details: InvolvementConfirmedDetails


class InvolvementEndedDetails(Details):
    """An agency's work with the child ended."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    agency: MemberKind
    member: MemberId | None = None
    """Whose, where the front door says it; None: the author's own."""
    until: Date
    because: Prose | None = None


class InvolvementEnded(Event):
    """An agency no longer works with the child."""

    type: Literal["involvement.ended"] = "involvement.ended"
    details: InvolvementEndedDetails


class ShareDeclinedDetails(Details):
    """Something was not shared: a decision with a reason, like every share [AMD20][DEV-GR]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    withheld: EventId | None = None
    """The event that was withheld, where there is one."""
    what: Line
    from_whom: Line
    reason: Prose
    decided_by: Professional
    review_on: Date


class ShareDeclined(Event):
    """A decision not to share, with its reason and a review date."""

    type: Literal["share.declined"] = "share.declined"
    details: ShareDeclinedDetails


class CorrectionDetails(Details):
    """What was wrong in an earlier event of the same author."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    what: Prose
    withdrawn: bool = False
    """The earlier event should never have been sent; it is not merely replaced."""
    changed_fields: tuple[Line, ...] = Field(default=(), max_length=60)


class Correction(Event):
    """A correction supersedes an earlier event; nothing is ever edited [DPA3]."""

    type: Literal["correction"] = "correction"
    details: CorrectionDetails

    @model_validator(mode="after")
    def _says_what_it_corrects(self) -> Self:
        if self.supersedes is None:
            raise broken(
                "supersedes",
                "does not say which event it corrects",
                "Give 'supersedes', the id of that event.",
            )
        return self


class ObligationDetails(Details):
    """A duty with a clock: when it began, when it is due, whether it was met. No content of the case."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    kind: Line
    obligation_ref: LocalRef
    opened_at: AwareDatetime
    due_at: AwareDatetime
    met_at: AwareDatetime | None = None
    reason_code: Line | None = None
    owner: Line | None = None
    """The role that owes it."""

    @model_validator(mode="after")
    def _due_after_opened(self) -> Self:
        if self.due_at < self.opened_at:
            raise broken("due", "is due before it began", "Correct 'due_at' or 'opened_at'.")
        return self


class ObligationRecorded(Event):
    """An obligation was opened, met or missed."""

    type: Literal["obligation.recorded"] = "obligation.recorded"
    details: ObligationDetails


class LearningDetails(Details):
    """What a board learned, without any person in it."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    themes: tuple[Theme, ...] = Field(min_length=1, max_length=23)
    title: Line
    learning: Prose
    ask: Prose | None = None
    """What readers are asked to do differently."""
    kind: Literal["review", "audit", "rapid_review", "other"] = "other"


class LearningPublished(Event):
    """A board publishes learning; it names nobody."""

    about_nobody: ClassVar[bool] = True

    type: Literal["learning.published"] = "learning.published"
    details: LearningDetails

    @model_validator(mode="after")
    def _no_person_data(self) -> Self:
        if self.adults or self.informed or self.residence or self.reporter:
            raise broken(
                "names-a-person",
                "may not carry personal data",
                "Leave out adults, informed, residence and reporter.",
            )
        return self
