"""``handrail gateway characteristics``: what a front door's case system says of a child, for bands that its boards may hold."""

from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option
from adapters.gateway.record.characteristics import Kept, read_characteristics
from schemas.bands import Disabled


@click.group()
def characteristics() -> None:
    """Ethnic group and disability of a child, for boards alone: only where the sharing policy lets them hold bands."""


@characteristics.command("set", cls=Spoken)
@home_option
@click.option("--case", "case_ref", required=True, help="The front door's own case reference.")
@click.option("--ethnicity", help="The census's code, such as WBRI.")
@click.option(
    "--disability",
    "disabilities",
    multiple=True,
    help="The census's code, such as HAND; may be given again. NONE: no disability.",
)
def set_command(home: Path, case_ref: str, ethnicity: str | None, disabilities: tuple[str, ...]) -> None:
    """Keep the bands of one child, sealed. What is not given stays as it was."""
    said = read_characteristics({"ethnicity": ethnicity, "disabilities": disabilities})
    with Gateway.open(home) as gateway:
        kept = gateway.characteristics.set(case_ref, said)
    click.echo(
        f"Kept: {_words(kept)}. From now on the slips of this case tell its boards so, and nobody else."
    )


@characteristics.command(cls=Spoken)
@home_option
@click.option("--case", "case_ref", required=True, help="The front door's own case reference.")
def show(home: Path, case_ref: str) -> None:
    """What is kept of one child: bands, not the codes that they were made from."""
    with Gateway.open(home) as gateway:
        kept = gateway.characteristics.kept(case_ref)
    click.echo(_words(kept))


@characteristics.command(cls=Spoken)
@home_option
@click.option("--case", "case_ref", help="The front door's own case reference.")
@click.option("--all", "everybody", is_flag=True, help="Of every child, such as when the policy changes.")
def forget(home: Path, case_ref: str | None, *, everybody: bool) -> None:
    """Erase what is kept of one child, or of all. Slips that have gone out stay with the boards."""
    if everybody == (case_ref is not None):
        raise click.UsageError("Give --case, or --all.")
    with Gateway.open(home) as gateway:
        count = gateway.characteristics.forget(case_ref)
    click.echo(f"Erased: {count}.")


def _words(kept: Kept) -> str:
    group = kept.ethnicity.name.lower().replace("_", " ")
    said = {Disabled.NOT_TOLD: "not told", Disabled.NO: "no", Disabled.YES: "yes"}[kept.disabled]
    return f"ethnic group {group}, disabled {said}"
