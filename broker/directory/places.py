"""The areas that a member brings into the directory."""

from broker.directory.errors import UnknownAreaError
from schemas.areas import AreaRegister
from schemas.calendars import Division
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
    known = AreaRegister.load().area(gss)
    if known is None:
        return AreaEntry(gss=gss, name=gss, calendar=Division.of(gss), clock_start=clock_start)
    return AreaEntry(
        gss=gss,
        name=known.name,
        valid_from=known.valid_from,
        valid_to=known.valid_until,
        successors=known.successors,
        clock_start=clock_start,
        calendar=Division.of(gss),
    )
