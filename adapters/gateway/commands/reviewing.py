"""``handrail handover refused``: what this front door's gateway refused to share, for a person to look at again."""

import json
from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option, on_its_way
from adapters.gateway.frontdoor.actions import Person
from broker.terminal import show_table

_by = click.option("--by", required=True, help='Who decides: "Name, role".')
_because = click.option("--because", required=True, help="In a sentence.")


@click.group("refused")
def refused() -> None:
    """What this gateway refused to share: share it after all, or uphold that with a reason."""


@refused.command("list", cls=Spoken)
@home_option
@as_json_flag
def list_command(home: Path, as_json: bool) -> None:
    """Every refusal that waits for a person, with exactly what stayed here and why."""
    with Gateway.open(home) as opened:
        waiting = opened.reviewing.refused()
        names = {str(member.id): member.name for member in opened.home.directory.members}
    if as_json:
        found = [
            {
                "order": one.order_id.hex(),
                "reader": one.reader,
                "answer": one.answer,
                "kept": [{"event": str(event), "why": why} for event, why in one.kept],
            }
            for one in waiting
        ]
        click.echo(json.dumps(found, indent=1))
        return
    rows = [
        (
            one.order_id.hex()[:8],
            names.get(one.reader, one.reader),
            one.answer,
            "\n".join(f"{str(event)[:13]}  {why}" for event, why in one.kept),
        )
        for one in waiting
    ]
    show_table(
        ("Order", "For", "Answer", "What stays, and why"),
        rows,
        empty="Nothing that was refused waits for a person.",
    )


@refused.command(cls=Spoken)
@home_option
@click.argument("order_id")
@_by
@_because
@click.option("--agreed", help="Which author said yes to passing on what it marked 'ask me', and how.")
def share(home: Path, order_id: str, by: str, because: str, agreed: str | None) -> None:
    """Share it after all. What its author marked never stays; what is marked 'ask me' needs the author's yes."""
    with Gateway.open(home) as opened:
        sent = opened.reviewing.share(order_id, Person.parse(by), because, agreed)
    on_its_way("It is shared after all, as far as its authors let it go.", sent)


@refused.command(cls=Spoken)
@home_option
@click.argument("order_id")
@_by
@_because
def uphold(home: Path, order_id: str, by: str, because: str) -> None:
    """It stays here; the reason is recorded, and whoever was to have it is told that a person has looked at it."""
    with Gateway.open(home) as opened:
        sent = opened.reviewing.uphold(order_id, Person.parse(by), because)
    on_its_way("The refusal is upheld.", sent)
