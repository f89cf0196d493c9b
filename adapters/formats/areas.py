"""What a mapping needs to know of areas: which one a postcode lies in. The lookup is an argument, never a global."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.ids import GssCode, Postcode


class AreaLookup(Protocol):
    """Answers for one postcode. Pure, in memory, never raises for a well-formed postcode."""

    def lookup(self, text: str) -> Any:
        """An answer whose ``gss`` is the authority's code, where there is one."""


def area_of(areas: AreaLookup, postcode: Postcode | None, note: Callable[[str, str], None]) -> GssCode | None:
    """The authority in which a postcode lies, or None with the reason given to ``note`` as code and sentence."""
    if postcode is None:
        return None
    if postcode.pseudo:
        note("postcode-pseudo", "a stand-in of the NHS for no fixed or known address: the area is unknown")
        return None
    if isinstance(areas, NoAreas):
        note("no-area-data", "no area data is compiled on this machine: the area is unknown")
        return None
    found = getattr(areas.lookup(postcode), "gss", None)
    if found is None:
        note(
            "postcode-unplaced",
            "the postcode is not in the area data, or not in England: the area is unknown",
        )
        return None
    return GssCode(found)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """The answer where nothing is known of a postcode."""

    gss: GssCode | None = None


class NoAreas:
    """Knows no postcode: every area stays unknown, and every mapping says so."""

    def lookup(self, text: str) -> Unplaced:  # noqa: ARG002 - the protocol's signature
        """Always unplaced."""
        return Unplaced()


def open_areas() -> AreaLookup:
    """The postcode index of this machine, compiled now if it is not there."""
    from adapters.areas import default_index

    return default_index()
