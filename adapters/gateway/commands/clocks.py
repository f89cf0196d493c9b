"""``handrail gateway clocks``: what somebody owes because of what was said or read here, and that it has been done."""

import json
from pathlib import Path

import click

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, as_json_flag, home_option
from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.record.clocking import name_of
from broker.calendars import LONDON
from broker.clock import from_ms, to_ms
from broker.store.gateway.clocks import ClockRow
from broker.terminal import show_table


@click.group()
def clocks() -> None:
    """Clocks that this gateway keeps: the router cannot see what happened, so it keeps only a handover's own."""


@clocks.command("list", cls=Spoken)
@home_option
@as_json_flag
def list_clocks(home: Path, *, as_json: bool) -> None:
    """What is owed and not done, by us and to us, due first."""
    with Gateway.open(home) as opened:
        found, now_ms = opened.clocking.open(), to_ms(opened.home.clock())
        directory = opened.home.directory
        names = {str(member.id): member.name for member in directory.members}
        owed = {clock.key: clock.owed for clock in directory.policy.clocks}
    if as_json:
        click.echo(json.dumps([_document(row, now_ms) for row in found], indent=1))
        return
    rows = []
    for row in found:
        late = "LATE, was due " if row.due_ms is not None and row.due_ms <= now_ms else ""
        due = "not known" if row.due_ms is None else f"{late}{_day(row.due_ms)}"
        rows.append(
            (name_of(row), owed.get(row.key, row.key), names.get(row.owner, row.owner), due, row.reason)
        )
    show_table(("Reference", "Owed", "By", "Due", "Why"), rows, empty="Nothing is owed.")


@clocks.command(cls=Spoken)
@home_option
@click.argument("name")
@click.option("--by", required=True, help='Who says so: "Name, role".')
def met(home: Path, name: str, by: str) -> None:
    """Say that what NAME (of the list) stands for has been done: by a letter, a call, a visit."""
    with Gateway.open(home) as opened:
        found = [row for row in opened.clocking.open() if name_of(row).startswith(name.lower())]
        if len(found) != 1:
            raise NoSuchItemError(f"{len(found)} of what is owed begin with {name!r}; see `clocks list`")
        opened.clocking.said(found[0].about, found[0].key, found[0].number, by=by.rpartition(",")[2].strip())
    click.echo(f"{name_of(found[0])} is done. What was late stays late in the record.")


def _document(row: ClockRow, now_ms: int) -> dict[str, object]:
    return {
        "name": name_of(row),
        "about": row.about.hex(),
        "owed": row.key,
        "owner": row.owner,
        "area": row.area,
        "since_ms": row.start_ms,
        "due_ms": row.due_ms,
        "rule": row.reason,
        "late": row.due_ms is not None and row.due_ms <= now_ms,
    }


def _day(at_ms: int) -> str:
    return f"{from_ms(at_ms).astimezone(LONDON):%a %d %b %Y %H:%M}"
