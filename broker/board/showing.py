"""An answer as a person reads it, as a machine does, and as a spreadsheet does."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from broker.audit.reading import Entry, read_entry
from broker.audit.receipts import Receipts
from broker.audit.words import (
    Names,
    Told,
    basis_text,
    gap_text,
    kind_text,
    plain,
    purpose_text,
    tell,
    uk_text,
    uk_time,
)
from broker.board.veil import Veil
from broker.clock import from_ms
from broker.store.audit.rows import Asked, Found, Hole
from schemas.directory import Directory
from schemas.errors import MalformedIdentifierError
from schemas.ids import EventId

CSV_COLUMNS: Final = (
    "partition",
    "number",
    "at_uk",
    "at_utc",
    "kind",
    "what_happened",
    "details",
    "by",
    "by_id",
    "to",
    "event",
    "child",
    "event_type",
    "purpose",
    "basis",
    "occurred_utc",
    "case_ref",
    "slip",
)
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a formula begins, in full-width letters, too. Control characters are no letters of any cell."""


@dataclass(frozen=True, slots=True)
class View:
    """What an answer is told with: names, and what readers have said of the events in it."""

    names: Names
    receipts: Receipts
    veil: Veil = field(default_factory=Veil)

    def tell(self, one: Found, entry: Entry) -> Told:
        """One entry in words."""
        names = self.named(one)
        told = tell(entry, one, names)
        return Told(told.headline, (*told.details, *self.receipts.of(entry, names)))

    def named(self, one: Found) -> Names:
        """Names, as far as they may stand beside this entry."""
        return self.veil.names(one.child, self.names)


def names_of(directory: Directory) -> Names:
    """Names of members and areas from the directory."""
    known = {str(member.id): member.name for member in directory.members}
    known |= {str(area.gss): area.name for area in directory.areas}
    return lambda code: known.get(code, code)


def as_text(found: list[Found], view: View) -> RenderableType:
    """A day after the other; nothing is cut off at any width."""
    parts: list[RenderableType] = []
    several = len({one.child for one in found if one.child is not None}) > 1
    for day, of_day in groupby(found, lambda one: uk_time(one.row.at_ms).date()):
        parts.append(Text(f"\n{day:%A} {day.day} {day:%B %Y}", style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, justify="right")
        grid.add_column(overflow="fold")
        for one in of_day:
            grid.add_row(
                f"{uk_time(one.row.at_ms):%H:%M}",
                str(one.row.place.number),
                _told(one, view, several=several),
            )
        parts.append(grid)
    return Group(*parts)


def as_document(one: Found, view: View) -> dict[str, Any]:
    """Everything that the board may know of one entry, for machines. Keys are only ever added."""
    entry = read_entry(one.row.body)
    told = view.tell(one, entry)
    document: dict[str, Any] = {
        "partition": one.row.place.partition,
        "number": one.row.place.number,
        "at": from_ms(one.row.at_ms).isoformat(),
        "kind": one.row.kind,
        "what_happened": told.headline,
        "details": list(told.details),
        "by": view.veil.plain(one.child, one.row.actor),
        "by_name": view.named(one)(one.row.actor) if one.row.actor else None,
        "event": _event(one),
        "child": _handle(one),
        "fields": _plain(
            view.veil.plain(
                one.child, {name: value for name, value in entry.fields.items() if name not in _SEALED}
            )
        ),
        "slip_state": one.slip_state.value,
    }
    if one.slip is not None:
        document["slip"] = {
            "type": one.slip.event_type,
            "purpose": one.slip.purpose,
            "basis": one.slip.basis,
            "occurred": from_ms(one.slip.occurred_ms).isoformat(),
            "recorded": from_ms(one.slip.recorded_ms).isoformat(),
            "case_ref": one.slip.case_ref,
        }
    return document


def as_csv(found: list[Found], view: View) -> str:
    """One line per entry under ``CSV_COLUMNS``. No cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for one in found:
        values = _values(one, read_entry(one.row.body), view)
        writer.writerow([cell(values[column]) for column in CSV_COLUMNS])
    return out.getvalue()


def questions_as_text(asked: list[Asked], stands: Mapping[int, str]) -> RenderableType:
    """Who asked what, and why."""
    parts: list[RenderableType] = []
    for one in asked:
        shown = "1 entry" if one.shown == 1 else f"{one.shown} entries"
        head = Text(f"{uk_text(one.at_ms)}  {clean(one.asker)}", style="bold")
        parts += [head, Text(f"  asked for: {clean(one.asked)}"), Text(f"  purpose: {clean(one.purpose)}")]
        parts.append(Text(f"  shown: {shown}; in the log: {stands[one.number]}"))
    return Group(*parts)


def question_document(one: Asked, stands: Mapping[int, str]) -> dict[str, Any]:
    """One recorded question, for machines."""
    return {
        "number": one.number,
        "at": from_ms(one.at_ms).isoformat(),
        "by": one.asker,
        "purpose": one.purpose,
        "asked": one.asked,
        "shown": one.shown,
        "in_the_log": stands[one.number],
    }


def warnings(holes: list[Hole], unread: list[str], gaps: Sequence[Found] = ()) -> list[str]:
    """What an auditor must know before trusting the list to be whole."""
    said = []
    if gaps:
        which = "; ".join(gap_text(read_entry(one.row.body)) for one in gaps[:10])
        said.append(f"The log itself records what never came: {which}{'; ...' if len(gaps) > 10 else ''}.")  # noqa: PLR2004
    if holes:
        places = ", ".join(_range(hole) for hole in holes[:10]) + (", ..." if len(holes) > 10 else "")  # noqa: PLR2004
        count = sum(hole.size for hole in holes)
        said.append(
            f"{count} {'entry has' if count == 1 else 'entries have'} not reached this node (number {places}): "
            "the trail may be incomplete."
        )
    if unread:
        said.append(
            f"{len(unread)} message{'' if len(unread) == 1 else 's'} on the trail could not be read, or contradict "
            "an entry; tell the operator of the exchange."
        )
    return said


def show(console: Console, lines: list[str]) -> None:
    """Plain lines, wrapped, never read as markup."""
    for line in lines:
        console.print(Text(clean(line)))


def clean(text: str) -> str:
    """Without anything that could steer a terminal: members choose names and references."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


_SEALED: Final = frozenset({"slips", "setup"})


def _told(one: Found, view: View, *, several: bool) -> Text:
    told = view.tell(one, read_entry(one.row.body))
    text = Text(clean(told.headline), style="bold")
    for detail in told.details:
        text.append(f"\n{clean(detail)}", style="not bold")
    if several and one.child is not None:
        text.append(f"\nchild {_handle(one)}", style="not bold")
    return text


def _values(one: Found, entry: Entry, view: View) -> Mapping[str, object]:
    told, names = view.tell(one, entry), view.named(one)
    slip = one.slip
    return {
        "partition": one.row.place.partition,
        "number": one.row.place.number,
        "at_uk": uk_time(one.row.at_ms).strftime("%d/%m/%Y %H:%M:%S"),
        "at_utc": from_ms(one.row.at_ms).isoformat(),
        "kind": kind_text(one.row.kind),
        "what_happened": told.headline,
        "details": "; ".join(told.details),
        "by": names(one.row.actor) if one.row.actor else "",
        "by_id": view.veil.plain(one.child, one.row.actor or ""),
        "to": "; ".join(names(reader) for reader in entry.readers),
        "event": _event(one) or "",
        "child": _handle(one) or "",
        "event_type": plain(slip.event_type) if slip else "",
        "purpose": purpose_text(slip.purpose) if slip else "",
        "basis": basis_text(slip.basis) if slip else "",
        "occurred_utc": from_ms(slip.occurred_ms).isoformat() if slip else "",
        "case_ref": (slip.case_ref or "") if slip else "",
        "slip": one.slip_state.value,
    }


def cell(value: object) -> str:
    """A cell of a spreadsheet that no program takes for a formula."""
    text = clean(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _range(hole: Hole) -> str:
    return str(hole.first) if hole.size == 1 else f"{hole.first} to {hole.last}"


def _event(one: Found) -> str | None:
    if one.row.event_id is None:
        return None
    try:
        return str(EventId.from_raw(one.row.event_id))
    except MalformedIdentifierError:
        return one.row.event_id.hex()  # an author may have named it anyhow: that must hide nothing else


def _handle(one: Found) -> str | None:
    return None if one.child is None else one.child.hex()[:8]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
