"""Bands of a child's characteristics: all that a board may hold of them, and only where the policy says so.

Three broad answers, each by itself: how old, of which ethnic group, disabled or not. Never a date of birth, never what
a disability affects. In numbers of one byte, with one for *not told*, so that the length of a slip tells nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, Self

from pydantic import Field, model_validator

from schemas.base import Wire
from schemas.codes.cin import Disability, Ethnicity
from schemas.events.base import Subject, broken
from schemas.reading import number_of, rows


class AgeBand(IntEnum):
    """How old a child is."""

    NOT_TOLD = 0
    UNBORN = 1
    UNDER_1 = 2
    FROM_1_TO_4 = 3
    FROM_5_TO_9 = 4
    FROM_10_TO_15 = 5
    FROM_16 = 6


class EthnicGroup(IntEnum):
    """The broad group of a child's ethnicity."""

    NOT_TOLD = 0
    WHITE = 1
    MIXED = 2
    ASIAN = 3
    BLACK = 4
    OTHER = 5
    NOT_KNOWN = 6
    """Refused, or asked for and not yet obtained: unlike *not told*, what the case system says."""


class Disabled(IntEnum):
    """Whether a child is disabled in any way."""

    NOT_TOLD = 0
    NO = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Bands:
    """What a front door tells its boards of one child."""

    age: AgeBand = AgeBand.NOT_TOLD
    ethnicity: EthnicGroup = EthnicGroup.NOT_TOLD
    disabled: Disabled = Disabled.NOT_TOLD

    def to_value(self) -> list[int]:
        """As a slip carries it: three numbers of one byte each, whatever they say."""
        return [int(self.age), int(self.ethnicity), int(self.disabled)]

    @classmethod
    def read(cls, value: Any) -> Self:
        """Undo ``to_value``; raises MalformedMessageError."""
        age, ethnicity, disabled = rows(value, 3, "bands")
        return cls(
            number_of(AgeBand, age, "age"),
            number_of(EthnicGroup, ethnicity, "ethnic group"),
            number_of(Disabled, disabled, "disabled"),
        )


class Characteristics(Wire):
    """What a front door's case system says of a child in the census's codes, beside an event and never in it."""

    ethnicity: Ethnicity | None = None
    disabilities: tuple[Disability, ...] = Field(default=(), max_length=len(Disability))
    """``NONE`` alone where the child has no disability; nothing at all where the case system does not say."""

    @model_validator(mode="after")
    def _no_disability_stands_alone(self) -> Self:
        if Disability.NONE in self.disabilities and len(self.disabilities) > 1:
            raise broken(
                "disability", "says no disability and names one", "Leave out NONE, or everything else."
            )
        return self


_GROUP: Final = MappingProxyType(
    {"W": EthnicGroup.WHITE, "M": EthnicGroup.MIXED, "A": EthnicGroup.ASIAN, "B": EthnicGroup.BLACK}
)
_OF_NO_LETTER: Final = MappingProxyType(
    {
        # As in the Census of 2021; the codes of the children in need census have it apart.
        Ethnicity.CHINESE: EthnicGroup.ASIAN,
        Ethnicity.OTHER: EthnicGroup.OTHER,
        Ethnicity.REFUSED: EthnicGroup.NOT_KNOWN,
        Ethnicity.NOT_OBTAINED: EthnicGroup.NOT_KNOWN,
    }
)
_TOPS: Final = (
    (1, AgeBand.UNDER_1),
    (5, AgeBand.FROM_1_TO_4),
    (10, AgeBand.FROM_5_TO_9),
    (16, AgeBand.FROM_10_TO_15),
)


def ethnic_group(ethnicity: Ethnicity | None) -> EthnicGroup:
    """The broad group of a code of the census [LIIA]; *not told* of none."""
    if ethnicity is None:
        return EthnicGroup.NOT_TOLD
    return _OF_NO_LETTER.get(ethnicity) or _GROUP[ethnicity.value[0]]


def disabled(disabilities: Collection[Disability]) -> Disabled:
    """Whether any of the census's codes but ``NONE`` is there [LIIA]; *not told* where there is no code."""
    if not disabilities:
        return Disabled.NOT_TOLD
    return Disabled.NO if set(disabilities) == {Disability.NONE} else Disabled.YES


def age_band(subject: Subject, on: date) -> AgeBand:
    """How old the child was that day, by its date of birth; *not told* where none, or a later one, is given."""
    born = subject.date_of_birth
    if born is None or born > on:
        return AgeBand.UNBORN if subject.unborn is not None else AgeBand.NOT_TOLD
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return next((band for top, band in _TOPS if years < top), AgeBand.FROM_16)
