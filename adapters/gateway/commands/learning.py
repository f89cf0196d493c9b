"""``handrail learning``: a board publishes what a review has taught; teams say that they have it; the board sees who has not."""

from pathlib import Path
from typing import TextIO

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option, show_faults
from adapters.gateway.record.plain import day_and_time
from adapters.gateway.taking.learning import LearningFeed
from schemas.errors import EventRefusedError


@click.group()
def learning() -> None:
    """What safeguarding partnerships have learned, and which teams have it."""


@learning.command(cls=Spoken)
@home_option
@click.option("--title", required=True)
@click.option("--theme", "themes", multiple=True, required=True, help="A theme's letter; may be given again.")
@click.option("--ask", help="What readers are asked to do differently.")
@click.argument("text", type=click.File(encoding="utf-8"))
def publish(home: Path, title: str, themes: tuple[str, ...], ask: str | None, text: TextIO) -> None:
    """Publish TEXT (a file, or - ) to every member of the board's areas. It must name nobody."""
    with Gateway.open(home) as gateway:
        try:
            told = LearningFeed(gateway.home, gateway.publishing).publish(
                title, text.read().strip(), themes, ask
            )
        except EventRefusedError as error:
            show_faults(error, "learning")
            raise SystemExit(1) from error
    click.echo(f"On its way to every member of {len(told)} {'area' if len(told) == 1 else 'areas'}.")


@learning.command("list", cls=Spoken)
@home_option
def list_command(home: Path) -> None:
    """What boards have published to this member, and which of its teams have acknowledged it."""
    with Gateway.open(home) as gateway:
        names = {str(member.id): member.name for member in gateway.home.directory.members}
        lessons = LearningFeed(gateway.home, gateway.publishing).lessons()
    for one in lessons:
        click.echo(
            f"{one.number}: {one.title} ({names.get(one.board, one.board)}, {day_and_time(one.at_ms)})"
        )
        click.echo(f"    {one.learning}")
        if one.ask:
            click.echo(f"    Please: {one.ask}")
        click.echo(f"    acknowledged by: {', '.join(one.teams) or 'no team so far'}")
    if not lessons:
        click.echo("Nothing has been published to this member.")


@learning.command(cls=Spoken)
@home_option
@click.option("--team", required=True, help="The team's code, such as mash-north.")
@click.argument("number", type=int)
def acknowledge(home: Path, team: str, number: int) -> None:
    """Say for a team that it has learning NUMBER. Its board sees that."""
    with Gateway.open(home) as gateway:
        LearningFeed(gateway.home, gateway.publishing).acknowledge(number, team)
    click.echo(f"{team} has it. The board is told.")
