"""``handrail board`` and ``handrail audit``: at the board's own node, about the board's own areas."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from broker.board.node import BoardHome, BoardService
from broker.clock import from_ms, to_ms
from broker.crypto.tokens import IdentifierKind
from broker.lifecycle import stop_on_signals
from broker.logs import configure_logs
from broker.store.audit.store import AuditWork, Found, Question
from schemas.audit import AuditEntry, EntryKind
from schemas.errors import MalformedIdentifierError
from schemas.ids import EventId, NhsNumber, Upn
from schemas.wire import ReceiptKind

_home = click.option(
    "--home",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    envvar="HANDRAIL_HOME",
    help="The board's home.",
)


@click.group()
def board() -> None:
    """A safeguarding partnership's own node."""


@board.command()
@_home
@click.option("--url", help="The bus, if not the one in the home.")
def run(home: Path, url: str | None) -> None:
    """Follow the audit trail until Ctrl-C."""
    configure_logs()
    asyncio.run(_run(BoardHome.open(home), url))


async def _run(home: BoardHome, url: str | None) -> None:
    stop = asyncio.Event()
    store = home.store()
    try:
        with stop_on_signals(stop):
            await BoardService(home, store, url).run(stop, ready=lambda: click.echo("ready"))
    finally:
        store.close()


@click.group()
def audit() -> None:
    """Who shared what kind of thing, when, with whom, why; who opened it and who did not."""


@audit.command("list")
@_home
@click.option("--case", "case_ref", help="A front door's case reference.")
@click.option("--nhs", help="An NHS number; it becomes a token here and leaves this machine in no form.")
@click.option("--upn", help="A unique pupil number; as for --nhs.")
@click.option("--member", help="Only entries by this member.")
@click.option("--area", help="Only children of this area (GSS code).")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in EntryKind]))
@click.option("--since", type=click.DateTime(), help="UTC.")
@click.option("--until", type=click.DateTime(), help="UTC.")
@click.option("--most", default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_command(home: Path, as_json: bool, **asked: Any) -> None:
    """Audit entries of this board's areas that fit, oldest first."""
    opened = BoardHome.open(home)
    store = opened.store()
    try:
        with store.work() as work:
            found = work.answer(_question(opened, work, asked))
            gaps = work.gaps()
    finally:
        store.close()
    names = {str(member.id): member.name for member in opened.directory().members}
    if as_json:
        click.echo(
            json.dumps({"missing_entries": gaps, "entries": [_document(one) for one in found]}, indent=1)
        )
        return
    table = Table("No.", "When (UTC)", "Entry", "By", "What", "To / detail", title="Audit trail")
    for one in found:
        table.add_row(*_row(one, names))
    console = Console()
    console.print(table if found else "No entry fits.")
    if gaps:
        console.print(f"{gaps} entries have not reached this node; the trail above may be incomplete.")


def _question(home: BoardHome, work: AuditWork, asked: dict[str, Any]) -> Question:
    children: frozenset[bytes] | None = None
    if asked["case_ref"]:
        children = work.children_by_case(asked["case_ref"])
    for kind, text, form in (
        (IdentifierKind.NHS_NUMBER, asked["nhs"], NhsNumber),
        (IdentifierKind.UPN, asked["upn"], Upn),
    ):
        if text:
            try:
                token = home.keyring.tokens().token_now(kind, str(form(text)))
            except MalformedIdentifierError as error:
                raise click.UsageError(str(error)) from error
            by_token = work.children_by_token(token.value)
            children = by_token if children is None else children & by_token
    return Question(
        areas=home.areas(),
        children=children,
        actor=asked["member"],
        area=asked["area"],
        kinds=asked["kinds"],
        since_ms=_moment(asked["since"], 0),
        until_ms=_moment(asked["until"], 1 << 62),
        most=asked["most"],
    )


def _moment(given: datetime | None, otherwise: int) -> int:
    return otherwise if given is None else to_ms(given.replace(tzinfo=UTC))


def _document(found: Found) -> dict[str, Any]:
    entry = AuditEntry.from_bytes(found.body)
    document: dict[str, Any] = {
        "number": found.number,
        "at": from_ms(found.at_ms).isoformat(),
        "kind": found.kind,
        "by": found.actor,
        "event": str(EventId.from_raw(found.event_id)) if found.event_id else None,
        "fields": _plain({name: value for name, value in entry.fields.items() if name != "slips"}),
    }
    if found.slip is not None:
        document["slip"] = {
            "type": found.slip.event_type,
            "purpose": found.slip.purpose,
            "basis": found.slip.basis,
            "occurred": from_ms(found.slip.occurred_ms).isoformat(),
            "case_ref": found.slip.case_ref,
        }
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _row(found: Found, names: dict[str, str]) -> tuple[str, ...]:
    entry = AuditEntry.from_bytes(found.body)
    what = found.slip.event_type if found.slip else ""
    return (
        str(found.number),
        from_ms(found.at_ms).strftime("%d %b %H:%M:%S"),
        found.kind,
        names.get(found.actor or "", found.actor or ""),
        what,
        _detail(entry, found, names),
    )


def _detail(entry: AuditEntry, found: Found, names: dict[str, str]) -> str:
    fields = entry.fields
    match entry.kind:
        case EntryKind.TAKEN:
            to = ", ".join(names.get(reader, reader) for reader, _ in fields.get("readers", ()))
            why = f"; {found.slip.purpose}, {found.slip.basis}" if found.slip else ""
            return f"to {to}{why}"
        case EntryKind.RECEIPT:
            return ReceiptKind(fields["receipt"]).name.lower().replace("_", " ")
        case EntryKind.HANDOVER:
            return f"{fields['step']}: {fields['from_area']} > {fields['to_area']}, case holder {fields.get('holder')}"
        case EntryKind.ORDER:
            return f"{len(fields['events'])} events to {names.get(fields['reader'], fields['reader'])}"
        case EntryKind.GRANTED:
            return f"to {names.get(fields['reader'], fields['reader'])}"
        case EntryKind.REFUSED:
            return str(fields.get("code"))
        case EntryKind.OVERDUE:
            return f"{fields.get('owed')} was due {from_ms(fields['due_ms']).isoformat()}"
        case _:
            return ""
