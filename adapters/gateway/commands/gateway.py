"""The gateway's commands: run, publish, inbox, outbox, chronology."""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from adapters.gateway.api import Gateway, Item, Sent
from adapters.gateway.commands.acting import handover, identity, involvement
from adapters.gateway.commands.bundle import bundle, send_again
from adapters.gateway.commands.characteristics import characteristics
from adapters.gateway.commands.clocks import clocks
from adapters.gateway.commands.cues import cues
from adapters.gateway.commands.household import household, households
from adapters.gateway.commands.inside import inside
from adapters.gateway.commands.notices import notices
from adapters.gateway.commands.packing import pack, receipt
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option, show_faults, show_refusal
from adapters.gateway.commands.standing_by import take_over
from adapters.gateway.errors import NotAnEventError
from adapters.gateway.feeding import feed_nems
from adapters.gateway.record.plain import day_and_time, lines_of
from adapters.gateway.run import GatewayService
from adapters.gateway.sending.mending import CHAIN_STRIDE, step_over
from broker.clock import to_ms
from broker.errors import RejectedError
from broker.faults import gap_of
from broker.lifecycle import settle_memory, stop_on_signals
from broker.logs import configure_logs
from broker.telemetry.watching import GatewayWatch
from broker.terminal import show_table
from schemas.errors import EventRefusedError
from schemas.wire import InKind

__all__ = ["chronology", "gateway", "handover", "identity", "inbox", "involvement", "outbox", "publish"]

_TECHNICAL: Final = frozenset({"type", "version", "id"})


@click.group()
def gateway() -> None:
    """The program that a member runs beside its own systems."""


for one in (notices, clocks, cues, take_over, characteristics):
    gateway.add_command(one)
for one in (household, households, inside, pack, bundle, send_again, receipt):
    handover.add_command(one)


@gateway.command()
@home_option
@click.option("--url", help="The bus, if not the one in the home.")
@click.option("--metrics-port", type=int, help="Serve Prometheus metrics on this port of 127.0.0.1.")
def run(home: Path, url: str | None, metrics_port: int | None) -> None:
    """Send and receive until Ctrl-C. Starts without a server and waits for one."""
    from broker.telemetry.process import watched_gateway

    configure_logs()
    with watched_gateway(home, metrics_port) as watch:
        asyncio.run(_run(home, url, watch))


async def _run(home: Path, url: str | None, watch: GatewayWatch) -> None:
    stop = asyncio.Event()
    with Gateway.open(home, gap=gap_of("gateway")) as opened, stop_on_signals(stop):
        settle_memory()
        await GatewayService(opened, url, watch).run(stop, ready=lambda: click.echo("ready"))


@gateway.command(cls=Spoken)
@home_option
@click.option("--since", type=click.DateTime(), help="Only what came since then (UTC); by default all of it.")
@click.option(
    "--whole-home",
    is_flag=True,
    help="All of the home came from a backup, custody with it, not only gateway.db.",
)
def recover(home: Path, since: datetime | None, *, whole_home: bool) -> None:
    """Mend a home whose database was lost, or restored from an old copy. Run it before `handrail gateway run`.

    What was received is applied again from custody; one's own numbering goes on beyond what was sent. Not mended,
    because nothing here knows it: who opened or took on what since the copy, and events that never went out.
    """
    at_ms = to_ms(since.replace(tzinfo=UTC)) if since else 0
    with Gateway.open(home) as opened:
        stepped = bool(opened.stepped)
        if whole_home and not stepped:
            with opened.home.store.work() as work:
                step_over(work, CHAIN_STRIDE)
            stepped = True
        bodies = list(opened.home.custody.since(at_ms))
        before = len(opened.inbox(everything=True))
        opened.receiving.replay(bodies)
        after = len(opened.inbox(everything=True))
        gaps = opened.receiving.gaps()
    click.echo(f"{len(bodies)} messages in custody, {after - before} of them were missing from the ledger.")
    click.echo(
        "Own numbering stepped over what was sent since the copy; the audit trail shows the gap. Publish again what "
        "your case system sent since then: what arrived before is dropped as a repeat."
        if stepped
        else "Own numbering is in order."
    )
    click.echo(
        "No gaps."
        if not gaps
        else f"{len(gaps)} deliveries are still missing; the running gateway asks for them."
    )


@gateway.command()
@home_option
@as_json_flag
def alarms(home: Path, *, as_json: bool) -> None:
    """What others owe this member and have not done, and what does not fit its record. Ends with 1 if there is any."""
    with Gateway.open(home) as opened:
        found = opened.alarms()
    if as_json:
        click.echo(json.dumps([asdict(alarm) for alarm in found]))
    elif not found:
        click.echo("No alarms.")
    for alarm in () if as_json else found:
        since = f"since {day_and_time(alarm.since_ms)}"
        click.echo(f"{alarm.code}: {alarm.says}\n  {alarm.about}, rests with {alarm.rests_with}, {since}")
    sys.exit(1 if found else 0)


@click.command(cls=Spoken)
@home_option
@click.argument("file", type=click.File("rb"))
@click.option("--nems", is_flag=True, help="FILE is an NHS NEMS message (FHIR STU3, XML or JSON).")
def publish(home: Path, file: BinaryIO, *, nems: bool) -> None:
    """Publish an event, a list of events, or ``{"events": [...]}``, from a JSON FILE (- for standard input).

    Exit code 0: all are on their way; 2: at least one was refused; the others went.
    """
    data = file.read()
    with Gateway.open(home) as opened:
        refused = _publish_nems(opened, data) if nems else _publish_each(opened, _events_in(data))
    if refused:
        sys.exit(2)


def _events_in(data: bytes) -> list[Any]:
    """The events of a file. Ends the command with a reason and a hint where it is something else."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise click.UsageError("The file is XML. If it is an NHS NEMS message, add --nems.")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        click.echo("Refused (malformed-json): the file is not JSON. Nothing was published.", err=True)
        sys.exit(2)
    if isinstance(document, dict) and "resourceType" in document:
        raise click.UsageError("The file is a FHIR message. If it is an NHS NEMS message, add --nems.")
    if isinstance(document, dict) and "events" in document:
        document = document["events"]
    return document if isinstance(document, list) else [document]


def _publish_each(opened: Gateway, events: list[Any]) -> int:
    """Publish what can be; one bad event never stops the others. Gives how many were refused."""
    refused = 0
    for number, event in enumerate(events, start=1):
        what = f"event {number}" if len(events) > 1 else "the event"
        try:
            if not isinstance(event, dict):
                raise NotAnEventError
            click.echo(f"{opened.publish(event)}  {event.get('event', event).get('type')}")
        except EventRefusedError as error:
            refused += 1
            show_faults(error, what)
        except RejectedError as error:
            refused += 1
            show_refusal(error, what)
    if not events:
        click.echo("The file holds no event. Nothing was published.", err=True)
    return refused


def _publish_nems(opened: Gateway, data: bytes) -> int:
    fed = feed_nems(opened, data)
    for one in fed.published:
        click.echo(f"{one.event_id}  {one.type}")
    for failed in fed.not_published:
        if isinstance(failed.error, EventRefusedError):
            show_faults(failed.error, failed.type)
        else:
            show_refusal(failed.error, failed.type)
    if not fed.published and not fed.not_published:
        click.echo("The message says nothing that needs an event. Nothing was published.")
    report = fed.report
    left_out = sum(report.ignored.values())
    click.echo(
        f"Of {report.values} values {report.mapped} were mapped, {left_out} left out by rule, "
        f"{len(report.unmapped)} have no place; `handrail map nems FILE` shows each."
    )
    for note in report.notes:
        click.echo(f"To know: {note}")
    return len(fed.not_published)


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
    rows = [
        (
            str(item.number),
            day_and_time(item.taken_ms),
            item.author_name,
            (item.child or "-")[:8],
            _state(item) + (f"\n{item.says}" if item.says else ""),
        )
        for item in items
    ]
    show_table(("No.", "Came", "From", "Child", "State"), rows, empty="The inbox is empty.")


@inbox.command("show", cls=Spoken)
@home_option
@click.argument("number", type=int)
@click.option(
    "--role", default="front-door worker", show_default=True, help="Goes into the receipt; no name does."
)
@as_json_flag
def inbox_show(home: Path, number: int, role: str, as_json: bool) -> None:
    """Open one event. Its author is told that it was opened, and in which role."""
    with Gateway.open(home) as opened:
        item = opened.item(number)
        if item.says is not None:
            click.echo(json.dumps(_item(item), indent=1) if as_json else item.says)
            return
        read = opened.read(number, role=role)
    if as_json:
        click.echo(json.dumps(read.document, indent=1, ensure_ascii=False))
        return
    click.echo(f"{read.type}, from {item.author_name}, came {day_and_time(item.taken_ms)}")
    if item.late:
        click.echo("It came late.")
    if item.kind is InKind.GRANTED:
        click.echo("It was shared with you by a front door.")
    rows = [(name, value) for name, value in lines_of(read.document) if name not in _TECHNICAL]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"  {name:<{width}}  {value}")
    if read.event is None:
        click.echo("Not all of it was for this member, or it was written by a later version: shown as it is.")


@inbox.command(cls=Spoken)
@home_option
@click.argument("number", type=int)
@click.option("--by", required=True, help='Who takes it on: "Name, role".')
def ack(home: Path, number: int, by: str) -> None:
    """Take one event on, by name. The name stays here; the role and the fact go out."""
    with Gateway.open(home) as opened:
        opened.take_on(number, by=by)
    click.echo(f"{by} has taken on delivery {number}; its author is told that somebody in that role has.")


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
    rows = []
    for one in sent:
        readers = "\n".join(
            f"{names.get(reader.reader, reader.reader)}: {_said(reader)}" for reader in one.readers
        )
        on_bus = one.returned or (day_and_time(one.sent_ms) if one.sent_ms else "waiting")
        rows.append((str(one.event_id)[:13], day_and_time(one.created_ms), on_bus, readers))
    show_table(("Event", "Published", "On the bus", "Readers"), rows, empty="Nothing was sent yet.")


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
    rows = [
        (
            line.occurred[:16].replace("T", " "),
            line.read.type,
            line.author_name,
            "granted history" if line.granted else "sent to us",
        )
        for line in lines
    ]
    show_table(
        ("Happened", "What", "From", "How it came"),
        rows,
        empty="There is nothing about this child here.",
    )


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
        "says": item.says,
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
