"""``handrail handover counterparts`` and ``handrail involvement encompass``: agency to agency."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option, on_its_way
from adapters.gateway.frontdoor.counterpart_list import Counterpart
from broker.calendars import LONDON
from broker.clock import from_ms
from broker.terminal import show_table


@click.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@as_json_flag
def counterparts(home: Path, handover_id: str, as_json: bool) -> None:
    """Who was active in the old area, and who of them has not yet sent its record to its counterpart."""
    with Gateway.open(home) as opened:
        found = opened.counterparts.of(handover_id)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
        return
    rows = [
        (one.name, one.what.replace("_", " "), _due(one), _sent(one), _receipt(one), one.limit)
        for one in found
    ]
    show_table(
        ("Agency", "Sends", "Due", "Sent to", "Receipt", "Why"),
        rows,
        empty="Nobody else was active in the old area, as far as this record goes.",
    )


def _due(one: Counterpart) -> str:
    if one.due_ms is None:
        return "no date yet"
    return f"{'LATE, was due ' if one.late else ''}{_day(one.due_ms)}"


def _sent(one: Counterpart) -> str:
    return "NOT YET" if one.to is None or one.sent_ms is None else f"{one.to}, {_day(one.sent_ms)}"


def _receipt(one: Counterpart) -> str:
    if one.sent_ms is None:
        return ""
    if one.receipt_ms is not None:
        return f"yes, {_day(one.receipt_ms)}"
    if one.receipt_due_ms is None:
        return "not on this record"
    return f"{'LATE, was due ' if one.receipt_late else 'none yet, due '}{_day(one.receipt_due_ms)}"


def _day(at_ms: int) -> str:
    return f"{from_ms(at_ms).astimezone(LONDON):%a %d %b %Y}"


@click.command(cls=Spoken)
@home_option
@click.argument("number", type=int)
@click.option("--school", required=True, help="The school's member id, or its beginning: by your own roll.")
def encompass(home: Path, number: int, school: str) -> None:
    """Operation Encompass: the education desk tells the child's school of incident NUMBER of its inbox."""
    with Gateway.open(home) as opened:
        sent = opened.counterparts.encompass(number, school)
    on_its_way("The school is told; its receipts come back to this desk.", sent)
