"""``handrail up``: the whole exchange on one machine, each part a process of its own, watched and restarted."""

import asyncio
import contextlib
import fcntl
import json
import os
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from broker.bus.care import needs_restart
from broker.bus.server import EmbeddedServer
from broker.directory.apply import apply
from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.errors import ConfigurationError, UnavailableError
from broker.lifecycle import die_with_parent, stop_on_signals

_STOP_S: Final = 20.0
_PAUSE_S: Final = (0.2, 1.0, 5.0)
"""How long to wait before starting a part again that ended by itself."""
_CARE_S: Final = 5.0
_STEADY_S: Final = 60.0
"""A part that ran for so long is started again at once when it ends."""


@dataclass(slots=True)
class Part:
    """One process of the exchange."""

    name: str
    command: list[str]
    speaks: bool = False
    """Whether what it says is for whoever has started us."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def log_name(self) -> str:
        """The file under ``logs``."""
        return f"{'-'.join(self.name.split())[:60]}.log"


@dataclass(frozen=True, slots=True)
class Pages:
    """That the boards' pages are served, too. ``port`` is the first board's; each next one has the next; 0: any."""

    port: int
    local_sign_in: bool


@click.command()
@DATA
@click.option(
    "--pages", is_flag=True, help="Serve each board's pages, too; HOME/pages.toml says who may sign in."
)
@click.option(
    "--pages-port",
    default=8450,
    show_default=True,
    type=click.IntRange(0, 65000),
    help="With --pages: where the first board's are, each next board's one further. 0: any that is free.",
)
@click.option(
    "--local-sign-in",
    is_flag=True,
    help="With --pages, for demonstrations: prints one-time links. Whoever has a link is believed.",
)
def up(data: Path, pages: bool, pages_port: int, local_sign_in: bool) -> None:
    """Run server, router, gateways and boards of one machine until Ctrl-C."""
    if local_sign_in and not pages:
        raise click.UsageError("--local-sign-in is about the boards' pages: give --pages, too.")
    layout = Layout(data.resolve())
    with _alone(layout):
        parts = list(_parts(layout))
        if pages:
            parts += _pages(parts, Pages(pages_port, local_sign_in))
        asyncio.run(_run(layout, parts, hint=not pages))


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Two of us on one folder would fight for the databases. Raises ConfigurationError."""
    if not layout.configuration.exists():
        raise ConfigurationError(f"{layout.data} holds no exchange; `handrail directory init` makes one")
    with (layout.data / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"an exchange runs on {layout.data} already; stop that `handrail up` first"
            ) from error
        yield


async def _run(layout: Layout, parts: list[Part], *, hint: bool) -> None:
    stop = asyncio.Event()
    began = time.monotonic()
    server = EmbeddedServer(layout.configuration, before_exec=die_with_parent)
    try:
        with stop_on_signals(stop):
            await server.start()
            click.echo(f"server   {server.url} (monitor {server.monitor_url})")
            _say(await apply(layout))
            # A watcher that fails brings everything down, visibly: an unwatched part is worse than none.
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_keep_server(server, layout, stop), name="server")
                tasks.create_task(_care_for(server, layout, stop), name="care")
                for part in parts:
                    tasks.create_task(_keep(part, layout, stop), name=part.name)
                tasks.create_task(_announce(parts, stop, began, hint=hint), name="announce")
    finally:
        await server.stop()


def _say(applied: tuple[str, ...]) -> None:
    """What bringing the directory to the server did: things of one kind in one line."""
    kinds = Counter(line.split()[0] for line in applied if line.startswith(("stream ", "durable ")))
    for line in applied:
        if not line.startswith(("stream ", "durable ")):
            click.echo(f"         {line}")
    for kind, count in kinds.items():
        click.echo(f"         {count} {kind}{'s' if count > 1 else ''} created")


async def _announce(parts: list[Part], stop: asyncio.Event, began: float, *, hint: bool) -> None:
    for count, part in enumerate(parts, start=1):
        await _unless(stop, part.ready.wait())
        if stop.is_set():
            break
        click.echo(f"ready    {part.name} ({count} of {len(parts)})")
    else:
        took = time.monotonic() - began
        click.echo(f"exchange is up ({len(parts) + 1} processes, {took:.1f} s). Ctrl-C stops it.")
        for line in pages_of(part.command for part in parts) if hint else ():
            click.echo(line)
    await stop.wait()
    click.echo("stopping ...")


def pages_of(commands: Iterable[list[str]]) -> Iterator[str]:
    """How the pages of each board among these are started: they are a process of their own, with a sign-in of its own."""
    for program, *words in commands:
        if words[:2] == ["board", "run"]:
            yield "         a board's pages: " + shlex.join([program, "board", "pages", *words[2:]])


def _parts(layout: Layout) -> Iterator[Part]:
    program = str(Path(sys.executable).with_name("handrail"))
    yield Part("router", [program, "router", "--data", str(layout.data)])
    if layout.log.is_dir():
        yield Part("log", [program, "log", "run", "--data", str(layout.data)])
    # Tells a member's people what they owe when their own gateway has not: it is started by no member.
    yield Part("notifier", [sys.executable, "-m", "broker.operator.notifier", "--data", str(layout.data)])
    for home in sorted(layout.members.iterdir()) if layout.members.exists() else ():
        card = json.loads((home / "member.json").read_text())
        yield Part(f"gateway  {card['name']}", [program, "gateway", "run", "--home", str(home)])
        if card["kind"] == "board":
            yield Part(f"board    {card['name']}", [program, "board", "run", "--home", str(home)])


def _pages(parts: Iterable[Part], asked: Pages) -> Iterator[Part]:
    """The pages of each board. Raises ConfigurationError where nobody could sign in: it would only die again and again."""
    from broker.board.pages.serving import Listening
    from broker.board.pages.settings import read_settings

    port = asked.port
    for part in parts:
        program, *words = part.command
        if words[:2] != ["board", "run"]:
            continue
        read_settings(Path(words[-1]), Listening(port=port), port or 1, local_sign_in=asked.local_sign_in)
        more = ["--local-sign-in"] if asked.local_sign_in else []
        name = part.name.replace("board ", "pages ", 1)
        command = [program, "board", "pages", *words[2:], "--port", str(port), *more]
        yield Part(name, command, speaks=True)
        port += bool(port)


async def _keep_server(server: EmbeddedServer, layout: Layout, stop: asyncio.Event) -> None:
    """Start the server again, at its old address, when it ends by itself."""
    while True:
        await _unless(stop, server.ended())
        if stop.is_set():
            return
        click.echo(f"ended    server; starting it again (log: {layout.nats / 'nats.log'})", err=True)
        try:
            await server.start()
        except UnavailableError as error:
            click.echo(f"         {error}", err=True)
            await _unless(stop, asyncio.sleep(_PAUSE_S[-1]))


async def _care_for(server: EmbeddedServer, layout: Layout, stop: asyncio.Event) -> None:
    """End a server that a full disk has stopped, once there is room; whoever keeps it starts it again."""
    while not stop.is_set():
        await _unless(stop, asyncio.sleep(_CARE_S))
        if await asyncio.to_thread(needs_restart, server.monitor_url, layout.nats / "store"):
            click.echo("care     the server could not write to a full disk; there is room again", err=True)
            with contextlib.suppress(UnavailableError, ProcessLookupError):
                os.kill(server.pid, signal.SIGTERM)


async def _keep(part: Part, layout: Layout, stop: asyncio.Event) -> None:
    """Start a part, start it again when it ends by itself, end it when we stop."""
    failures = 0
    log = layout.data / "logs" / part.log_name
    log.parent.mkdir(exist_ok=True, mode=0o700)
    while not stop.is_set():
        began = time.monotonic()
        code = await _once(part, log, stop)
        if stop.is_set():
            return
        failures = 0 if time.monotonic() - began > _STEADY_S else failures
        pause = _PAUSE_S[min(failures, len(_PAUSE_S) - 1)]
        failures += 1
        click.echo(
            f"ended    {part.name} ({_how(code)}); starting it again in {pause:g} s (log: {log})", err=True
        )
        await _unless(stop, asyncio.sleep(pause))


async def _once(part: Part, log: Path, stop: asyncio.Event) -> int:
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *part.command, stdout=asyncio.subprocess.PIPE, stderr=errors, preexec_fn=die_with_parent
        )
    try:
        async with asyncio.TaskGroup() as tasks:
            lines = tasks.create_task(_listen(process, part))
            await _unless(stop, process.wait())
            await _end(process)
            lines.cancel()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop; kill it past the limit."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _listen(process: asyncio.subprocess.Process, part: Part) -> None:
    if process.stdout is None:
        return
    while line := await process.stdout.readline():
        if line.strip() == b"ready":
            part.ready.set()
        elif part.speaks:
            click.echo(f"         {line.decode(errors='replace').rstrip()}")


async def _unless(stop: asyncio.Event, work: Awaitable[object]) -> None:
    """Wait for ``work``, but no longer than until we stop. What it raises is raised here."""
    waits = {asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())}
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
    for task in done:
        task.result()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
