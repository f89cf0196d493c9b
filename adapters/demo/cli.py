"""``handrail demo``: the whole story on this machine, with real processes, and every claim checked."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from adapters.areas import default_index
from adapters.demo.cast import CUMBERLAND, NoPlotError, cast, plot_of
from adapters.demo.evidence import Evidence
from adapters.demo.picture import draw
from adapters.demo.play import Play
from adapters.demo.promises import Checked, audit_trail, check, proven
from adapters.demo.stage import Stage
from adapters.demo.teller import Teller
from adapters.formats.nems.mapping import map_message
from adapters.formats.outcome import Mapped, Refused
from broker.clock import system_clock
from schemas.areas import AreaRegister

_EXAMPLE: Final = "example_change_of_address.xml"
_REFUSED: Final = 2


@click.command()
@click.option(
    "--nems",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Play this NHS NEMS message instead of the built-in one; the history is made for its child.",
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Make the exchange here (a new folder)."
)
@click.option("--keep", is_flag=True, help="Leave it running at the end, with its addresses, until Ctrl-C.")
def demo(nems: Path | None, data: Path | None, keep: bool) -> None:
    """Watch a move enter, stay sealed, find the right area, and carry the child's history across.

    Starts a real exchange (server, router, gateways, a board's node), plays a story with fictitious people, and checks
    what it claims. Exit code 0: every promise shown has held; 1: one has not; 2: the message was refused, with reasons.
    """
    console = Console(width=None if sys.stdout.isatty() else 120)
    teller = Teller(console)
    message = nems.read_bytes() if nems else (files("adapters.formats.nems") / _EXAMPLE).read_bytes()
    mapped = _map(message)
    try:
        plot = plot_of(mapped.events, AreaRegister.load())
    except NoPlotError as error:
        click.echo(f"This message cannot be played: {error}", err=True)
        sys.exit(_REFUSED)
    if data is not None and data.exists() and any(data.iterdir()):
        raise click.UsageError(f"{data} is not empty; name a new folder")
    folder = data or Path(tempfile.mkdtemp(prefix="handrail-demo-"))
    try:
        stage = Stage.build(folder.resolve(), cast(plot))
        checks = _perform(stage, Play(stage, plot, message, teller, system_clock()), keep)
    finally:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
    held = all(one.held for one in checks)
    console.print(
        f"\n{'Every promise shown has held' if held else 'A PROMISE WAS BROKEN'}; {teller.elapsed:.1f} s in all. "
        "Fictitious people; not for real people's data."
    )
    sys.exit(0 if held else 1)


def _map(message: bytes) -> Mapped:
    found = map_message(message, received_at=system_clock(), areas=default_index(), acting_area=CUMBERLAND)
    if isinstance(found, Refused):
        for reason in found.reasons:
            click.echo(f"Refused: {reason}", err=True)
        sys.exit(_REFUSED)
    return found


def _perform(stage: Stage, play: Play, keep: bool) -> list[Checked]:
    teller = play.teller
    try:
        teller.act("An exchange is made")
        teller.say(f"{len(stage.roles)} members, each with keys of its own; directory signed by 2 of 3 roots")
        stage.start()
        stage.open_gateways()
        with teller.waiting("starting server, router, gateways and the board's node ..."):
            url = stage.wait_until_up()
        teller.say(f"{stage.processes()} processes run, on {url} (TLS both ways)")
        play.perform()
        evidence = Evidence(stage, play.plot, teller)
        evidence.perform()
        checks = _check(play, evidence)
        if keep:
            _keep(stage, url)
    finally:
        stage.stop()
    return checks


def _check(play: Play, evidence: Evidence) -> list[Checked]:
    with play.teller.waiting("asking the board, and checking every promise ..."):
        trail = audit_trail(play)
        checks = [*check(play, trail), proven(evidence)]
    draw(play.teller.console, play, trail, checks)
    return checks


def _keep(stage: Stage, url: str) -> None:
    click.echo(f"\nStill running on {url}. The exchange is in {stage.data}. Try, in another terminal:")
    click.echo(f"  handrail inbox list --home {stage.homes['new']}")
    click.echo(f"  handrail handover list --home {stage.homes['new']}")
    click.echo(f"  handrail audit ask Q4 --home {stage.homes['board']} --purpose 'looking around'")
    click.echo("The board's pages, for whoever opens a link first (fictitious auditors, this machine only):")
    program = str(Path(sys.executable).with_name("handrail"))
    served = [
        program,
        "board",
        "pages",
        "--home",
        str(stage.homes["board"]),
        "--port",
        "0",
        "--local-sign-in",
    ]
    with (stage.data / "logs" / "pages.log").open("ab") as log:
        pages = subprocess.Popen(served, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603
    # Whoever ends it politely leaves no pages behind either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for line in pages.stdout or ():
            if line.strip() != "ready":
                click.echo(f"  {line.rstrip()}")
        # The pages end only by themselves if they fail; what runs besides is worth looking at all the same.
        click.echo(f"The pages have ended; see {stage.data / 'logs' / 'pages.log'}. Ctrl-C stops the rest.")
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        click.echo("stopping ...")
    finally:
        pages.terminate()
        pages.wait()
