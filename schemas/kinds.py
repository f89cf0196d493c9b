"""Kinds of handover as data: on what terms a child is in another area, what opens each, what closes it, in plain words.

The router knows none of them: it is told only whether the case is to pass. Which kind it is stands in the sealed,
signed request, and follows from the type of the event that the handover rests on where nobody has asked yet.
"""

from enum import StrEnum

from schemas.base import Line, Prose, Wire
from schemas.codes.cases import HandoverKind, PlanKind
from schemas.deadlines import Condition, Key


class Terms(StrEnum):
    """What becomes of the case."""

    PASSES = "passes"
    """To the new area, by its signed acceptance."""
    STAYS = "stays"
    """With the area that has it, while the child is in the other."""
    INSIDE = "inside"
    """Inside one area, from one service to the next: no handover between areas."""
    OUTSIDE = "outside"
    """With the area that has it: nobody on the other side can sign."""


class KindRule(Wire):
    """One kind, for the program and for people."""

    kind: HandoverKind
    title: Line
    terms: Terms
    opened_by: tuple[Line, ...] = ()
    """Types of event from which it follows that a handover is of this kind."""
    when: tuple[Condition, ...] = ()
    """What such an event must say for it."""
    by_policy: PlanKind | None = None
    """The area that has the case says so by itself, at once, for a child on this plan: its own signed event says it."""
    clocks: tuple[Key, ...] = ()
    """Keys of the clocks that belong to it."""
    happens: Prose
    never: Prose
    source: tuple[Line, ...]
