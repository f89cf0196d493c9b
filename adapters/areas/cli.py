"""``handrail areas``: which authority answers for a postcode, and what is known of an area."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from adapters.areas.answers import Answer, Found
from adapters.areas.setup import default_index, import_onspd, say_progress
from schemas.areas import Area, AreaRegister


@click.group()
def areas() -> None:
    """Postcodes and local authority areas, looked up on this machine."""


@areas.command()
@click.argument("postcode")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def lookup(postcode: str, as_json: bool) -> None:
    """The authority of POSTCODE, whose children's services answer, and the police force."""
    answer = default_index().lookup(postcode)
    document = _document(answer, AreaRegister.load())
    if as_json:
        click.echo(json.dumps(document, indent=1))
    else:
        click.echo(answer.sentence, err=not isinstance(answer, Found))
        for name in ("authority", "childrens_services", "police"):
            if document.get(name):
                click.echo(f"  {name.replace('_', ' ')}: {document[name]['gss']} {document[name]['name']}")
    if not isinstance(answer, Found):
        sys.exit(2)


@areas.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_command(file: Path) -> None:
    """Use an ONS Postcode Directory CSV FILE from now on; only it knows which postcodes have ended."""
    index, faults = import_onspd(file, say_progress("Importing"))
    click.echo(f"{index.count} postcodes from {index.source}.")
    for line, why in faults.rows[:20]:
        click.echo(f"  line {line}: {why}; left out", err=True)
    if len(faults.rows) > 20:  # noqa: PLR2004
        click.echo(f"  and {len(faults.rows) - 20} more", err=True)


@areas.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def show(code: str, as_json: bool) -> None:
    """What is known of the area with this GSS CODE: dates, successors, county, police."""
    register = AreaRegister.load()
    area = register.area(code.upper())
    if area is None:
        click.echo("That is not a local authority area of England, now or before.", err=True)
        sys.exit(2)
    document = _area(area, register)
    if as_json:
        click.echo(json.dumps(document, indent=1))
        return
    for name, value in document.items():
        if value:
            click.echo(f"{name.replace('_', ' ')}: {value}")


def _document(answer: Answer, register: AreaRegister) -> dict[str, Any]:
    document: dict[str, Any] = {"answer": answer.code, "sentence": answer.sentence}
    if isinstance(answer, Found):
        document["authority"] = _named(answer.gss, register)
        document["childrens_services"] = _named(register.childrens_services(answer.gss), register)
        police = register.police(answer.gss)
        document["police"] = None if police is None else {"gss": police[0], "name": police[1]}
    return document


def _named(gss: str, register: AreaRegister) -> dict[str, str]:
    area = register.area(gss)
    return {"gss": gss, "name": area.name if area else ""}


def _area(area: Area, register: AreaRegister) -> dict[str, Any]:
    return {
        "gss": area.gss,
        "name": area.name,
        "kind": area.kind.value,
        "valid_from": area.valid_from.isoformat() if area.valid_from else None,
        "valid_until": area.valid_until.isoformat() if area.valid_until else None,
        "only_the_code_changed": area.recoded,
        "successors": list(register.successors(area.gss)),
        "childrens_services": register.childrens_services(area.gss),
        "police": area.police,
        "source": area.source,
    }
