"""The areas that a member brings into the directory."""

from broker.directory.errors import UnknownAreaError
from schemas.codes.cases import ClockStart
from schemas.directory import AreaEntry
from schemas.errors import MalformedIdentifierError
from schemas.ids import GssCode


def area_entry(code: str, clock_start: ClockStart = ClockStart.NOTIFIED) -> AreaEntry:
    """What the directory says of an area.

    Raises:
        UnknownAreaError: not a GSS code.
    """
    try:
        gss = GssCode(code)
    except MalformedIdentifierError as error:
        raise UnknownAreaError(str(error)) from error
    return AreaEntry(gss=gss, name=gss, clock_start=clock_start)
