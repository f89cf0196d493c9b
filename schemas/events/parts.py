"""Values that several types of event are built from."""

from typing import Self

from pydantic import Field, model_validator

from schemas.base import Date, Line, LocalRef, Prose, Wire
from schemas.codes.cases import Answer
from schemas.events.base import AdultStatement, Movement, Residence, broken
from schemas.ids import GssCode


class Professional(Wire):
    """A worker to turn to, by name and by how to reach them."""

    name: Line | None = None
    role: Line
    agency: Line | None = None
    contact: Line | None = None


class ChildsWords(Wire):
    """What the child said, in the child's own words, and how it came to be said."""

    words: Prose
    setting: Line | None = None
    on: Date | None = None
    present: tuple[Line, ...] = Field(default=(), max_length=20)
    """Who was in the room, by role."""


class VoicePending(Wire):
    """Why the child's words are missing, and by when somebody will have asked."""

    reason: Prose
    due: Date


class Voice(Wire):
    """The child's voice: words, or why not yet and by when. Exactly one of the two [SCR-R]."""

    words: ChildsWords | None = None
    not_yet_obtained: VoicePending | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.words is None) == (self.not_yet_obtained is None):
            raise broken(
                "voice",
                "needs the child's words or the reason why they are missing, and not both",
                "Give 'words', or 'not_yet_obtained' with a reason and a due date; the event is sent either way.",
            )
        return self

    @property
    def missing(self) -> bool:
        """Whether somebody still has to ask: the event is sent, flagged and clocked."""
        return self.words is None


class HouseholdMember(Wire):
    """A person of the household at the time of a move; those left behind are shown too."""

    ref: LocalRef
    child: bool
    relation: Line | None = None
    moving: Answer
    statement: AdultStatement | None = None
    """What is said about this person, where it is an adult."""


class AdultsInContact(Wire):
    """Every adult in contact with the child, or that the question was asked and stayed open."""

    listed: tuple[AdultStatement, ...] = Field(default=(), max_length=100)
    asked_not_known_on: Date | None = None

    @model_validator(mode="after")
    def _listed_or_asked(self) -> Self:
        if bool(self.listed) == (self.asked_not_known_on is not None):
            raise broken(
                "adults-in-contact",
                "must list the adults in contact, or say when it was asked without an answer",
                "Give 'listed' or 'asked_not_known_on'.",
            )
        return self


def movement_between(
    from_area: GssCode | None,
    from_place: Residence | None,
    to_area: GssCode | None,
    to_place: Residence | None,
    *,
    withheld: bool = False,
) -> Movement:
    """Put together what is known of both ends: an area given outright goes before a place's own."""
    return Movement(
        from_area=from_area or (from_place.gss if from_place else None),
        to_area=to_area or (to_place.gss if to_place else None),
        from_postcode=from_place.postcode if from_place else None,
        to_postcode=to_place.postcode if to_place else None,
        withheld=withheld,
    )
