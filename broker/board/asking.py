"""From what a person types to a question that the store answers, and to the words under which it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import click

from broker.audit.words import UK
from broker.board.node import BoardHome
from broker.calendars import at_time
from broker.clock import to_ms
from broker.crypto.tokens import IdentifierKind
from broker.store.audit.rows import FOR_EVER_MS, Question, Scope
from broker.store.audit.store import AuditWork
from schemas.directory import Directory
from schemas.errors import MalformedIdentifierError
from schemas.ids import NhsNumber, Upn

_IDENTIFIERS: Final = (("nhs", IdentifierKind.NHS_NUMBER, NhsNumber), ("upn", IdentifierKind.UPN, Upn))


@dataclass(frozen=True, slots=True)
class Ask:
    """One question, ready to be answered. ``recorded`` names no identifier of a child, only its token."""

    question: Question
    recorded: str
    unknown: str | None
    """What to say where the reference or number leads to no child of this board's areas."""

    def leads_nowhere(self, work: AuditWork) -> bool:
        """Whether the reference or number leads to nothing here: said alike for a child of nobody and of others."""
        if self.unknown is None:
            return False
        about = Question(scope=self.question.scope, records=self.question.records, most=1)
        return not work.answer(about)


def read_question(home: BoardHome, work: AuditWork, asked: Mapping[str, Any]) -> Ask:
    """Read one question. Raises click.UsageError with a sentence for the person."""
    directory = home.directory()
    scope = scope_of(home.board, directory)
    recorded = []
    records: frozenset[bytes] | None = None
    unknown = None
    if case_ref := asked["case_ref"]:
        recorded.append(f"case {case_ref}")
        records = work.records_by_case(case_ref, scope)
        unknown = f"No event of this board's areas carries the case reference “{case_ref}”."
    for name, kind, form in _IDENTIFIERS:
        if not asked[name]:
            continue
        try:
            token = home.keyring.tokens().token_now(kind, str(form(asked[name])))
        except MalformedIdentifierError as error:
            raise click.UsageError(str(error)) from error
        recorded.append(f"{kind.value} token {token.value.hex()}")
        led = work.records_by_token(token.value)
        records = led if records is None else records & led
        unknown = unknown or "Nothing is known in this board's areas of a child with that number."
    recorded += [f"{name} {asked[name]}" for name in ("member", "area", "since", "until") if asked[name]]
    recorded += [f"kind {kind}" for kind in asked["kinds"]]
    question = Question(
        scope=scope,
        records=records,
        member=_member(directory, asked["member"]),
        area=_area(home.areas(), asked["area"]),
        kinds=tuple(asked["kinds"]),
        since_ms=_moment(asked["since"], 0),
        until_ms=_moment(asked["until"], FOR_EVER_MS),
        most=asked["most"],
    )
    return Ask(question, "; ".join(recorded) or "everything", unknown)


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


def _member(directory: Directory, wanted: str | None) -> str | None:
    """A member by its id, its name, or a part of its name that only one member has."""
    if wanted is None:
        return None
    if directory.member(wanted) is not None:
        return wanted
    exact = [one for one in directory.members if one.name.casefold() == wanted.casefold()]
    like = exact or [one for one in directory.members if wanted.casefold() in one.name.casefold()]
    if len(like) == 1:
        return str(like[0].id)
    if not like:
        raise click.UsageError(f"No member is called “{wanted}”.")
    names = ", ".join(sorted(f"{one.name} ({one.id})" for one in like))
    raise click.UsageError(f"“{wanted}” could be any of: {names}. Give the id.")


def _area(own: frozenset[str], wanted: str | None) -> str | None:
    if wanted is not None and wanted not in own:
        raise click.UsageError(
            f"“{wanted}” is not an area of this board. It answers for: {', '.join(sorted(own)) or 'none'}."
        )
    return wanted


def _moment(given: datetime | None, otherwise: int) -> int:
    """What was typed is UK time, as everything that is shown is."""
    return otherwise if given is None else to_ms(given.replace(tzinfo=UK).astimezone(UTC))
