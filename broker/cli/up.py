"""``handrail up``: the whole exchange on one machine, each part a process of its own, watched and restarted."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from broker.bus.server import EmbeddedServer
from broker.directory.apply import apply
from broker.directory.layout import Layout
from broker.lifecycle import die_with_parent, stop_on_signals

_STOP_S: Final = 20.0
_PAUSE_S: Final = (0.2, 1.0, 5.0)
"""How long to wait before starting a part again that ended by itself."""


@dataclass(slots=True)
class Part:
    """One process of the exchange."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    envvar="HANDRAIL_DATA",
    help="A folder made by `handrail directory init`.",
)
def up(data: Path) -> None:
    """Run server, router, gateways and boards of one machine until Ctrl-C."""
    asyncio.run(_run(Layout(data.resolve())))


async def _run(layout: Layout) -> None:
    stop = asyncio.Event()
    server = EmbeddedServer(layout.configuration, die_with=die_with_parent)
    with stop_on_signals(stop):
        await server.start()
        click.echo(f"server   {server.url}")
        for line in await apply(layout):
            click.echo(f"         {line}")
        parts = list(_parts(layout))
        started = time.monotonic()
        watchers = [asyncio.create_task(_keep(part, layout, stop)) for part in parts]
        for part in parts:
            await _ready_or_stop(part, stop)
            click.echo(f"ready    {part.name}")
        if not stop.is_set():
            click.echo(
                f"exchange is up ({len(parts)} processes, {time.monotonic() - started:.1f} s). Ctrl-C stops it."
            )
        await stop.wait()
        click.echo("stopping ...")
        await asyncio.gather(*watchers)
    await server.stop()


def _parts(layout: Layout) -> Iterator[Part]:
    program = str(Path(sys.executable).with_name("handrail"))
    yield Part("router", [program, "router", "--data", str(layout.data)])
    for home in sorted(layout.members.iterdir()) if layout.members.exists() else ():
        card = json.loads((home / "member.json").read_text())
        yield Part(f"gateway {card['name']}", [program, "gateway", "run", "--home", str(home)])
        if card["kind"] == "board":
            yield Part(f"board   {card['name']}", [program, "board", "run", "--home", str(home)])


async def _ready_or_stop(part: Part, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(part.ready.wait()), asyncio.create_task(stop.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()


async def _keep(part: Part, layout: Layout, stop: asyncio.Event) -> None:
    """Start a part, start it again when it ends by itself, end it when we stop."""
    failures = 0
    log = (layout.data / "logs" / f"{part.name.replace(' ', '-')[:60]}.log").resolve()
    log.parent.mkdir(exist_ok=True, mode=0o700)
    while not stop.is_set():
        await _once(part, log, stop)
        if not stop.is_set():
            pause = _PAUSE_S[min(failures, len(_PAUSE_S) - 1)]
            failures += 1
            click.echo(f"ended    {part.name}; starting it again in {pause:g} s (log: {log})", err=True)
            await asyncio.sleep(pause)


async def _once(part: Part, log: Path, stop: asyncio.Event) -> None:
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *part.command, stdout=asyncio.subprocess.PIPE, stderr=errors, preexec_fn=die_with_parent
        )
    lines = asyncio.create_task(_listen(process, part.ready.set))
    stopping = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(process.wait())
    await asyncio.wait([stopping, ended], return_when=asyncio.FIRST_COMPLETED)
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(ended), _STOP_S)
        except TimeoutError:
            process.kill()
            await ended
    stopping.cancel()
    lines.cancel()


async def _listen(process: asyncio.subprocess.Process, ready: Callable[[], None]) -> None:
    if process.stdout is None:
        return
    while line := await process.stdout.readline():
        if line.strip() == b"ready":
            ready()
