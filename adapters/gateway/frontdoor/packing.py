"""A handover to an area outside the exchange: a pack on paper, and a receipt that somebody typed and nobody signed.

The pack is one page of HTML without anything from elsewhere. What an author has marked is not in it without asking:
that so many events are left out is said, not which.
"""

import html
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any, Final

from adapters.gateway.frontdoor.actions import Actions, Person
from adapters.gateway.frontdoor.documents import require_named
from adapters.gateway.home import Home
from adapters.gateway.record.chronology import Chronology, Line
from adapters.gateway.record.plain import day_and_time, lines_of
from adapters.gateway.record.reading import Read, Reading
from broker.calendars import LONDON
from broker.clock import from_ms
from broker.errors import RejectedError
from broker.store.gateway.handovers import HandoverRow
from broker.store.gateway.store import Work
from schemas.codes.sharing import Onward
from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.policy import NoRuleError, Policy, kept_to_front_doors
from schemas.wire import InKind

RECEIVED: Final = "pack received by hand"
UNPROVEN: Final = "unproven"
_TECHNICAL: Final = frozenset({"type", "version", "id"})
_STYLE: Final = (
    "body{font:11pt/1.4 sans-serif;margin:2cm;max-width:18cm}h1{font-size:16pt}h2{font-size:12pt;margin-top:1.2em}"
    "table{border-collapse:collapse}td{vertical-align:top;padding:2pt 8pt 2pt 0}"
    "section{break-inside:avoid;border-top:1px solid #999}@media print{body{margin:0}}"
)


class Packing:
    """Makes packs, and keeps what was typed about them."""

    def __init__(self, home: Home, actions: Actions) -> None:
        self._home = home
        self._actions = actions
        self._reading = Reading(home)
        self._chronology = Chronology(home)

    def page(self, handover: str, by: Person, to: str) -> str:
        """The pack, for the duty contact ``to`` that a person has found. Raises NoSuchItemError, NotOurSideError."""
        row, view = self._actions.ours(handover, "old")
        require_named(view)
        lines = [] if row.child is None else self._chronology.of(row.child.hex())
        open_lines = [line for line in lines if _may_be_printed(self._home.directory.policy, line.read)]
        names = {str(area.gss): area.name for area in self._home.directory.areas}
        return _page(view, open_lines, len(lines) - len(open_lines), by, to, names, self._home.clock())

    def receipt(self, handover: str, by: Person, taken_by: str, on: date) -> EventId:
        """Somebody outside is said to have the pack: typed by a person, shown as unproven, and moving nothing."""
        row, view = self._actions.ours(handover, "old")
        details = {
            "kind": RECEIVED,
            "obligation_ref": view.handover.hex(),
            "opened_at": from_ms(view.opened_ms).isoformat(),
            "due_at": from_ms(max((due.due_ms for due in view.due), default=view.opened_ms)).isoformat(),
            "met_at": datetime.combine(on, time(12), LONDON).isoformat(),
            "reason_code": UNPROVEN,
            "owner": f"{taken_by} (typed by {by.role})",
        }
        return self._actions.act("obligation.recorded", row, view.from_area, details, None)

    def receipts(self, work: Work, row: HandoverRow) -> list[str]:
        """What was typed about the pack, in words."""
        about = iter(()) if row.child is None else work.inbox.of_child(row.child, int(InKind.VIEW))
        found = []
        for delivery in about:
            try:
                details = self._reading.delivered(work, delivery).document["details"]
            except RejectedError:
                continue
            if details.get("kind") == RECEIVED and details.get("obligation_ref") == row.handover.hex():
                found.append(
                    f"pack received on {str(details['met_at'])[:10]} by {details['owner']}: {UNPROVEN}"
                )
        return found


def _may_be_printed(policy: Policy, read: Read) -> bool:
    if read.event is None:
        return False
    try:
        onward = read.event.onward or policy.rule(read.type).onward
    except NoRuleError:
        return False
    return onward is Onward.FREE and not kept_to_front_doors(read.event)


def _page(
    view: HandoverView,
    lines: Iterable[Line],
    left_out: int,
    by: Person,
    to: str,
    names: dict[str, str],
    now: datetime,
) -> str:
    old, new = (names.get(area, area) for area in (view.from_area, view.to_area))
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>Handover {view.handover.hex()[:8]}</title><style>{_STYLE}</style></head><body>",
        f"<h1>A child has moved from {_safe(old)} to {_safe(new)}</h1>",
        (
            f"<p>For: {_safe(to)}<br>From: {_safe(', '.join(filter(None, [by.name, by.role])))}<br>"
            f"Printed: {now.astimezone(LONDON):%d %B %Y %H:%M}; reference {view.handover.hex()[:8]}</p>"
        ),
        (
            f"<p><b>{_safe(old)} holds the case</b> until it closes its own plan; nobody can take it over on paper. "
            f"<b>{_safe(new)} has the duty to keep the child safe</b>, since {day_and_time(view.opened_ms)} UTC.</p>"
        ),
        "<h2>Due</h2>",
        _table(
            (due.kind, f"{day_and_time(due.due_ms)} UTC: {due.reason}") for due in view.due if not due.met_ms
        ),
        "<h2>History</h2>",
        *(_section(line) for line in lines),
    ]
    if left_out:
        parts.append(f"<p>{left_out} entries are not here: their authors are to be asked first.</p>")
    parts.append(
        "<h2>Receipt</h2><p>Please tell the sender by telephone that you have this, and who you are. "
        "Name, role, date: ______________________________</p></body></html>"
    )
    return "\n".join(parts)


def _section(line: Line) -> str:
    rows = ((name, value) for name, value in lines_of(line.read.document) if name not in _TECHNICAL)
    head = f"{line.occurred[:16].replace('T', ' ')}: {line.read.type}, from {line.author_name}"
    return f"<section><h3>{_safe(head)}</h3>{_table(rows)}</section>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return f"<table>{''.join(_rows(rows))}</table>"


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in rows:
        yield f"<tr><td>{_safe(name)}</td><td>{_safe(value)}</td></tr>"


def _safe(text: Any) -> str:
    return html.escape(str(text))
