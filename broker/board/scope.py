"""What a board may be answered about: its areas and their members, each between its dates."""

from datetime import date, time, timedelta

from broker.calendars import at_time
from broker.clock import to_ms
from broker.store.audit.rows import FOR_EVER_MS, Scope
from schemas.directory import Directory


def scope_of(board: str, directory: Directory) -> Scope:
    """What a board may be answered about: its areas while they are areas, and while it takes part."""
    member = directory.member(board)
    if member is None:
        return Scope(frozenset())
    areas = frozenset(map(str, member.areas))
    serving = (one for one in directory.members if areas & set(one.acting_areas))
    times = {area: _time(directory, area, member.left_on) for area in areas}
    return Scope(
        areas,
        frozenset(str(one.id) for one in serving),
        {area: time for area, time in times.items() if time != (0, FOR_EVER_MS)},
    )


def _time(directory: Directory, area: str, left_on: date | None) -> tuple[int, int]:
    entry = directory.area(area)
    first = entry.valid_from if entry is not None else None
    last = entry.valid_to if entry is not None else None
    until = [_midnight(last + timedelta(days=1))] if last is not None else []
    until += [_midnight(left_on)] if left_on is not None else []
    return 0 if first is None else max(0, _midnight(first)), min(until, default=FOR_EVER_MS)


def _midnight(day: date) -> int:
    return to_ms(at_time(day, time(0)))
