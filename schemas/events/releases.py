"""A history goes to the new area: without a release in an emergency, and by whose word what is left to a person."""

from typing import Literal

from schemas.base import Prose
from schemas.codes.cases import GlassReason, LiveStatus
from schemas.events.base import Event
from schemas.events.handovers import BetweenAreas
from schemas.events.parts import Professional


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
