"""From a postcode or an authority to the area whose front door answers. Looked up locally, never asked of anybody."""

from typing import Protocol

from schemas.errors import MalformedIdentifierError
from schemas.events.base import Residence
from schemas.ids import GssCode, Postcode


class Places(Protocol):
    """What a gateway must know of geography. Pure look-ups; None where it is not known."""

    def authority(self, postcode: Postcode) -> GssCode | None:
        """The local authority of a postcode."""
        ...

    def answering(self, gss: GssCode) -> GssCode:
        """The area whose children's services answer: a district's county, a dissolved area's successor."""
        ...


class LocalPlaces:
    """The compiled postcode index and the register of areas; compiled at the first use if it is not there."""

    def __init__(self) -> None:
        from adapters.areas import default_index
        from schemas.areas import AreaRegister

        self._index = default_index()
        self._register = AreaRegister.load()

    def authority(self, postcode: Postcode) -> GssCode | None:
        """The local authority of a postcode."""
        found = self._index.lookup(postcode).gss
        return None if found is None else GssCode(found)

    def answering(self, gss: GssCode) -> GssCode:
        """The area whose children's services answer; itself where nothing else is known."""
        return GssCode(self._register.childrens_services(gss))


def area_of(residence: Residence | None, places: Places) -> GssCode | None:
    """The answering area of a place: by its own code first, else by its postcode."""
    if residence is None:
        return None
    if residence.gss is not None:
        return places.answering(residence.gss)
    return area_of_postcode(residence.postcode, places)


def area_of_postcode(postcode: Postcode | None, places: Places) -> GssCode | None:
    """The answering area of a postcode, or None."""
    if postcode is None:
        return None
    try:
        found = places.authority(postcode)
    except MalformedIdentifierError:
        return None
    return None if found is None else places.answering(found)
