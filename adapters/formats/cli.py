"""``handrail map``: show what a message of another system becomes. Publishes nothing. One subcommand per format."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from adapters.formats.areas import AreaLookup, open_areas
from adapters.formats.nems import map_message
from adapters.formats.nems.tree import MAX_BYTES
from adapters.formats.outcome import Mapped, Refused, Remark, Report
from broker.clock import system_clock
from schemas.errors import MalformedIdentifierError
from schemas.events.base import Event
from schemas.ids import GssCode

_REFUSED: Final = 2
"""Exit code: the input was refused."""


class _Gss(click.ParamType[GssCode]):
    """An area code on the command line."""

    name = "gss"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> GssCode:
        """Check it, and say what is wrong."""
        try:
            return GssCode(str(value).upper())
        except MalformedIdentifierError as error:
            self.fail(str(error), param, ctx)


@click.group("map", context_settings={"help_option_names": ["-h", "--help"]})
def map_group() -> None:
    """Show what a message of another system becomes. Nothing is published.

    Exit code 0: mapped; 2: refused, with reasons.
    """


@map_group.command("nems")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")
@click.option(
    "--acting-area",
    type=_Gss(),
    default="E06000063",
    show_default=True,
    help="Area that the member acts for, by GSS code.",
)
@click.pass_context
def map_nems(ctx: click.Context, file: Path, *, as_json: bool, acting_area: GssCode) -> None:
    """Map an NHS NEMS event message (FHIR STU3, XML or JSON). FILE may be - for standard input."""
    # A lookup handed over by a caller (a test, an embedding program) goes before the compiled data.
    areas: AreaLookup = ctx.obj if ctx.obj is not None else open_areas()
    found = map_message(_read(file), received_at=system_clock(), areas=areas, acting_area=acting_area)
    click.echo(
        json.dumps(_as_json(found), indent=2, ensure_ascii=False) if as_json else "\n".join(_say(found))
    )
    if isinstance(found, Refused):
        sys.exit(_REFUSED)


def _read(file: Path) -> bytes:
    """No more than a message may have, so that a huge file cannot fill the memory."""
    if str(file) == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def _as_json(found: Mapped | Refused) -> dict[str, Any]:
    if isinstance(found, Refused):
        return {"outcome": "refused"} | found.as_json()
    events = [json.loads(event.to_json()) for event in found.events]
    return {"outcome": "mapped", "events": events, "report": found.report.as_json()}


def _say(found: Mapped | Refused) -> Iterator[str]:
    if isinstance(found, Refused):
        yield f"Refused: {_count(len(found.reasons), 'reason')}. Nothing was mapped."
        for reason in found.reasons:
            yield f"\n  {reason.code}\n    where       {reason.place}"
            yield f"    what        {reason.why}\n    what to do  {reason.advice}"
        return
    yield f"Mapped {found.report.message_type} ({found.report.lifecycle}): {_count(len(found.events), 'event')}. Nothing was published."
    for event in found.events:
        yield from _say_event(event)
    yield from _say_report(found.report)


def _say_event(event: Event) -> Iterator[str]:
    fields = event.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    yield f"\n{event.type}"
    rows = [(path, value) for path, value in _flat(fields, "") if path not in {"type", "version"}]
    width = max(len(path) for path, _ in rows)
    for path, value in rows:
        yield f"  {path:<{width}}  {value}"


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for position, item in enumerate(value):
            yield from _flat(item, f"{path}[{position}]")
    else:
        yield path, (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _say_report(report: Report) -> Iterator[str]:
    ignored = sum(report.ignored.values())
    yield (
        f"\nAccount of {_count(report.values, 'value')}: {report.mapped} mapped, {ignored} left out by rule, "
        f"{len(report.unmapped)} without a place"
    )
    yield from _say_remarks("To know", report.notes)
    yield from _say_remarks("Not mapped", report.unmapped)
    if report.ignored:
        yield "\nLeft out by rule"
        for rule, count in sorted(report.ignored.items(), key=lambda item: -item[1]):
            yield f"  {count:>4}  {rule}"


def _say_remarks(title: str, remarks: tuple[Remark, ...]) -> Iterator[str]:
    """Each reason once, with all its places."""
    if not remarks:
        return
    yield f"\n{title}"
    places: dict[tuple[str, str], list[str]] = {}
    for remark in remarks:
        places.setdefault((remark.code, remark.why), []).append(str(remark.place))
    for (code, why), where in places.items():
        yield f"  {code}: {why}"
        yield from (f"    at {place}" for place in where)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
