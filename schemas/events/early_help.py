"""Early help assessments: opened, declined with a reason, stuck, closed."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import Date, Line, LocalRef, Prose
from schemas.events.base import Details, Event, MatterFact
from schemas.events.parts import Professional
from schemas.ids import EventId
from schemas.wire import MatterEffect, Urgency


class EhaDetails(Details):
    """An early help episode, by its author's reference."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    episode_ref: LocalRef


class EhaOpenedDetails(EhaDetails):
    """Early help begins."""

    opened_on: Date
    lead: Professional
    why: Prose | None = None

    def bears_on(self) -> MatterFact:
        """Opens the episode's matter."""
        return MatterFact(MatterEffect.OPEN, self.episode_ref)


class EhaOpened(Event):
    """An early help assessment is opened."""

    type: Literal["eha.opened"] = "eha.opened"
    details: EhaOpenedDetails


class EhaDeclinedDetails(Details):
    """Early help was considered or offered and did not come about. The reason is required [SCR-N]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U3

    episode_ref: LocalRef | None = None
    declined_on: Date
    declined_by: Literal["parent", "child", "school", "early_help", "other"]
    reason: Prose
    rests_on: tuple[EventId, ...] = Field(default=(), max_length=60)
    review_on: Date | None = None


class EhaDeclined(Event):
    """Early help was declined, and why."""

    type: Literal["eha.declined"] = "eha.declined"
    details: EhaDeclinedDetails


class EhaStuckDetails(EhaDetails):
    """An episode without progress goes to a panel."""

    since: Date
    why: Prose
    panel_referral_on: Date | None = None


class EhaStuck(Event):
    """An early help episode is stuck."""

    type: Literal["eha.stuck"] = "eha.stuck"
    details: EhaStuckDetails


class EhaClosedDetails(EhaDetails):
    """How an episode ended."""

    closed_on: Date
    outcome: Line
    because: Prose | None = None

    def bears_on(self) -> MatterFact:
        """Closes the episode's matter."""
        return MatterFact(MatterEffect.CLOSE, self.episode_ref)


class EhaClosed(Event):
    """An early help episode ends."""

    type: Literal["eha.closed"] = "eha.closed"
    details: EhaClosedDetails
