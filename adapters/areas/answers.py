"""What can be said of a postcode: five answers, each with a code for machines and a sentence for a person."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from schemas.ids import GssCode


@dataclass(frozen=True, slots=True)
class Found:
    """A postcode and its authority in England."""

    code: ClassVar[str] = "found"
    postcode: str
    gss: GssCode
    as_of: str

    @property
    def sentence(self) -> str:
        """What this means, for a person."""
        return f"{self.postcode} is in {self.gss} (data of {self.as_of})."


@dataclass(frozen=True, slots=True)
class Unknown:
    """Well formed, and no authority at hand: not in the source, or there without one, as some that ended long ago."""

    code: ClassVar[str] = "unknown"
    postcode: str
    as_of: str
    listed: bool = False
    """The source has the postcode, but no authority for it."""
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        if self.listed:
            return (
                f"{self.postcode} has no authority in the data of {self.as_of}; it has probably ended."
                " Ask for the current postcode."
            )
        return (
            f"{self.postcode} is not in the data of {self.as_of}. Check the spelling; a new postcode is known"
            " after `handrail areas import` of a current ONS Postcode Directory."
        )


@dataclass(frozen=True, slots=True)
class NotEngland:
    """A postcode outside England."""

    code: ClassVar[str] = "not-england"
    postcode: str
    where: str
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        return f"{self.postcode} is in {self.where}; other law applies. Tell that authority's own front door."


@dataclass(frozen=True, slots=True)
class Terminated:
    """A postcode that Royal Mail has ended; its last authority is known."""

    code: ClassVar[str] = "terminated"
    postcode: str
    last_gss: GssCode
    ended: str

    @property
    def gss(self) -> GssCode:
        """Where it was: an ended postcode still stands for a place, and an event about a child must go somewhere."""
        return self.last_gss

    @property
    def sentence(self) -> str:
        """What to do."""
        return (
            f"{self.postcode} ended in {self.ended} (last in {self.last_gss}). Ask for the current postcode."
        )


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not the form of a postcode. The text is not repeated."""

    code: ClassVar[str] = "malformed"
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        return "That is not the form of a UK postcode. Write it like CA3 8NA."


Answer: TypeAlias = Found | Unknown | NotEngland | Terminated | Malformed
