"""Bringing a changed directory to an exchange that is running: reload the server, provision, publish.

Offline nothing happens here: files are enough, and the exchange reads them when it starts.
"""

import asyncio
import json
import os
import signal
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.bus.connection import Access, Bus, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.server import check_configuration
from broker.bus.streams import provision
from broker.bus.subjects import DIRECTORY
from broker.bus.topology import DEFAULT_SHARDS, durables, streams
from broker.directory.files import read_current, read_current_bytes
from broker.directory.layout import Layout
from broker.durable import write_whole
from broker.errors import UnavailableError
from schemas.codes.members import MemberKind
from schemas.directory import Directory

_MONITOR_S: Final = 5.0
_POLL_S: Final = 0.05
_POLLS: Final = 100


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server that runs now, as ``ports.json`` describes it."""

    url: str
    monitor: str
    pid: int


def live_server(layout: Layout) -> LiveServer | None:
    """The server of this exchange, or None when it does not run."""
    try:
        found = json.loads((layout.nats / "ports.json").read_text())
        live = LiveServer(found["url"], found["monitor"], found["pid"])
        command = Path(f"/proc/{live.pid}/cmdline")
        os.kill(live.pid, 0)
    except (FileNotFoundError, ValueError, KeyError, ProcessLookupError, PermissionError):
        return None
    # A process id is used again after a restart of the machine: make sure that it is our server.
    if command.exists() and str(layout.configuration.resolve()).encode() not in command.read_bytes():
        return None
    return live


async def apply(layout: Layout) -> tuple[str, ...]:
    """Bring the directory in use to the running exchange; says what was done, nothing where none runs.

    Safe to repeat. On return the server has let go of members that left, streams and durables exist, the
    directory is on the bus, and each home on this machine knows the server's address.

    Raises:
        UnavailableError: the server runs and does not answer.
        ConfigurationError: the server refuses the configuration, or a stream exists with another one.
    """
    live = live_server(layout)
    if live is None:
        return ()
    directory = read_current(layout)
    await asyncio.to_thread(check_configuration, layout.configuration)
    # Twice: nats-server 2.15 links the imports of an account that is new in a reload only at the next one.
    await _reload(live)
    await _reload(live)
    write_urls(layout, live.url)
    bus = await connect(Access.in_folder(layout.admin, "admin", live.url))
    try:
        made = await provision_for(bus, directory)
        await publish_directory(bus, read_current_bytes(layout), directory.version)
    finally:
        await bus.close()
    return ("server reloaded", *made, f"directory {directory.version} published")


async def provision_for(bus: Bus, directory: Directory) -> list[str]:
    """Create the streams and durables that the directory's members need; needs the administrator's access."""
    members = [member for member in directory.members if member.active()]
    boards = [member.id for member in members if member.kind is MemberKind.BOARD]
    standbys = [member.id for member in members if member.standby_user is not None]
    wanted = durables([member.id for member in members], boards, DEFAULT_SHARDS, standbys=standbys)
    return await provision(bus, streams(DEFAULT_SHARDS), wanted)


async def publish_directory(bus: Bus, signed: bytes, version: int) -> None:
    """Put the signed directory on its stream; a repeat is harmless."""
    async with Publisher(bus) as publisher:
        await publisher.publish(Outgoing(DIRECTORY, signed, f"directory.{version}"))


def write_urls(layout: Layout, url: str) -> None:
    """Tell the router's, the log's and every member's home on this machine where the server is (``nats/url``)."""
    homes = [layout.router, layout.log, *(layout.members.iterdir() if layout.members.exists() else ())]
    for home in homes:
        if (home / "nats").is_dir():
            write_whole(home / "nats" / "url", url.encode())


async def _reload(live: LiveServer) -> None:
    before = await asyncio.to_thread(_loaded_at, live)
    os.kill(live.pid, signal.SIGHUP)
    for _ in range(_POLLS):
        if await asyncio.to_thread(_loaded_at, live) != before:
            return
        await asyncio.sleep(_POLL_S)
    raise UnavailableError("the server did not take the new configuration; see nats.log")


def _loaded_at(live: LiveServer) -> str:
    """When the server last read its configuration."""
    try:
        with urllib.request.urlopen(f"{live.monitor}/varz", timeout=_MONITOR_S) as answer:  # noqa: S310  our own http
            return str(json.load(answer)["config_load_time"])
    except OSError as error:
        raise UnavailableError("the server's monitor does not answer") from error
