"""``handrail handover household | households``: a family together, each child by itself."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.asking import Together
from schemas.codes.cases import HandoverKind, PlanKind


@click.command(cls=Spoken)
@home_option
@click.argument("handover_ids", nargs=-1, required=True)
@click.option("--by", required=True, help='Who decides: "Name, role".')
@click.option("--kind", type=click.Choice([kind.value for kind in HandoverKind]), required=True)
@click.option("--plan", type=click.Choice([plan.value for plan in PlanKind]), required=True)
@click.option(
    "--left-behind", multiple=True, metavar="REFERENCE,RELATION", help="Who stays; add ,child for a child."
)
@click.option("--adults", type=click.File("rb"), help="The adults in contact: a JSON list of statements.")
@click.option(
    "--adults-asked",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Nobody could say who they are: the day it was asked.",
)
def household(
    home: Path,
    handover_ids: tuple[str, ...],
    by: str,
    kind: str,
    plan: str,
    left_behind: tuple[str, ...],
    adults: Any,
    adults_asked: datetime | None,
) -> None:
    """Ask for the children of one family together. Each child is accepted, or not, by itself."""
    if (adults is None) == (adults_asked is None):
        raise click.UsageError(
            "List every adult in contact with --adults, or say when it was asked with --adults-asked."
        )
    contact: dict[str, Any] = (
        {"listed": json.load(adults)}
        if adults_asked is None
        else {"asked_not_known_on": adults_asked.date().isoformat()}
    )
    with Gateway.open(home) as opened:
        sent = opened.asking.household(
            handover_ids,
            Person.parse(by),
            HandoverKind(kind),
            PlanKind(plan),
            [_person(one) for one in left_behind],
            contact,
        )
    click.echo(f"{len(sent)} children are asked for together, each by itself; the other side sees who stays.")


@click.command(cls=Spoken)
@home_option
@as_json_flag
def households(home: Path, *, as_json: bool) -> None:
    """Families that move: where each child stands, who stays, which adults are in contact."""
    with Gateway.open(home) as opened:
        found = opened.asking.households()
        names = {str(area.gss): area.name for area in opened.home.directory.areas}
    if as_json:
        click.echo(json.dumps([_document(one) for one in found], indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for one in found:
        console.print(f"household {one.ref[:8]}, {len(one.children)} children:", markup=False)
        for handover, view in one.children.items():
            holder, safety = (names.get(area, area) for area in (view.holder, view.safety))
            console.print(f"  {handover[:8]} {view.state}: case {holder}, safety {safety}", markup=False)
        for person in one.left_behind:
            console.print(
                f"  left behind: {person['ref']} ({person.get('relation', 'not said')})", markup=False
            )
        console.print(f"  adults in contact: {_adults(one.adults)}", markup=False)
    if not found:
        console.print("No family was asked for together.")


def _person(text: str) -> dict[str, Any]:
    ref, _, rest = text.partition(",")
    relation, _, child = rest.partition(",")
    return {"ref": ref.strip(), "child": child.strip() == "child"} | (
        {"relation": relation.strip()} if relation.strip() else {}
    )


def _adults(adults: dict[str, Any]) -> str:
    asked = adults.get("asked_not_known_on")
    if asked:
        return f"asked on {asked}, not known"
    return "; ".join(f"{one['adult_ref']} ({one.get('relation', 'not said')})" for one in adults["listed"])


def _document(one: Together) -> dict[str, Any]:
    return {
        "household": one.ref,
        "children": [
            {
                "handover": handover,
                "state": view.state,
                "case_holder": view.holder,
                "safety_duty": view.safety,
            }
            for handover, view in one.children.items()
        ],
        "left_behind": one.left_behind,
        "adults_in_contact": one.adults,
    }
