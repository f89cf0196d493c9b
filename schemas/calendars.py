"""Whose days count: bank holidays by division of the United Kingdom, and the school terms that an area has published."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import Date, Line, Wire


class Division(StrEnum):
    """Whose bank holidays working days leave out."""

    ENGLAND_AND_WALES = "england-and-wales"
    SCOTLAND = "scotland"
    NORTHERN_IRELAND = "northern-ireland"

    @classmethod
    def of(cls, gss: str) -> "Division":
        """The division of an area by the first letter of its code."""
        return {"S": cls.SCOTLAND, "N": cls.NORTHERN_IRELAND}.get(gss[:1], cls.ENGLAND_AND_WALES)


class SchoolTerm(Wire):
    """Days on which an area's schools are open, weekends and bank holidays apart. A half-term break parts two of them."""

    name: Line
    first: Date
    last: Date
    closed: tuple[Date, ...] = Field(default=(), max_length=20)
    """Single days on which the area's schools are closed all the same."""

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.first > self.last:
            raise PydanticCustomError("term", "ends before it begins")
        return self
