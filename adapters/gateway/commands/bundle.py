"""``handrail handover bundle``: the history of a handover, item by item, as it came."""

import json
import sys
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option
from adapters.gateway.frontdoor.bundles import BundleItem, Fate
from broker.terminal import show_table

_SAYS: Final = {
    Fate.HERE: "here",
    Fate.MISSING: "has not come",
    Fate.REFUSED: "refused",
    Fate.FOREIGN: "refused: nobody ordered it",
}


@click.command(cls=Spoken)
@home_option
@as_json_flag
@click.argument("handover_id")
def bundle(home: Path, handover_id: str, *, as_json: bool) -> None:
    """Show each event of a handover's history: here, missing, or refused and why. Exit code 1: not all of it is here."""
    with Gateway.open(home) as opened:
        row, _ = opened.actions.handover(handover_id)
        items = opened.bundles.of(row)
    if as_json:
        click.echo(json.dumps([_document(item) for item in items], indent=1))
    elif not items:
        click.echo("No history has been ordered for this area.")
    else:
        rows = []
        for item in items:
            again = ", came again: kept once" if item.fate is Fate.HERE and len(item.deliveries) > 1 else ""
            again += f", refused {item.refused} times" if item.refused > 1 else ""
            numbers = ", ".join(map(str, item.deliveries))
            rows.append(
                (str(UUID(bytes=item.event)), _SAYS[item.fate] + again, ", ".join(item.faults), numbers)
            )
        show_table(("Event", "State", "Why", "Deliveries"), rows)
        here = sum(item.fate is Fate.HERE for item in items)
        click.echo(f"{here} of {sum(item.fate is not Fate.FOREIGN for item in items)} events are here.")
    sys.exit(1 if any(item.fate is not Fate.HERE for item in items) else 0)


@click.command("send-again", cls=Spoken)
@home_option
@click.argument("handover_id")
def send_again(home: Path, handover_id: str) -> None:
    """Send once more what the new area has refused of a history, after the cause was found.

    The gateway does so three times by itself; what is refused after that is owed by a person here, with a clock.
    """
    with Gateway.open(home) as opened:
        row, _ = opened.actions.ours(handover_id, "old")
        sent = opened.orders.send_again(row.handover)
    click.echo(f"{sent} events are sent again." if sent else "Nothing of this history is refused.")


def _document(item: BundleItem) -> dict[str, object]:
    return {
        "event": str(UUID(bytes=item.event)),
        "state": item.fate.value,
        "codes": item.faults,
        "deliveries": item.deliveries,
        "refused": item.refused,
    }
