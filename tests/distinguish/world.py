"""One exchange in which every area has its own size, speed, clock rule and name: real gateways and a real router.

Time is an argument: each gateway sends and receives with delays of its own, and the router takes what has come. What
the bus would carry is kept with its time, so that whoever listens there is part of what is searched.
"""

import atexit
import heapq
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

from adapters.gateway.api import Gateway
from broker.bus.server import EmbeddedServer
from broker.bus.subjects import OutSubject
from broker.clock import to_ms
from broker.crypto.keyring import load_keyring
from broker.crypto.keys import KemKey
from broker.directory.files import read_current
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch
from broker.routing.relay import GRID_MS
from broker.store.router.outgoing import AuditRow
from broker.store.router.store import RouterStore
from schemas.audit import AuditEntry, EntryKind
from schemas.codes.cases import ClockStart
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import AreaEntry, Directory, Governance
from schemas.ids import EventId, GssCode, MemberId
from tests.support.events import Document, a_document
from tests.support.exchange import Exchange

BEGIN: Final = datetime(2026, 6, 12, 20, 0, tzinfo=UTC)
"""A Friday evening, as in S2 of the domain notes."""
OLD: Final = GssCode("E06000064")
DURHAM: Final = GssCode("E06000047")
LANCASHIRE: Final = GssCode("E10000017")
FAR: Final = GssCode("E08000035")
"""Where the endorsers are: in none of the areas of the story."""
NAMES: Final[Mapping[str, str]] = {
    OLD: "Westmorland and Furness",
    DURHAM: "County Durham",
    LANCASHIRE: "Lancashire with Blackburn and Blackpool Combined",
    FAR: "Leeds",
    "E06000063": "Cumberland",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon a member's machines answer, in seconds: from, to."""

    low: float
    high: float


PACE: Final[Mapping[str, Pace]] = {
    "E06000063": Pace(1, 5),
    OLD: Pace(2, 20),
    DURHAM: Pace(1, 5),
    LANCASHIRE: Pace(120, 900),
    FAR: Pace(5, 60),
}
CAST: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "old": (MemberKind.SOCIAL_CARE, (OLD,)),
    "old-school": (MemberKind.SCHOOL, (OLD,)),
    "old-health": (MemberKind.HEALTH_PROVIDER, (OLD,)),
    "old-board": (MemberKind.BOARD, (OLD,)),
    "police": (MemberKind.POLICE, (OLD,)),
    "durham": (MemberKind.SOCIAL_CARE, (DURHAM,)),
    "durham-health": (MemberKind.HEALTH_PROVIDER, (DURHAM,)),
    "durham-board": (MemberKind.BOARD, (DURHAM,)),
    "lancashire": (MemberKind.SOCIAL_CARE, (LANCASHIRE,)),
    "lancashire-health": (MemberKind.HEALTH_PROVIDER, (LANCASHIRE,)),
    "lancashire-school": (MemberKind.SCHOOL, (LANCASHIRE,)),
    "lancashire-gp": (MemberKind.GP, (LANCASHIRE,)),
    "lancashire-police": (MemberKind.POLICE, (LANCASHIRE,)),
    "lancashire-board": (MemberKind.BOARD, (LANCASHIRE,)),
    "endorser-1": (MemberKind.IDVA, (FAR,)),
    "endorser-2": (MemberKind.PROBATION, (FAR,)),
    "endorser-3": (MemberKind.MARAC, (FAR,)),
}
CUMBERLAND: Final = GssCode("E06000063")
SHARED: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "old": (MemberKind.SOCIAL_CARE, (OLD,)),
    "old-school": (MemberKind.SCHOOL, (OLD,)),
    "old-board": (MemberKind.BOARD, (OLD,)),
    "cumberland": (MemberKind.SOCIAL_CARE, (CUMBERLAND,)),
    "cumberland-health": (MemberKind.HEALTH_PROVIDER, (CUMBERLAND,)),
    "cumberland-board": (MemberKind.BOARD, (CUMBERLAND,)),
    "police": (MemberKind.POLICE, (OLD, CUMBERLAND)),
    "endorser-1": (MemberKind.IDVA, (FAR,)),
    "endorser-2": (MemberKind.PROBATION, (FAR,)),
    "endorser-3": (MemberKind.MARAC, (FAR,)),
}
"""Two areas that were one county, with one police force over both: a unit of it in each."""
CASTS: Final = {"flight": CAST, "shared": SHARED}
OLD_SIDE: Final = ("old", "old-school", "old-health", "police")
BOARD: Final = "old-board"
CLOCKS: Final = {LANCASHIRE: ClockStart.WRITTEN_PACK_RECEIVED, DURHAM: ClockStart.ACCEPTED}


class Anywhere:
    """Every area of the story answers for itself, and no postcode is needed."""

    def authority(self, postcode: object) -> GssCode | None:
        """None: the story names areas."""
        return None

    def answering(self, gss: GssCode) -> GssCode:
        """Itself."""
        return gss


@dataclass(frozen=True, slots=True)
class Seen:
    """One message that came to a member over the bus, with the moment at which it came."""

    at_ms: int
    reader: str
    body: bytes


@dataclass(slots=True)
class Mesh:
    """A running exchange in one folder."""

    folder: Path
    seed: int
    grid_ms: int = GRID_MS
    """Of the relay."""
    story: str = "flight"
    """Whose cast plays."""
    now: datetime = BEGIN
    seen: list[Seen] = field(default_factory=list)
    log: list[AuditRow] = field(default_factory=list)
    gateways: dict[str, Gateway] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    """Members whose gateway does not run."""
    members: dict[str, MemberId] = field(init=False)
    directory: Directory = field(init=False)
    store: RouterStore = field(init=False)
    batch: Batch = field(init=False)
    _exchange: Exchange = field(init=False)
    _noise: random.Random = field(init=False)
    _heap: list[tuple[datetime, int, Callable[[], object]]] = field(default_factory=list)
    _count: "count[int]" = field(default_factory=count)
    _post: dict[str, list[bytes]] = field(default_factory=dict)
    _slot: int = 0

    def __post_init__(self) -> None:
        made = _template(self.story)
        shutil.copytree(made.folder, self.folder, dirs_exist_ok=True)
        layout = Layout(self.folder / "exchange")
        # Not the stream from which the story draws its hours, or the ids would tell of those.
        self._noise = random.Random(f"noise {self.seed}")
        self.members, self.directory = dict(made.members), made.directory
        self._exchange = Exchange(layout, self.members, EmbeddedServer(layout.configuration))
        self.restart_router()
        self._tick()

    def restart_router(self) -> None:
        """Open the router's database as after a crash."""
        if hasattr(self, "store"):
            self.store.close()
        layout = self._exchange.layout
        keyring = load_keyring(layout.router / "keys")
        usable = [key.key_id for key in self.directory.router.sign_keys]
        self.store = RouterStore(layout.router / "router.db")
        self.batch = Batch(
            store=self.store,
            keys=RouterKeys(keyring.sign_key(usable), keyring.secret("handles")),
            routing_keys=keyring.kems,
            is_area=set(NAMES).__contains__,
            entropy=self._noise.randbytes,
            grid_ms=self.grid_ms,
        )

    def __getitem__(self, name: str) -> Gateway:
        """A member's gateway; opened when it is first asked for."""
        if name not in self.gateways:
            self.gateways[name] = self._exchange.open(
                name, places=Anywhere, clock=lambda: self.now, entropy=self._noise.randbytes
            )
        return self.gateways[name]

    def home(self, name: str) -> Path:
        """A member's folder."""
        return self._exchange.home(name)

    def open_board(self, name: str) -> Mapping[str, KemKey]:
        """A board's private keys to open with."""
        return load_keyring(self.home(name) / "keys").kems

    def close(self) -> None:
        """Let go of everything."""
        for gateway in self.gateways.values():
            gateway.home.close()
        self.gateways = {}
        self.store.close()

    def remove(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # What happens.

    def publish(
        self, name: str, kind: str, *, area: str, details: Document | None = None, **more: Any
    ) -> str:
        """A member publishes an event now; it goes out with the member's own delay."""
        document = a_document(
            kind,
            n=next(self._count) + self.seed * 1000,
            acting_area=area,
            occurred_at=self.now.isoformat(),
            recorded_at=self.now.isoformat(),
            details=details,
            **{"residence": {"gss": area}, **more},
        )
        document["id"] = EventId.new(self.now, self._noise.randbytes)
        event_id = self[name].publish(document)
        self.goes(name)
        return str(event_id)

    def at(self, when: datetime, what: Callable[[], object]) -> None:
        """Do something then."""
        heapq.heappush(self._heap, (when, next(self._count), what))

    def goes(self, name: str) -> None:
        """What waits in a member's outbox goes out after its own delay."""
        self.at(self.now + self._delay(name), lambda: self._send(name))

    def run(self, until: datetime) -> None:
        """Let everything happen until then, the router's clock included."""
        while True:
            tick = datetime.fromtimestamp((self._slot + 1) * self.grid_ms / 1000, UTC)
            nearest = self._heap[0][0] if self._heap else until
            if min(tick, nearest) >= until:
                self.now = until
                return
            if tick <= nearest:
                # A little after the slot, as a process that looks at its clock once a second would.
                self.now = tick + timedelta(seconds=self._noise.random())
                self._tick()
            else:
                self.now, _, what = heapq.heappop(self._heap)
                what()

    def _delay(self, name: str) -> timedelta:
        area = CASTS[self.story][name][1][0]
        pace = PACE[area]
        return timedelta(seconds=self._noise.uniform(pace.low, pace.high))

    def _send(self, name: str) -> None:
        with self[name].home.store.work() as work:
            rows = work.outbox.waiting(1000)
            for row in rows:
                work.outbox.sent(row.position, to_ms(self.now))
        if rows:
            self.batch.take(
                [(OutSubject.parse(row.subject), row.body) for row in rows], self.directory, self.now
            )
            self._carry()

    def _tick(self) -> None:
        self._slot = to_ms(self.now) // self.grid_ms
        self.batch.tick(self.directory, self.now)
        self._carry()

    def _carry(self) -> None:
        with self.store.work() as work:
            rows = work.outgoing.waiting_inbox(10_000)
            work.outgoing.inbox_published([(row, row.position) for row in rows])
            entries = work.outgoing.waiting_audit(10_000)
            work.outgoing.audit_published(entries)
        self.log += entries
        names = {str(member): name for name, member in self.members.items()}
        for row in rows:
            name = names[row.reader]
            self.seen.append(Seen(to_ms(self.now), name, row.body))
            if CASTS[self.story][name][0] is MemberKind.BOARD or name in self.silent:
                continue
            if name not in self._post:
                self.at(self.now + self._delay(name), lambda name=name: self._receive(name))  # type: ignore[misc]
            self._post.setdefault(name, []).append(row.body)

    def _receive(self, name: str) -> None:
        self[name].receiving.take(self._post.pop(name, []))
        self[name].actions.verify_whole()
        self[name].orders.reconsider()
        self[name].receipting.sign_owed()
        self.goes(name)

    def entries(self, kind: EntryKind | None = None) -> list[AuditEntry]:
        """The audit trail as it lies on the bus."""
        found = [AuditEntry.from_bytes(row.body) for row in self.log]
        return [entry for entry in found if kind is None or entry.kind is kind]


@dataclass(frozen=True, slots=True)
class _Template:
    folder: Path
    members: Mapping[str, MemberId]
    directory: Directory


@cache
def _template(story: str) -> _Template:
    """One exchange, its databases migrated, made once and copied."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-hidden-", dir=fast_disk()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    layout = Layout(folder / "exchange")
    papers = Governance(
        impact_assessment="example only", policy_document="example only", sharing_agreement="example only"
    )
    issuer = Issuer(layout=layout, now=BEGIN - timedelta(hours=1), entropy=random.Random(4712).randbytes)
    issuer.init(default_policy(), papers, roots=1, threshold=1)
    members = {}
    for name, (kind, areas) in CASTS[story].items():
        _, members[name] = issuer.add_member(
            NewMember(
                kind=kind,
                name=f"{NAMES[areas[0]]} {kind.value}",
                areas=tuple(AreaEntry(gss=area, name=NAMES[area]) for area in areas),
                front_door=kind is MemberKind.SOCIAL_CARE,
            )
        )
    for area, start in CLOCKS.items():
        if story == "flight":
            issuer.set_clock(area, start)
    if story == "shared":
        for area in (OLD, CUMBERLAND):
            issuer.add_unit(members["police"], f"Team {NAMES[area]}", (area,))
    issuer.set_endorsers(tuple(members[f"endorser-{n}"] for n in (1, 2, 3)), 2)
    made = Exchange(layout, members, EmbeddedServer(layout.configuration))
    for name in CASTS[story]:
        made.open(name).home.close()
    RouterStore(layout.router / "router.db").close()
    return _Template(folder, members, read_current(layout))


def fast_disk() -> str | None:
    """Where a run's databases lie: memory is as good as a disk where nothing is killed."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own is made in it


def a_mesh(seed: int, grid_ms: int = GRID_MS, story: str = "flight") -> Mesh:
    """A fresh one in a folder of its own."""
    return Mesh(Path(tempfile.mkdtemp(prefix="handrail-hidden-", dir=fast_disk())), seed, grid_ms, story)
