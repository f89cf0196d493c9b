"""``handrail status``: one screen for three in the morning."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from broker.clock import system_clock
from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.errors import ConfigurationError
from broker.operator.judging import judge, worst
from broker.operator.lines import Line, Verdict
from broker.operator.situation import look

_STYLE: Final = {Verdict.OK: "green", Verdict.LOOK: "yellow", Verdict.ACT: "bold red"}
_SUMMARY: Final = {
    Verdict.OK: "All is well.",
    Verdict.LOOK: "Look at the lines marked LOOK during the day; nothing is being lost.",
    Verdict.ACT: "Act now on the lines marked ACT.",
}


@click.command()
@DATA
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--watch", type=click.IntRange(1), metavar="SECONDS", help="Look again and again until Ctrl-C.")
@click.option("--silent-days", default=7, show_default=True, help="When a member counts as silent.")
def status(data: Path, as_json: bool, watch: int | None, silent_days: int) -> None:
    """Show how the exchange on this machine stands, and what to do about it.

    Reads only; works when the server is down. Exit code 0: all is well; 1: look; 2: act now.
    """
    layout = Layout(data.resolve())
    if not layout.configuration.exists():
        raise ConfigurationError(f"{data} holds no exchange; `handrail directory init` makes one")
    while True:
        lines = judge(look(layout, system_clock()), silent_days=silent_days)
        if watch and not as_json:
            click.clear()
        click.echo(json.dumps(as_document(lines), indent=None if watch else 1)) if as_json else _print(lines)
        if not watch:
            break
        time.sleep(watch)
    sys.exit(worst(lines))


def as_document(lines: tuple[Line, ...]) -> dict[str, Any]:
    """The status for machines: topics and verdicts are stable, sentences are not."""
    return {
        "at": system_clock().isoformat(timespec="seconds"),
        "verdict": worst(lines).name,
        "lines": [
            {
                "topic": line.topic,
                "verdict": line.verdict.name,
                "says": line.says,
                "todo": line.todo,
                "page": f"docs/runbook/{line.page}.md" if line.page else "",
                "facts": line.facts,
            }
            for line in lines
        ],
    }


def _print(lines: tuple[Line, ...]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for line in lines:
        told = Text(line.says)
        if line.todo:
            told.append(f"\n-> {line.todo}", style="bold")
        if line.page:
            told.append(f"  [docs/runbook/{line.page}.md]", style="dim")
        table.add_row(Text(line.verdict.name, style=_STYLE[line.verdict]), Text(line.topic), told)
    console = Console(highlight=False)
    console.print(table)
    verdict = worst(lines)
    console.print(Text(_SUMMARY[verdict], style=_STYLE[verdict]))
