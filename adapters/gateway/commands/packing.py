"""``handrail handover pack | receipt``: for an area that is not in the exchange."""

import os
from datetime import datetime
from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option, on_its_way
from adapters.gateway.frontdoor.actions import Person

_by = click.option("--by", required=True, help='Who decides: "Name, role".')


@click.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--to", required=True, help="The duty contact there, as you found it.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="An HTML file.")
def pack(home: Path, handover_id: str, by: str, to: str, out: Path) -> None:
    """Write the history as one page to print, for an area that is not in the exchange. It is personal data: see it off."""
    with Gateway.open(home) as opened:
        page = opened.packing.page(handover_id, Person.parse(by), to)
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(page)
    click.echo(f"{out} is written, for your eyes only. Nobody has it until you see that somebody has.")


@click.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@_by
@click.option("--from", "taken_by", required=True, help="Who is said to have it there: name or role.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="YYYY-MM-DD.")
def receipt(home: Path, handover_id: str, by: str, taken_by: str, on: datetime) -> None:
    """Note that somebody outside says to have the pack. It is shown as unproven and moves nothing."""
    with Gateway.open(home) as opened:
        sent = opened.packing.receipt(handover_id, Person.parse(by), taken_by, on.date())
    on_its_way("The receipt is noted, as typed by hand; this area holds the case as before.", sent)
