"""The base of code sets whose codes need words beside them."""

from enum import StrEnum
from typing import Self


class Coded(StrEnum):
    """A code as its source spells it, with what it means: ``NEG = "NEG", "neglect"``."""

    label: str

    def __new__(cls, code: str, label: str) -> Self:
        """Make a member of the code, keeping the words as ``label``."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member
