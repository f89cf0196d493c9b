"""How an exchange stands: gathered from the server's monitor, the databases, the directory and the disk. No judgement."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from broker.bus.topology import DEFAULT_SHARDS, Durable, durables, streams
from broker.clock import to_ms
from broker.crypto.certificates import certificate_ends
from broker.directory.apply import live_server
from broker.directory.files import read_current
from broker.directory.layout import Layout
from broker.errors import HandrailError, UnavailableError
from broker.operator.monitor import ServerFacts, StreamFacts, server_facts, stream_facts
from broker.store.overview import (
    BoardOverview,
    GatewayOverview,
    NoticesOverview,
    RouterOverview,
    board_database,
    board_overview,
    gateway_overview,
    notices_overview,
    router_overview,
)
from broker.store.standing import StandingAlarms, read_alarms
from schemas.codes.members import MemberKind
from schemas.directory import Directory


@dataclass(frozen=True, slots=True)
class Home:
    """A member's home on this machine."""

    member: str
    name: str
    gateway: GatewayOverview | None
    board: BoardOverview | None
    alarms: StandingAlarms | None = None
    """None: its gateway has not looked yet."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known at one moment. None where something could not be asked; the reason stands beside."""

    now: datetime
    """This program's clock."""
    server: ServerFacts | None
    server_trouble: str
    """Why there are no facts of the server: ``down``, or what it did when it was asked."""
    streams: Mapping[str, StreamFacts]
    router: RouterOverview | None
    homes: tuple[Home, ...]
    directory: Directory | None
    directory_trouble: str
    certificates: Mapping[str, datetime]
    """Until when each certificate of the bus on this machine is good, by whose it is."""
    disk_free: int
    disk_size: int
    notices: Mapping[str, NoticesOverview] = field(default_factory=dict)
    """Notices to people on duty, by whose they are: members' homes here, and the operator's own notifier."""

    @property
    def expected(self) -> tuple[Durable, ...]:
        """The durables that this directory's members need."""
        if self.directory is None:
            return ()
        active = [member for member in self.directory.members if member.active()]
        boards = [member.id for member in active if member.kind is MemberKind.BOARD]
        standbys = [member.id for member in active if member.standby_user is not None]
        return durables([member.id for member in active], boards, DEFAULT_SHARDS, standbys=standbys)

    @property
    def expected_streams(self) -> tuple[str, ...]:
        """The streams of every exchange."""
        return tuple(stream.name for stream in streams(DEFAULT_SHARDS))

    def name_of(self, member: str) -> str:
        """A member as a person knows it."""
        found = self.directory.member(member) if self.directory else None
        return f"{found.name} ({member})" if found else member


def look(layout: Layout, now: datetime) -> Situation:
    """Gather everything; what does not answer is left out and said to be so. Changes nothing."""
    server, trouble, lanes = _server(layout)
    directory, directory_trouble = _directory(layout)
    disk = shutil.disk_usage(layout.data)
    database = layout.router / "router.db"
    return Situation(
        now=now,
        server=server,
        server_trouble=trouble,
        streams=lanes,
        router=router_overview(database, to_ms(now)) if database.exists() else None,
        homes=tuple(_homes(layout)),
        directory=directory,
        directory_trouble=directory_trouble,
        certificates=dict(_certificates(layout)),
        disk_free=disk.free,
        disk_size=disk.total,
        notices=dict(_notices(layout)),
    )


def _server(layout: Layout) -> tuple[ServerFacts | None, str, Mapping[str, StreamFacts]]:
    live = live_server(layout)
    if live is None:
        return None, "down", {}
    try:
        return server_facts(live.monitor), "", stream_facts(live.monitor)
    except UnavailableError as error:
        return None, str(error), {}


def _directory(layout: Layout) -> tuple[Directory | None, str]:
    try:
        return read_current(layout), ""
    except HandrailError as error:
        return None, str(error)


def _homes(layout: Layout) -> Iterator[Home]:
    for folder in sorted(layout.members.iterdir()) if layout.members.exists() else ():
        try:
            card = json.loads((folder / "member.json").read_text())
        except (FileNotFoundError, ValueError):
            continue
        state, audit = folder / "gateway.db", board_database(folder)
        yield Home(
            member=card["id"],
            name=card["name"],
            gateway=gateway_overview(state) if state.exists() else None,
            board=board_overview(audit) if isinstance(audit, str) or audit.exists() else None,
            alarms=read_alarms(folder),
        )


def _notices(layout: Layout) -> Iterator[tuple[str, NoticesOverview]]:
    homes = sorted(layout.members.iterdir()) if layout.members.exists() else []
    places = [(home.name, home / "notices.db") for home in homes]
    for whose, path in (*places, ("of the operator", layout.data / "notifier" / "notices.db")):
        if path.exists():
            yield whose, notices_overview(path)


def _certificates(layout: Layout) -> Iterator[tuple[str, datetime]]:
    folders = sorted(layout.members.iterdir()) if layout.members.exists() else []
    places = [
        ("the server", layout.tls / "server.pem"),
        ("the bus's authority", layout.tls / "ca.pem"),
        ("the router", layout.router / "nats" / "client.pem"),
        *((folder.name, folder / "nats" / "client.pem") for folder in folders),
    ]
    for whose, path in places:
        ends = certificate_ends(path)
        if ends is not None:
            yield whose, ends
