"""The gateway's commands: run, publish, inbox, outbox, chronology."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from adapters.gateway.acting import handover, identity, involvement
from adapters.gateway.api import Gateway, Item, Sent
from adapters.gateway.run import GatewayService
from adapters.gateway.showing import as_json_flag, day_and_time, home_option, show_faults
from broker.lifecycle import stop_on_signals
from broker.logs import configure_logs
from schemas.errors import EventRefusedError
from schemas.wire import InKind

__all__ = ["chronology", "gateway", "handover", "identity", "inbox", "involvement", "outbox", "publish"]


@click.group()
def gateway() -> None:
    """The program that a member runs beside its own systems."""


@gateway.command()
@home_option
@click.option("--url", help="The bus, if not the one in the home.")
def run(home: Path, url: str | None) -> None:
    """Send and receive until Ctrl-C. Starts without a server and waits for one."""
    configure_logs()
    asyncio.run(_run(home, url))


async def _run(home: Path, url: str | None) -> None:
    stop = asyncio.Event()
    with Gateway.open(home) as opened, stop_on_signals(stop):
        await GatewayService(opened, url).run(stop, ready=lambda: click.echo("ready"))


@gateway.command()
@home_option
@click.option("--since", type=click.DateTime(), help="Only what came since then (UTC); by default all of it.")
def recover(home: Path, since: Any) -> None:
    """Apply again what custody holds: mends a ledger that was restored from an old copy."""
    at_ms = int(since.timestamp() * 1000) if since else 0
    with Gateway.open(home) as opened:
        bodies = list(opened.home.custody.since(at_ms))
        before = len(opened.inbox(everything=True))
        opened.receiving.replay(bodies)
        after = len(opened.inbox(everything=True))
        gaps = opened.receiving.gaps()
    click.echo(f"{len(bodies)} messages in custody, {after - before} of them were missing from the ledger.")
    click.echo(
        "No gaps."
        if not gaps
        else f"{len(gaps)} deliveries are still missing; the running gateway asks for them."
    )


@click.command()
@home_option
@click.argument("file", type=click.File("rb"))
def publish(home: Path, file: Any) -> None:
    """Publish an event, or ``{"events": [...]}``, from a JSON FILE (- for standard input)."""
    try:
        document = json.loads(file.read())
    except ValueError:
        click.echo("Refused (malformed-json): the file is not JSON.", err=True)
        sys.exit(2)
    events = document["events"] if isinstance(document, dict) and "events" in document else [document]
    refused = 0
    with Gateway.open(home) as opened:
        for number, event in enumerate(events, start=1):
            try:
                click.echo(f"{opened.publish(event)}  {event.get('type')}")
            except EventRefusedError as error:
                # One bad event never stops the others.
                refused += 1
                show_faults(error, f"event {number}")
    if refused:
        sys.exit(2)


@click.group()
def inbox() -> None:
    """What has come: list it, open it, take it on."""


@inbox.command("list")
@home_option
@as_json_flag
@click.option("--all", "everything", is_flag=True, help="Also orders, grants and receipts.")
def inbox_list(home: Path, as_json: bool, everything: bool) -> None:
    """Everything that has come, oldest first. Nothing is opened for this."""
    with Gateway.open(home) as opened:
        items = opened.inbox(everything=everything)
    if as_json:
        click.echo(json.dumps([_item(item) for item in items], indent=1))
        return
    table = Table("No.", "Came", "From", "Child", "State", title="Inbox")
    for item in items:
        table.add_row(
            str(item.number),
            day_and_time(item.taken_ms),
            item.author_name,
            (item.child or "-")[:8],
            _state(item),
        )
    Console().print(table if items else "The inbox is empty.")


@inbox.command("show")
@home_option
@click.argument("number", type=int)
@click.option(
    "--role", default="front-door worker", show_default=True, help="Goes into the receipt; no name does."
)
@as_json_flag
def inbox_show(home: Path, number: int, role: str, as_json: bool) -> None:
    """Open one event. Its author is told that it was opened, and in which role."""
    with Gateway.open(home) as opened:
        read = opened.read(number, role=role)
    if as_json:
        click.echo(json.dumps(read.document, indent=1, ensure_ascii=False))
        return
    console = Console()
    console.print(f"[bold]{read.type}[/bold], parts: {', '.join(part.name.lower() for part in read.parts)}")
    console.print_json(json.dumps(read.document, ensure_ascii=False))


@inbox.command()
@home_option
@click.argument("number", type=int)
@click.option("--by", required=True, help='Who takes it on: "Name, role".')
def ack(home: Path, number: int, by: str) -> None:
    """Take one event on, by name. The name stays here; the role and the fact go out."""
    with Gateway.open(home) as opened:
        opened.take_on(number, by=by)
    click.echo(f"{by} has taken on {number}.")


@click.group()
def outbox() -> None:
    """What was sent, and what its readers have said."""


@outbox.command("list")
@home_option
@as_json_flag
def outbox_list(home: Path, as_json: bool) -> None:
    """One's own events, newest first."""
    with Gateway.open(home) as opened:
        sent = opened.outbox()
        names = {str(member.id): member.name for member in opened.home.directory.members}
    if as_json:
        click.echo(json.dumps([_sent(one) for one in sent], indent=1))
        return
    table = Table("Event", "Published", "On the bus", "Readers", title="Outbox")
    for one in sent:
        readers = "\n".join(
            f"{names.get(reader.reader, reader.reader)}: {_said(reader)}" for reader in one.readers
        )
        on_bus = one.returned or (day_and_time(one.sent_ms) if one.sent_ms else "waiting")
        table.add_row(str(one.event_id)[:13], day_and_time(one.created_ms), on_bus, readers)
    Console().print(table if sent else "Nothing was sent yet.")


@click.command()
@home_option
@click.argument("child")
@as_json_flag
def chronology(home: Path, child: str, as_json: bool) -> None:
    """Everything this member may read about one CHILD (the beginning of its handle), by when it happened."""
    with Gateway.open(home) as opened:
        lines = opened.chronology(child)
    if as_json:
        click.echo(
            json.dumps(
                [
                    {"occurred_at": line.occurred, "author": line.author_name, "granted": line.granted}
                    | {"event": line.read.document}
                    for line in lines
                ],
                indent=1,
                ensure_ascii=False,
            )
        )
        return
    table = Table("Happened", "What", "From", "How it came", title="Chronology")
    for line in lines:
        table.add_row(
            line.occurred[:16].replace("T", " "),
            line.read.type,
            line.author_name,
            "granted history" if line.granted else "sent to us",
        )
    Console().print(table if lines else "There is nothing about this child here.")


def _state(item: Item) -> str:
    words = [item.kind.name.lower()] if item.kind is not InKind.VIEW else []
    words += ["late"] if item.late else []
    words += [f"{item.state}: {item.fault}"] if item.fault else []
    if item.taken_on_by:
        words.append(f"taken on by {item.taken_on_by}")
    elif item.opened_ms:
        words.append("opened")
    else:
        words.append("new" if item.state == "applied" else item.state)
    return ", ".join(words)


def _item(item: Item) -> dict[str, Any]:
    return {
        "number": item.number,
        "kind": item.kind.name.lower(),
        "message": item.message_id.hex(),
        "author": item.author,
        "author_name": item.author_name,
        "child": item.child,
        "taken_ms": item.taken_ms,
        "late": item.late,
        "skewed": item.skewed,
        "state": item.state,
        "fault": item.fault,
        "opened_ms": item.opened_ms,
        "taken_on_by": item.taken_on_by,
    }


def _sent(one: Sent) -> dict[str, Any]:
    return {
        "event": str(one.event_id),
        "created_ms": one.created_ms,
        "sent_ms": one.sent_ms,
        "returned": one.returned,
        "readers": [
            {
                "reader": reader.reader,
                "delivered_ms": reader.delivered_ms,
                "opened_ms": reader.opened_ms,
                "taken_on_ms": reader.taken_on_ms,
            }
            for reader in one.readers
        ],
    }


def _said(reader: Any) -> str:
    if reader.taken_on_ms:
        return "taken on"
    if reader.opened_ms:
        return "opened"
    return "delivered" if reader.delivered_ms else "no receipt yet"
