"""What is tested: a real router, six real gateways, and a post between them that loses its place but never a letter.

Everything that the bus may do is here: deliver in any order, twice, late; and every process may be killed at each
numbered gap (``Killed`` is raised there, its databases are opened anew, and what was not acknowledged comes again).
"""

import atexit
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.documents import keys_of
from broker.bus.server import EmbeddedServer
from broker.bus.subjects import OutSubject
from broker.crypto.check import check_envelope
from broker.crypto.keyring import load_keyring
from broker.crypto.signing import unverified_payload
from broker.directory.files import read_current
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch, Outcome
from broker.store.router.outgoing import InboxRow
from broker.store.router.store import RouterStore
from schemas.audit import AuditEntry
from schemas.codes.members import MemberKind
from schemas.control import Note, unframe
from schemas.default_policy import default_policy
from schemas.directory import AreaEntry, Directory, Governance
from schemas.envelope import FullEnvelope
from schemas.ids import GssCode, MemberId
from schemas.wire import PROTOCOL_VERSION, OutKind
from tests.support.desk import NORTHUMBERLAND
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.exchange import Exchange

BEGIN: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AREAS: Final = (CUMBERLAND, WESTMORLAND, NORTHUMBERLAND)
OUTSIDE: Final = "E08000035"
"""An area that is no member."""
DOORS: Final[Mapping[str, str]] = {
    CUMBERLAND: "cumberland",
    WESTMORLAND: "westmorland",
    NORTHUMBERLAND: "northumberland",
}
"""Each area's front door, by name."""
CAST: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "cumberland": (MemberKind.SOCIAL_CARE, (CUMBERLAND,)),
    "westmorland": (MemberKind.SOCIAL_CARE, (WESTMORLAND,)),
    "northumberland": (MemberKind.SOCIAL_CARE, (NORTHUMBERLAND,)),
    "health": (MemberKind.HEALTH_PROVIDER, AREAS),
    "police": (MemberKind.POLICE, AREAS),
    "school": (MemberKind.SCHOOL, AREAS),
}
NAMES: Final[Mapping[str, tuple[str, Any]]] = {
    "nhs-a": ("nhs_number", "9990000018"),
    "nhs-b": ("nhs_number", "9990000026"),
    "upn-a": ("upn", "E909999923001"),
    "upn-b": ("upn", "U909999923002"),
    "unborn-a": ("unborn", {"mother_nhs_number": "9990000034", "pregnancy_ref": "pregnancy-1"}),
}
"""The names by which children are known: a few, so that they meet."""


class Killed(Exception):  # noqa: N818 - what happens to a process, not what it reports
    """The process died here."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that lies on the bus for the router, or at one reader's door."""

    who: str
    subject: OutSubject | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What the router said of one message: its outcome, and the message's own statement if it is an event."""

    outcome: Outcome
    statement: "Statement | None"


@dataclass(frozen=True, slots=True)
class Statement:
    """What an event says to the router, in the author's signed words."""

    event: bytes
    author: str
    names: tuple[str, ...]
    event_class: int
    acting: str
    residence: str | None
    to_area: str | None
    matter: tuple[int, bytes | None]
    action: tuple[str, bytes | None, str | None, str | None] | None
    """Verb, handover, member by name, code."""
    sealed_to: frozenset[str]
    conference: bool = False


@dataclass(slots=True)
class Town:
    """One exchange in one folder. ``now`` is the only clock."""

    folder: Path
    seed: int = 1
    now: datetime = BEGIN
    bus: list[Letter] = field(default_factory=list)
    """On the router's side: sent and not acknowledged, in the order of sending."""
    doors: dict[str, list[bytes]] = field(default_factory=dict)
    """At each reader's: published and not acknowledged."""
    sent: dict[str, dict[int, Note]] = field(default_factory=dict)
    """Every note that ever reached the bus, by reader and number."""
    log: list[AuditEntry] = field(default_factory=list)
    crashes: Counter[str] = field(default_factory=Counter)
    gateways: dict[str, Gateway] = field(init=False, default_factory=dict)
    store: RouterStore = field(init=False)
    batch: Batch = field(init=False)
    members: dict[str, MemberId] = field(init=False)
    names_of: dict[str, str] = field(init=False)
    tokens: dict[bytes, str] = field(init=False)
    directory: Directory = field(init=False)
    _exchange: Exchange = field(init=False)
    _noise: random.Random = field(init=False)
    _peeks: dict[str, sqlite3.Connection] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        shutil.copytree(_template().folder, self.folder, dirs_exist_ok=True)
        layout = Layout(self.folder / "exchange")
        self._noise = random.Random(self.seed)
        self.members = dict(_template().members)
        self.names_of = {member: name for name, member in self.members.items()}
        self._exchange = Exchange(layout, self.members, EmbeddedServer(layout.configuration))
        self.directory = _template().directory
        self.tokens = {self._token(name): name for name in NAMES}
        self.restart_router()

    def __getitem__(self, name: str) -> Gateway:
        """A member's gateway; opened when it is first asked for."""
        if name not in self.gateways:
            self.gateways[name] = self._exchange.open(
                name, clock=lambda: self.now, entropy=self._noise.randbytes
            )
        return self.gateways[name]

    def _token(self, name: str) -> bytes:
        [(kind, value)] = keys_of([dict([NAMES[name]])])
        return self["health"].home.keyring.tokens().token_now(kind, value).value

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
            is_area={*AREAS, OUTSIDE}.__contains__,
            entropy=self._noise.randbytes,
        )

    def restart(self, name: str) -> None:
        """A gateway dies and is started again."""
        if name in self.gateways:
            self.gateways.pop(name).home.close()

    def close(self) -> None:
        """Let go of everything."""
        for name in list(self.gateways):
            self.restart(name)
        self.store.close()
        for connection in self._peeks.values():
            connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def peek(self, name: str) -> sqlite3.Connection:
        """A look into a gateway's database, or the router's, as it lies on the disk: cheap, and past the program."""
        if name not in self._peeks:
            home = self.folder / "exchange" / "router" if name == "router" else self._exchange.home(name)
            file = home / ("router.db" if name == "router" else "gateway.db")
            self._peeks[name] = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
        return self._peeks[name]

    # The post.

    def send(
        self, name: str, most: int = 1000, *, receipts: bool = False, die_before_marking: bool = False
    ) -> int:
        """A gateway sends what waits in its outbox; it may die before it has noted that."""
        if receipts:
            self[name].receipting.sign_owed()
        if not self.peek(name).execute("SELECT 1 FROM outbox WHERE sent_ms IS NULL LIMIT 1").fetchone():
            return 0
        home = self[name].home
        with home.store.work() as work:
            rows = work.outbox.waiting(most)
        self.bus += [Letter(name, OutSubject.parse(row.subject), row.body) for row in rows]
        if die_before_marking and rows:
            self.crashes["gateway: sent, not noted"] += 1
            self.restart(name)
            return len(rows)
        with home.store.work() as work:
            for row in rows:
                work.outbox.sent(row.position, 1)
        return len(rows)

    def route(self, picks: Sequence[Letter], die: str | None = None) -> list[Taken]:
        """The router takes these in one batch; ``die``: before the commit, or before it has acknowledged."""
        try:
            result = self.batch.take(
                [(letter.subject, letter.body) for letter in picks],
                self.directory,
                self.now,
                before_commit=_killing(die == "before commit"),
            )
        except Killed:
            self.crashes["router gap 1: before the commit"] += 1
            self.restart_router()
            return []
        if die == "before acknowledging":
            self.crashes["router gap 2: not acknowledged"] += 1
            self.restart_router()
        else:
            for letter in picks:
                self.bus.remove(letter)
        self._read_log()
        return [
            Taken(outcome, self.statement(letter))
            for letter, outcome in zip(picks, result.outcomes, strict=True)
        ]

    def _read_log(self) -> None:
        with self.store.work() as work:
            rows = work.outgoing.waiting_audit(100_000)
            work.outgoing.audit_published(rows)
        self.log += [AuditEntry.from_bytes(row.body) for row in rows]

    def publish(self, *, die_before_marking: bool = False) -> int:
        """The router publishes what it has decided; it may die before it has noted that, and does it again."""
        with self.store.work() as work:
            rows = work.outgoing.waiting_inbox(100_000)
        for row in rows:
            self._put_down(row)
        if die_before_marking and rows:
            self.crashes["router gap 4: published, not noted"] += 1
            self.restart_router()
            return len(rows)
        with self.store.work() as work:
            work.outgoing.inbox_published([(row, row.position) for row in rows])
        return len(rows)

    def _put_down(self, row: InboxRow) -> None:
        name = self.names_of[row.reader]
        note = note_of(row.body)
        self.sent.setdefault(name, {})[note.number] = note
        self.doors.setdefault(name, []).append(row.body)

    def at_door(self, name: str) -> set[int]:
        """The numbers of the letters that lie at a reader's door."""
        return {note_of(body).number for body in self.doors.get(name, ())}

    def deliver(self, name: str, order: Sequence[int], die_after: int | None = None) -> None:
        """Bring letters to a reader, in this order, repeats included; it may die when only some are applied."""
        letters = self.doors.get(name, [])
        brought = [letters[place] for place in order]
        receiving = self[name].receiving
        if die_after is not None:
            home = self[name].home
            home.custody.keep(brought, 1)
            receiving.replay(brought[:die_after])
            self.crashes["gateway: in custody, not applied"] += 1
            self.restart(name)
            return
        receiving.take(brought)
        self[name].asking.ask_by_policy()
        self[name].actions.verify_whole()
        self.doors[name] = [letter for place, letter in enumerate(letters) if place not in set(order)]

    def reconsider(self, name: str) -> bool:
        """A gateway looks again at the orders that it could not answer for want of a ground; True if one had it now."""
        question = "SELECT COUNT(*) FROM orders WHERE answer IS NULL AND events > 0 AND grantor = ?"
        waiting: int = self.peek(name).execute(question, [self.members[name]]).fetchone()[0]
        return waiting > 0 and self[name].orders.reconsider() < waiting

    def tick(self) -> None:
        """The router looks at its clock."""
        self.batch.tick(self.directory, self.now)
        self._read_log()

    def wait(self, **span: float) -> None:
        """Time passes."""
        self.now += timedelta(**span)

    def statement(self, letter: Letter) -> Statement | None:
        """What an event says in its openings; None for a control message."""
        kind, body = unframe(letter.body, 2, PROTOCOL_VERSION)
        if kind != OutKind.EVENT:
            return None
        return self._read_statement(FullEnvelope.from_bytes(body))

    def _read_statement(self, envelope: FullEnvelope) -> Statement:
        checked = check_envelope(envelope, self.directory.public_of, {})
        facts, header = checked.facts, checked.header
        action = facts.action
        keys = [self.directory.key(key_id) for part in checked.readers for key_id in part]
        return Statement(
            event=header.event_id,
            author=self.names_of[header.author],
            names=tuple(self.tokens[token.value] for token in facts.tokens),
            event_class=int(header.event_class),
            acting=facts.acting_area,
            residence=facts.residence,
            to_area=facts.to_area,
            matter=(int(facts.matter[0]), facts.matter[1]),
            action=None
            if action is None
            else (action[0], action[1], self.names_of.get(action[2]), action[3]),
            sealed_to=frozenset(self.names_of[key.owner] for key in keys if key is not None),
            conference=action is not None and bool(action[4]),
        )


def note_of(letter: bytes) -> Note:
    """The note of a delivery; its signature is the gateway's to check."""
    signed, _, _ = unframe(letter, 3, PROTOCOL_VERSION)
    return Note.from_bytes(unverified_payload(signed))


def _killing(really: bool) -> Callable[[], None]:
    def die() -> None:
        if really:
            raise Killed

    return die


@dataclass(frozen=True, slots=True)
class _Template:
    folder: Path
    members: Mapping[str, MemberId]
    directory: Directory


@cache
def _template() -> _Template:
    """One exchange, its databases migrated, made once and copied: the same keys and ids in every run."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-town-", dir=fast_disk()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    layout = Layout(folder / "exchange")
    noise = random.Random(20260302).randbytes
    papers = Governance(
        impact_assessment="example only", policy_document="example only", sharing_agreement="example only"
    )
    issuer = Issuer(layout=layout, now=BEGIN - timedelta(hours=1), entropy=noise)
    issuer.init(default_policy(), papers, roots=1, threshold=1)
    members = {}
    for name, (kind, areas) in CAST.items():
        _, members[name] = issuer.add_member(
            NewMember(
                kind=kind,
                name=f"Example {name}",
                areas=tuple(AreaEntry(gss=area, name=f"Example {area}") for area in areas),
                front_door=kind is MemberKind.SOCIAL_CARE,
            )
        )
    made = Exchange(layout, members, EmbeddedServer(layout.configuration))
    for name in CAST:
        made.open(name).home.close()
    RouterStore(layout.router / "router.db").close()
    return _Template(folder, members, read_current(layout))


def fast_disk() -> str | None:
    """Where a run's databases lie. A crash here is an exception and a rollback, so memory is as good as a disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own is made in it


def a_town(seed: int = 1) -> Town:
    """A fresh one in a folder of its own."""
    return Town(Path(tempfile.mkdtemp(prefix="handrail-town-", dir=fast_disk())), seed)
