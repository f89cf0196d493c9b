"""``handrail watch``: a front door's live view of what waits, since when, due when, and why."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from adapters.gateway.api import Gateway
from adapters.gateway.commands.showing import Spoken, home_option
from adapters.gateway.duties.waiting import Waiting, waiting
from broker.calendars import LONDON
from broker.clock import from_ms

_WIDE: Final = 140
"""Columns from which on a table fits; below that each thing is a few lines."""
_EVERY_S: Final = 2.0
_NO_HANDOVER: Final = "no handover open"


@click.command(cls=Spoken)
@home_option
@click.option(
    "--once", is_flag=True, help="Show it once and end: for scripts, and where there is no terminal."
)
def watch(home: Path, *, once: bool) -> None:
    """Everything that waits at this front door, until Ctrl-C: what, since when, due when, why, and who has the child."""
    console = Console(highlight=False)
    with Gateway.open(home) as opened:
        if once:
            console.print(_now(opened, console.width))
            return
        with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                live.update(_now(opened, console.width), refresh=True)
                time.sleep(_EVERY_S)


def _now(opened: Gateway, width: int) -> RenderableType:
    found = waiting(opened.home, opened.clocking.open())
    names = opened.home.directory.names()
    late = sum(one.late for one in found)
    head = Text(f"{opened.home.me.name}: {len(found)} wait, {late} late", style="bold")
    if not found:
        return Group(head, Text("Nothing waits."))
    return Group(head, _table(found, names) if width >= _WIDE else _stack(found, names))


def _table(found: list[Waiting], names: Mapping[str, str]) -> Table:
    table = Table(expand=True)
    table.add_column("Reference", no_wrap=True)
    for head in ("What, and who owes it", "Since", "Due", "Why", "Case holder, safety duty"):
        table.add_column(head)
    for one in found:
        table.add_row(
            Text(one.name),
            Text(f"{one.what}\n{_whose(one, names)}"),
            _day(one.since_ms),
            Text(_due(one), style="bold red" if one.late else ""),
            Text(one.why),
            Text(_both(one, names, "\n")),
        )
    return table


def _stack(found: list[Waiting], names: Mapping[str, str]) -> Text:
    """For a narrow terminal: nothing is cut off, everything wraps."""
    text = Text()
    for one in found:
        text.append(f"\n{_due(one)}: {one.what}\n", style="bold red" if one.late else "bold")
        text.append(f"  {one.name}, {_whose(one, names)}, since {_day(one.since_ms)}\n")
        text.append(f"  {one.why}\n  {_both(one, names)}\n")
    return text


def _whose(one: Waiting, names: Mapping[str, str]) -> str:
    return "owed by us" if one.ours else f"owed by {names.get(one.owner, one.owner)}"


def _both(one: Waiting, names: Mapping[str, str], between: str = ", ") -> str:
    if one.holder is None or one.safety is None:
        return f"case and safety: {_NO_HANDOVER}"
    return f"case {names.get(one.holder, one.holder)}{between}safety {names.get(one.safety, one.safety)}"


def _due(one: Waiting) -> str:
    if one.due_ms is None:
        return "due: not known"
    return f"{'LATE, was due' if one.late else 'due'} {_day(one.due_ms)}"


def _day(at_ms: int) -> str:
    return f"{from_ms(at_ms).astimezone(LONDON):%a %d %b %Y %H:%M}"
