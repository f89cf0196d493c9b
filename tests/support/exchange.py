"""A real exchange in a folder: directory with the cast of ``SEATS``, real server, real TLS, real databases.

    async with exchange(tmp_path) as it, it.router(), it.gateway("school") as school:
        school.publish(...)
        await settled(lambda: school.outbox()[0].sent_ms)

The services run in the test's own event loop. Keys and streams are made once for a test run and copied.
"""

import asyncio
import atexit
import functools
import inspect
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, overload

from adapters.gateway.api import Gateway
from adapters.gateway.record.places import Places
from adapters.gateway.run import GatewayService
from broker.board.node import BoardHome, BoardService
from broker.bus.connection import Access, Bus, connect
from broker.bus.server import EmbeddedServer
from broker.directory.apply import apply, write_urls
from broker.directory.files import read_current
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from broker.routing.service import RouterService
from broker.store.audit.store import AuditStore
from broker.store.router.store import RouterStore
from broker.wiring import RouterHome, make_router
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Directory, Governance
from schemas.ids import GssCode, MemberId, Postcode
from schemas.policy import Policy
from tests.support.directory import CUMBERLAND, SEATS, WESTMORLAND

_T = TypeVar("_T")
_Seat: TypeAlias = tuple[MemberKind, tuple[GssCode, ...]]
Cast: TypeAlias = Mapping[str, _Seat]
"""Who takes part: by a short name, of which kind, for which areas."""
_POLL_S: Final = 0.01
_WELL_BYTES: Final = 12_000_000_000


class FewPlaces:
    """The postcodes of the examples and no others: what is looked up nationwide is tested elsewhere."""

    _KNOWN: Final[Mapping[str, GssCode]] = {"CA": CUMBERLAND, "LA": WESTMORLAND}

    def authority(self, postcode: Postcode) -> GssCode | None:
        """The local authority of an example's postcode."""
        return self._KNOWN.get(postcode[:2])

    def answering(self, gss: GssCode) -> GssCode:
        """Both example areas answer for themselves."""
        return gss


@dataclass(slots=True)
class RunningRouter:
    """A router at work, and its state."""

    service: RouterService
    store: RouterStore
    bus: Bus


@dataclass(slots=True)
class Exchange:
    """One exchange whose server runs. Names are those of ``SEATS``, and ``router`` and ``admin`` for the bus."""

    layout: Layout
    members: dict[str, MemberId]
    server: EmbeddedServer
    _buses: list[Bus] = field(default_factory=list)

    @property
    def directory(self) -> Directory:
        """The directory in use."""
        return read_current(self.layout)

    def issuer(self) -> Issuer:
        """The one who may change the directory; ``apply(it.layout)`` then brings the change to the server."""
        return _issuer(self.layout)

    def home(self, name: str) -> Path:
        """A member's home."""
        return self.layout.home(self.members[name])

    def access(self, name: str) -> Access:
        """How a member, ``router``, ``log``, ``admin`` or ``system`` signs in to the bus."""
        folders = {
            "router": self.layout.router / "nats",
            "log": self.layout.log / "nats",
            "admin": self.layout.admin,
            "system": self.layout.system,
        }
        folder = folders.get(name) or self.home(name) / "nats"
        return Access.in_folder(folder, str(self.members.get(name, name)), self.server.url)

    async def connect(self, name: str) -> Bus:
        """A connection signed in as somebody; closed with the exchange."""
        bus = await connect(self.access(name))
        self._buses.append(bus)
        return bus

    async def close(self) -> None:
        """Hang up and end the server, which takes its time over an orderly end that nobody here looks at."""
        for bus in self._buses:
            with suppress(OSError):
                await bus.close()
        await self.server.kill()

    def open(self, name: str, *, places: Callable[[], Places] = FewPlaces, **more: Any) -> Gateway:
        """A member's gateway as a command opens it: nothing runs. ``places=LocalPlaces`` looks up nationwide."""
        return Gateway.open(self.home(name), places=places, **more)

    @asynccontextmanager
    async def router(self) -> AsyncIterator[RunningRouter]:
        """The routing service at work, signed in."""
        service, bus, store = await make_router(RouterHome(self.layout.router), self.server.url)
        try:
            async with running(service.run):
                yield RunningRouter(service, store, bus)
        finally:
            await bus.close()
            store.close()

    @asynccontextmanager
    async def gateway(
        self, name: str, *, places: Callable[[], Places] = FewPlaces, **more: Any
    ) -> AsyncIterator[Gateway]:
        """A member's gateway at work: sends, receives, answers. Use what it gives as a command would."""
        with (
            self.open(name, places=places, **more) as working,
            self.open(name, places=places, **more) as front,
        ):
            async with running(GatewayService(working, self.server.url).run):
                yield front

    @asynccontextmanager
    async def board(self, name: str = "board") -> AsyncIterator[AuditStore]:
        """A board's node following the audit trail; gives a store to ask."""
        home = BoardHome.open(self.home(name))
        working, front = home.store(), home.store()
        try:
            async with running(BoardService(home, working, self.server.url).run):
                yield front
        finally:
            working.close()
            front.close()


@asynccontextmanager
async def exchange(folder: Path) -> AsyncIterator[Exchange]:
    """A running exchange in ``folder``: server up, streams there, directory published; no service runs yet."""
    made = await asyncio.to_thread(make_exchange, folder)
    try:
        await made.server.start()
        write_urls(made.layout, made.server.url)
        yield made
    finally:
        await made.close()


def make_exchange(folder: Path) -> Exchange:
    """An exchange that lies in ``folder/exchange`` and does not run: keys, homes, configuration, streams."""
    return _copy(*_template(), folder)


@overload
async def settled(
    condition: Callable[[], Coroutine[Any, Any, _T]], *, within: float = ..., what: str = ...
) -> _T: ...


@overload
async def settled(condition: Callable[[], _T], *, within: float = ..., what: str = ...) -> _T: ...


async def settled(condition: Callable[[], Any], *, within: float = 15.0, what: str = "") -> Any:
    """Wait until ``condition`` gives something true, and give it back; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or inspect.getsource(condition).strip()}")
        await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def running(
    run: Callable[[asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]],
) -> AsyncIterator[None]:
    """A service between ``ready`` and ``stop``; what it raised meanwhile is raised here."""
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run(stop, ready.set))
    begun = asyncio.create_task(ready.wait())
    await asyncio.wait([task, begun], return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    try:
        yield
    finally:
        stop.set()
        await task


@functools.cache
def _template() -> tuple[Layout, Mapping[str, MemberId]]:
    """One exchange for the whole test run, made with its streams and then stopped."""
    made = exchange_of(_kept_folder(), SEATS)
    asyncio.run(_provision(made.layout))
    return made.layout, made.members


def exchange_of(folder: Path, cast: Cast) -> Exchange:
    """An exchange with members of one's own choice, as ``handrail directory`` makes it; no stream exists yet."""
    return _copy(*_made(tuple(cast.items()), default_policy), folder)


@functools.cache
def _made(
    cast: tuple[tuple[str, _Seat], ...], policy: Callable[[], Policy]
) -> tuple[Layout, Mapping[str, MemberId]]:
    """One for each cast, policy and test run, with whom it has before its last kept too: casts begin alike, and making
    keys and signing a directory for each member takes seconds.
    """
    if cast:
        *before, (name, (kind, areas)) = cast
        made = _copy(*_made(tuple(before), policy), _kept_folder())
        return made.layout, {**made.members, name: _admit(made.layout, name, kind, areas)}
    layout = Layout(_kept_folder() / "exchange")
    papers = Governance(
        impact_assessment="example only", policy_document="example only", sharing_agreement="example only"
    )
    _issuer(layout).init(policy(), papers, roots=1, threshold=1)
    return layout, {}


def _copy(layout: Layout, members: Mapping[str, MemberId], folder: Path) -> Exchange:
    copy = Layout(folder / "exchange")
    shutil.copytree(layout.data, copy.data)
    _issuer(copy).settle()  # the configuration names folders
    return Exchange(copy, dict(members), EmbeddedServer(copy.configuration))


@contextmanager
def a_folder_with_room(folder: Path) -> Iterator[Path]:
    """``folder``, or one on a disk where it has less room than ``handrail status`` calls well."""
    if shutil.disk_usage(folder).free > _WELL_BYTES:
        yield folder
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as disk:
        yield Path(disk)


def _kept_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="handrail-exchange-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _admit(layout: Layout, name: str, kind: MemberKind, areas: tuple[GssCode, ...]) -> MemberId:
    _, member_id = _issuer(layout).add_member(
        NewMember(
            kind=kind,
            name=f"Example {name}",
            areas=tuple(area_entry(area) for area in areas),
            front_door=kind is MemberKind.SOCIAL_CARE,
        )
    )
    return member_id


async def _provision(layout: Layout) -> None:
    server = EmbeddedServer(layout.configuration)
    await server.start()
    try:
        await apply(layout)
    finally:
        await server.stop()


def _issuer(layout: Layout) -> Issuer:
    return Issuer(layout=layout, now=datetime.now(UTC).replace(microsecond=0), entropy=os.urandom)
