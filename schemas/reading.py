"""Reading canonical values into the shape that a place of the protocol calls for, or refusing them by name."""

from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeVar

E = TypeVar("E", bound=Enum)

_SPELLINGS: Final = (int, str)

MOST: Final = 253_402_300_799_999
"""The largest number in a message: the last millisecond of the year 9999. Every number from 0 to here is a time that
exists, fits a database's integer and is exact as a double."""


class MalformedMessageError(ValueError):
    """The bytes are canonical but not the shape that this place of the protocol calls for."""


def rows(value: Any, count: int, what: str) -> list[Any]:
    """``value`` as an array of exactly ``count``; raises MalformedMessageError."""
    if not isinstance(value, list) or len(value) != count:
        raise MalformedMessageError(f"{what}: expected {count} items")
    return value


def listed(value: Any, most: int, what: str) -> list[Any]:
    """``value`` as an array of at most ``most``; raises MalformedMessageError."""
    if not isinstance(value, list) or len(value) > most:
        raise MalformedMessageError(f"{what}: expected at most {most} items")
    return value


def octets(value: Any, length: int | None, what: str) -> bytes:
    """``value`` as bytes, of that length if given; raises MalformedMessageError."""
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise MalformedMessageError(f"{what}: expected {length if length is not None else 'some'} bytes")
    return value


def text(value: Any, what: str) -> str:
    """``value`` as text of 1 to 200 characters; raises MalformedMessageError."""
    if not isinstance(value, str) or not 1 <= len(value) <= 200:  # noqa: PLR2004
        raise MalformedMessageError(f"{what}: expected a short text")
    return value


def optional_text(value: Any, what: str) -> str | None:
    """``value`` as text or None; raises MalformedMessageError."""
    return None if value is None else text(value, what)


def whole(value: Any, what: str) -> int:
    """``value`` as a number from 0 to ``MOST``; raises MalformedMessageError."""
    if type(value) is not int or not 0 <= value <= MOST:
        raise MalformedMessageError(f"{what}: expected a whole number")
    return value


def yes_or_no(value: Any, what: str) -> bool:
    """``value`` as true or false; raises MalformedMessageError."""
    if not isinstance(value, bool):
        raise MalformedMessageError(f"{what}: expected true or false")
    return value


def number_of(kind: type[E], value: Any, what: str) -> E:
    """``value`` as a member of an enum; raises MalformedMessageError."""
    # Of exactly these types: true and 1.0 are no second spellings of 1.
    found: E | None = _members(kind).get(value) if type(value) in _SPELLINGS else None
    if found is None:
        raise MalformedMessageError(f"{what}: not a value of the protocol")
    return found


@lru_cache(maxsize=64)
def _members(kind: type[E]) -> dict[Any, E]:
    """Looked up here, a member is found in a quarter of the time that the enum itself takes."""
    return {member.value: member for member in kind}
