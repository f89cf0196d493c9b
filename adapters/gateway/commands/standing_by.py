"""``handrail gateway take-over``: a standby becomes the front door's own gateway, because a person says so."""

from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option
from adapters.gateway.sending.mending import CHAIN_STRIDE, step_over


@click.command("take-over", cls=Spoken)
@home_option
@click.option("--by", required=True, help='Who decides it: "Name, role".')
def take_over(home: Path, by: str) -> None:
    """Make a standby the front door's own gateway: its machine is lost, and will not come back as it was.

    Stop the standby first, and start it again afterwards.
    """
    with Gateway.open(home) as opened:
        opened.home.take_over(by)
        # A crash here: the router returns what is numbered as before as a fork, and the gateway steps over by itself.
        with opened.home.store.work() as work:
            step_over(work, CHAIN_STRIDE)
    click.echo(
        "This home is the front door's now. Own numbering stepped over what the lost machine sent; the audit trail shows "
        "the gap. See that the lost machine is not started again: `handrail directory rotate` gives the member new keys."
    )
