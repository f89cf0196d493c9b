"""``handrail handover counterparts`` and ``handrail involvement encompass``: agency to agency."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option, on_its_way


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
    table = Table("Agency", "Sends", "Within", "Sent to", title="Counterparts")
    for one in found:
        table.add_row(one.name, one.what.replace("_", " "), one.limit, one.to or "NOT YET")
    Console().print(table if found else "Nobody else was active in the old area, as far as this record goes.")


@click.command(cls=Spoken)
@home_option
@click.argument("number", type=int)
@click.option("--school", required=True, help="The school's member id, or its beginning: by your own roll.")
def encompass(home: Path, number: int, school: str) -> None:
    """Operation Encompass: the education desk tells the child's school of incident NUMBER of its inbox."""
    with Gateway.open(home) as opened:
        sent = opened.counterparts.encompass(number, school)
    on_its_way("The school is told; its receipts come back to this desk.", sent)
