"""``handrail areas``: which authority answers for a postcode, and what is known of an area."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from adapters.areas.answers import Answer, Found, Malformed, NotEngland, Terminated, Unknown
from adapters.areas.setup import default_index, import_onspd
from broker.progress import say_progress
from schemas.areas import Area, AreaRegister

_EXIT: Final = MappingProxyType(
    {Found.code: 0, Malformed.code: 2, Unknown.code: 3, NotEngland.code: 4, Terminated.code: 5}
)
_FAULTS_SHOWN: Final = 20


@click.group()
def areas() -> None:
    """Postcodes and local authority areas, looked up on this machine."""


@areas.command()
@click.argument("postcode")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def lookup(postcode: str, as_json: bool) -> None:
    """The authority of POSTCODE, whose children's services answer, and the police force.

    Exit code 0: found; 2: not the form of a postcode; 3: unknown; 4: not in England; 5: ended.
    """
    index = default_index()
    answer, register = index.lookup(postcode), AreaRegister.load()
    if as_json:
        click.echo(json.dumps(_document(answer, register) | {"source": index.source}, indent=1))
    elif isinstance(answer, Found):
        click.echo(f"{answer.postcode} is in {_written(answer.gss, register)}.")
        _table(_who_answers(answer, register) | {"source": index.source})
    else:
        click.echo(answer.sentence, err=True)
    sys.exit(_EXIT[answer.code])


@areas.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_command(file: Path) -> None:
    """Use an ONS Postcode Directory CSV FILE from now on; only it knows which postcodes have ended.

    Rows that cannot be used are left out and named; the others count.
    """
    index, faults = import_onspd(file, say_progress("Importing"))
    click.echo(f"{index.count:,} postcodes from {index.source} are in use from now on.")
    for line, why in faults.rows[:_FAULTS_SHOWN]:
        click.echo(f"  line {line}: {why}; left out", err=True)
    if faults.count > _FAULTS_SHOWN:
        click.echo(f"  and {faults.count - _FAULTS_SHOWN:,} more lines left out", err=True)


@areas.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def show(code: str, as_json: bool) -> None:
    """What is known of the area with this GSS CODE: dates, successors, county, police."""
    register = AreaRegister.load()
    area = register.area(code.strip().upper())
    if area is None:
        click.echo(
            "That is not the code of a local authority of England, now or before. Write it like E06000063.",
            err=True,
        )
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(_area(area, register), indent=1))
        return
    click.echo(f"{area.name} ({area.gss}), {area.kind.value}")
    _table(dict(_what_is_known(area, register)))


def _what_is_known(area: Area, register: AreaRegister) -> Iterator[tuple[str, str]]:
    if area.valid_from:
        yield "from", area.valid_from.isoformat()
    if area.valid_until:
        yield (
            "last day",
            f"{area.valid_until.isoformat()}{' (only the code changed)' if area.recoded else ''}",
        )
    successors = register.successors(area.gss)
    if successors:
        yield "now", ", ".join(_written(successor, register) for successor in successors)
    split = len(successors) > 1
    answering = _written(register.childrens_services(area.gss), register)
    yield "children's services", "by postcode, since the area was split" if split else answering
    police = register.police(area.gss)
    yield "police", f"{police[1]} ({police[0]})" if police else "not known"
    yield "source", area.source


def _who_answers(answer: Found, register: AreaRegister) -> dict[str, str]:
    police = register.police(answer.gss)
    return {
        "children's services": _written(register.childrens_services(answer.gss), register),
        "police": f"{police[1]} ({police[0]})" if police else "not known",
    }


def _table(rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        click.echo(f"  {name:<{width}}  {value}")


def _written(gss: str, register: AreaRegister) -> str:
    """An imported file may be newer than the register; then the code speaks for itself."""
    area = register.area(gss)
    return f"{area.name} ({gss})" if area else gss


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
