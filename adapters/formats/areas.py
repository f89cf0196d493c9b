"""What a mapping needs to know of areas: which one a postcode lies in. The lookup is an argument, never a global."""

from collections.abc import Callable
from typing import Final, Protocol

from schemas.ids import GssCode, Postcode

_ENDED: Final = "terminated"


class Answer(Protocol):
    """What an area lookup says of one postcode."""

    @property
    def code(self) -> str:
        """Which kind of answer it is."""

    @property
    def gss(self) -> str | None:
        """The authority's code, where there is one; of an ended postcode the last."""


class AreaLookup(Protocol):
    """Answers for one postcode. Pure, in memory, never raises for a well-formed postcode."""

    def lookup(self, text: str) -> Answer:
        """The authority, or why there is none."""


def area_of(areas: AreaLookup, postcode: Postcode | None, note: Callable[[str, str], None]) -> GssCode | None:
    """The authority in which a postcode lies, or None with the reason given to ``note`` as code and sentence."""
    if postcode is None:
        return None
    if postcode.pseudo:
        note("postcode-pseudo", "a stand-in of the NHS for no fixed or known address: the area is unknown")
        return None
    answer = areas.lookup(postcode)
    if answer.code == _ENDED:
        note("postcode-ended", "the postcode has ended: its last area is used, ask for the current postcode")
    if answer.gss is None:
        note(
            "postcode-unplaced",
            "the postcode is not in the area data, or not in England: the area is unknown",
        )
        return None
    return GssCode(answer.gss)


def open_areas() -> AreaLookup:
    """The postcode index of this machine, compiled now if it is not there."""
    from adapters.areas import default_index

    return default_index()
