"""``handrail whereabouts``: where each child is, which contacts may be a move, and what a person settles."""

import json
from pathlib import Path
from typing import Any

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option, on_its_way
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.finding import Found, since_text
from adapters.gateway.record import whereabouts as w
from broker.terminal import show_table


@click.group()
def whereabouts() -> None:
    """Where children are: known, unknown, missing; and whether one may have moved."""


@whereabouts.command(cls=Spoken)
@home_option
@click.argument("child", required=False)
@as_json_flag
def show(home: Path, child: str | None, as_json: bool) -> None:
    """One CHILD (the beginning of its handle), or all: those that need somebody first."""
    with Gateway.open(home) as opened:
        found = [opened.finding.of(child)] if child else opened.finding.children()
        names = {str(area.gss): area.name for area in opened.home.directory.areas}
    if as_json:
        click.echo(json.dumps([_document(one) for one in found], indent=1))
        return
    rows = []
    for one in found:
        raised = "\n".join(
            f"{_loud(each)}{names.get(each.area, each.area)}: {each.why}" for each in one.raised
        )
        rows.append((one.child[:8], _where(one.where, names), raised or "-"))
    show_table(
        ("Child", "Where", "May have moved"),
        rows,
        empty="No child with an open matter is known here.",
    )


@whereabouts.command(cls=Spoken)
@home_option
@click.argument("child")
@click.option(
    "--outcome",
    type=click.Choice(["moved", "not-moved", "usual-place", "unknown", "seen", "tell-area"]),
    required=True,
    help="seen, tell-area: CHILD is the number of the sighting in the inbox.",
)
@click.option("--area", help="GSS code of the area that the contact was in.")
@click.option("--by", required=True, help='Who decides: "Name, role".')
@click.option("--because", required=True, help="In a sentence; for unknown: what is done next.")
@click.option("--tried", multiple=True, help="For unknown: what was done to find out; repeat for more.")
@click.option(
    "--safe", type=click.Choice(["yes", "no", "unknown"]), default="yes", show_default=True, help="For seen."
)
def confirm(
    home: Path,
    child: str,
    outcome: str,
    area: str | None,
    by: str,
    because: str,
    tried: tuple[str, ...],
    safe: str,
) -> None:
    """Settle where a child is. A move is told to the other area; a sighting is told without any area."""
    person = Person.parse(by)
    with Gateway.open(home) as opened:
        finding = opened.finding
        match outcome:
            case "seen":
                sent = finding.seen(_number(child), safe, person, because)
                says = "Those who look for the child hear that it was seen, and not where."
            case "tell-area":
                sent = finding.tell_area(_number(child), person, because)
                says = "Those who look for the child hear that it is in this area."
            case "unknown":
                if not tried:
                    raise click.UsageError("Say with --tried what was done to find out.")
                sent = finding.unknown(child, person, tried, because)
                says = "Nobody knows where the child is: the case stays here, with an owner and a clock."
            case _:
                if area is None:
                    raise click.UsageError("Say with --area where the contact was.")
                sent = finding.confirm(child, outcome.replace("-", "_"), area, person, because)
                says = "It is settled, and on the record."
    on_its_way(says, sent)


def _number(child: str) -> int:
    try:
        return int(child)
    except ValueError as error:
        raise click.UsageError("Give the number of the sighting in the inbox.") from error


def _where(where: w.Where, names: dict[str, str]) -> str:
    match where:
        case w.At(area, since, says):
            return f"{names.get(area, area)}{since_text(since)} ({says})"
        case w.Unknown(since, owner):
            return f"UNKNOWN{since_text(since)}; {names.get(owner, owner)} keeps the case and asks"
        case w.Missing(since, by, _):
            return f"MISSING{since_text(since)}; raised in {names.get(by, by)}"


def _loud(one: w.AtOnce | w.Raise | w.DailyList) -> str:
    match one:
        case w.AtOnce():
            return "AT ONCE "
        case w.Raise():
            return ""
        case w.DailyList():
            return "daily list: "


def _document(one: Found) -> dict[str, Any]:
    where = one.where
    return {
        "child": one.child,
        "state": type(where).__name__.lower(),
        "area": where.area if isinstance(where, w.At) else None,
        "owner": where.owner if isinstance(where, w.Unknown) else None,
        "since": where.since.isoformat(),
        "possible_moves": [
            {
                "area": each.area,
                "how": {"AtOnce": "at-once", "Raise": "raise", "DailyList": "daily-list"}[
                    type(each).__name__
                ],
                "why": each.why,
                "events": [contact.event for contact in each.contacts],
            }
            for each in one.raised
        ],
    }
