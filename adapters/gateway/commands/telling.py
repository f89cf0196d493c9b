"""``handrail handover tell``: let the one area know where a hidden family has gone on to that it left last."""

from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option, on_its_way
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.telling import Telling


@click.command(cls=Spoken)
@home_option
@click.argument("handover_id")
@click.option("--by", required=True, help='Who decides: "Name, role".')
@click.option("--because", required=True, help="In a sentence.")
def tell(home: Path, handover_id: str, by: str, because: str) -> None:
    """Tell the area that the family left by this handover where it is now. Areas that it left before are told nothing."""
    with Gateway.open(home) as opened:
        sent = Telling(opened.home, opened.actions).tell(handover_id, Person.parse(by), because)
    on_its_way("That one area is told, as of any move; the ones before it are not.", sent)
