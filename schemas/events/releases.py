"""A history goes to the new area: without a release in an emergency, and by whose word what is left to a person."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.base import Line, LocalRef, Prose, Wire
from schemas.codes.cases import GlassReason, LiveStatus
from schemas.events.base import Details, Event, broken
from schemas.events.handovers import BetweenAreas
from schemas.events.parts import Professional
from schemas.ids import EventId, MemberId
from schemas.wire import Urgency


class GlassBrokenDetails(BetweenAreas):
    """Who took it, for a child with what plan, and why nobody could be waited for [P-NOT]."""

    by: Professional
    live: LiveStatus
    """What the new area knows to be live. The old area's own record decides whether it is so."""
    reason: GlassReason
    because: Prose


class GlassBroken(Event):
    """The new area takes the history of a child at risk before anybody has released it."""

    type: Literal["handover.glass_broken"] = "handover.glass_broken"
    details: GlassBrokenDetails


class Agreement(Wire):
    """The author of an event, asked before it is passed on, has agreed."""

    event: EventId
    who: Line
    """Who agreed, by name or role, and for which agency."""
    how: Line
    """By telephone, in writing."""


class OrderReviewedDetails(Details):
    """What was refused by rule is looked at by a person: shared after all, or upheld, with the reason [GR24]."""

    usual_urgency: ClassVar[Urgency] = Urgency.U1

    order_ref: LocalRef
    reader: MemberId | Literal["withheld"]
    """Who was to have it; withheld where a one-time key stands for whoever has a hidden family."""
    handover_ref: LocalRef | None = None
    decision: Literal["share", "uphold"]
    events: tuple[EventId, ...] = Field(default=(), max_length=10_000)
    """Which events were looked at and are shared."""
    agreed: tuple[Agreement, ...] = Field(default=(), max_length=10_000)
    because: Prose
    by: Professional

    @model_validator(mode="after")
    def _a_person_by_name(self) -> Self:
        if self.by.name is None:
            raise broken("named-person", "must be decided by a person by name", "Give 'by.name'.")
        if (self.decision == "share") != bool(self.events):
            raise broken("events", "must name the events that are shared, and no others", "Correct 'events'.")
        return self


class OrderReviewed(Event):
    """A person has looked again at what the front door's gateway refused to share."""

    type: Literal["order.reviewed"] = "order.reviewed"
    details: OrderReviewedDetails
