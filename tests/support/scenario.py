"""A scenario as data, played on its own dates over real processes: who does what when, what is seen, what never is.

    STORY = Scenario(cast={...}, begins=moment, steps=(Says(...), Does(...), Sees(...)), never=(Never(...),))
    async with played(folder, STORY) as stage:
        await stage.play()

The router and the front doors' gateways are processes of their own, whose clocks are turned together; everybody else is
a gateway at work in the test. Nothing waits by sleeping: a clock is turned, and what must be seen is waited for.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from adapters.gateway.api import Gateway
from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.record.places import Places
from broker.bus.server import EmbeddedServer
from broker.directory.apply import apply, write_urls
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from broker.store.audit.store import AuditStore
from schemas.areas import AreaRegister
from schemas.codes.cases import ClockStart
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Governance
from schemas.ids import EventId, GssCode, MemberId, Postcode
from schemas.policy import Policy
from schemas.wire import InKind
from tests.support.events import a_document, event_id
from tests.support.exchange import Exchange, settled
from tests.support.processes import program
from tests.support.turning import Turned

LONDON: Final = ZoneInfo("Europe/London")
_LONG: Final = 120.0


def uk(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment by the clock on the wall in England."""
    return datetime(year, month, day, hour, minute, tzinfo=LONDON).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Says:
    """A member publishes an event. ``more`` are other fields of it."""

    at: datetime
    who: str
    kind: str
    area: str
    subject: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    arrives: tuple[str, ...] = ()
    """Who must have it before the story goes on."""


@dataclass(frozen=True, slots=True)
class Does:
    """A person acts at a member's gateway; what was done may raise, and then the story has failed."""

    at: datetime
    who: str
    what: Callable[[Gateway, "Stage"], object]


@dataclass(frozen=True, slots=True)
class Sees:
    """At that moment a member sees it, at the latest when all that is under way has come; ``what`` says it in words."""

    at: datetime
    who: str
    what: str
    check: Callable[[Gateway, "Stage"], object]


Step: TypeAlias = Says | Does | Sees


@dataclass(frozen=True, slots=True)
class Never:
    """What no file, and nothing that can be opened, of these members may hold, at any time."""

    who: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole story. ``cast``: name to kind and areas; ``clocks``: areas that count from another moment."""

    cast: Mapping[str, tuple[MemberKind, tuple[str, ...]]]
    begins: datetime
    steps: tuple[Step, ...]
    never: tuple[Never, ...] = ()
    clocks: Mapping[str, ClockStart] = field(default_factory=dict)
    policy: Callable[[], Policy] = default_policy


class Answering:
    """Areas as the register knows them; no postcodes, whose index takes its time to compile."""

    def __init__(self) -> None:
        self._register = AreaRegister.load()

    def authority(self, postcode: Postcode) -> GssCode | None:
        """No postcode is looked up: a scenario names areas."""
        return None

    def answering(self, gss: GssCode) -> GssCode:
        """A district's county, a dissolved area's successor."""
        return GssCode(self._register.childrens_services(gss))


@dataclass(slots=True)
class Stage:
    """A scenario being played."""

    story: Scenario
    it: Exchange
    clock: Turned
    gateways: dict[str, Gateway]
    boards: dict[str, AuditStore]
    said: int = 0

    async def play(self) -> None:
        """All steps in order, then whatever must never be seen. Raises AssertionError with the step's own words."""
        for step in self.story.steps:
            if step.at > self.clock():
                self.clock.to(step.at)
            match step:
                case Says():
                    await self._say(step)
                case Does(_, who, what):
                    what(self.gateways[who], self)
                case Sees(at, who, what, check):
                    await settled(
                        partial(check, self.gateways[who], self),
                        within=_LONG,
                        what=f"{at:%d %B %H:%M}: {who} sees {what}",
                    )
        for never in self.story.never:
            assert [] == self.found(never)

    def found(self, never: Never) -> list[tuple[str, str]]:
        """Where a word lies that must not: member and word."""
        hits = []
        for who in never.who:
            held = [path.read_bytes() for path in self.it.home(who).glob("*.db*")]
            held += [repr(document).encode() for document in self.opened(who)]
            hits += [(who, word) for word in never.words if any(word.encode() in each for each in held)]
        return hits

    def opened(self, who: str) -> list[Mapping[str, Any]]:
        """Every event that a member can open."""
        gateway = self.gateways[who]
        rows = [
            one
            for one in gateway.inbox()
            if one.kind in {InKind.VIEW, InKind.GRANTED} and one.state == "applied"
        ]
        return [gateway.read(one.number, role="looks").document for one in rows]

    def types(self, who: str) -> set[str]:
        """The types of all that a member can open, granted history with it."""
        gateway = self.gateways[who]
        found = {str(document["type"]) for document in self.opened(who)}
        for child in {item.child for item in gateway.inbox(everything=True) if item.child}:
            with suppress(NoSuchItemError):  # all that is here of the child are orders
                found |= {line.read.type for line in gateway.chronology(child)}
        return found

    def member(self, name: str) -> MemberId:
        """A member's id."""
        return self.it.members[name]

    async def _say(self, step: Says) -> None:
        self.said += 1
        now = self.clock()
        document = a_document(
            step.kind,
            subject=dict(step.subject),
            acting_area=step.area,
            occurred_at=now.isoformat(),
            recorded_at=now.isoformat(),
            details=dict(step.details),
            **{"residence": {"gss": step.area}, **step.more},
        )
        document["id"] = str(event_id(self.said, now))
        sent = self.gateways[step.who].publish(document)
        for name in step.arrives:
            await settled(
                partial(self.has, name, sent), within=_LONG, what=f"{step.kind} of {step.who} at {name}"
            )

    def has(self, who: str, sent: EventId) -> bool:
        """Whether a member has an event, applied."""
        return any(
            one.message_id == sent.raw and one.state == "applied" for one in self.gateways[who].inbox()
        )


@asynccontextmanager
async def played(
    folder: Path, story: Scenario, places: Callable[[], Places] = Answering
) -> AsyncIterator[Stage]:
    """The exchange of a story, everybody at work, the clock at its beginning."""
    clock = Turned(folder / "clock")
    clock.to(story.begins)
    layout = Layout(folder / "exchange")
    issuer = Issuer(layout=layout, now=clock().replace(microsecond=0), entropy=os.urandom)
    papers = Governance(impact_assessment="example", policy_document="example", sharing_agreement="example")
    issuer.init(story.policy(), papers, roots=1, threshold=1)
    members: dict[str, MemberId] = {}
    for name, (kind, areas) in story.cast.items():
        _, members[name] = issuer.add_member(
            NewMember(
                kind=kind,
                name=f"Example {name}",
                areas=tuple(area_entry(area, story.clocks.get(area, ClockStart.NOTIFIED)) for area in areas),
                front_door=kind is MemberKind.SOCIAL_CARE,
            )
        )
    it = Exchange(layout, members, EmbeddedServer(layout.configuration))
    await it.server.start()
    try:
        await apply(layout)
        write_urls(layout, it.server.url)
        async with _everybody(folder, it, story, clock, places) as stage:
            yield stage
    finally:
        await it.close()


@asynccontextmanager
async def _everybody(
    folder: Path, it: Exchange, story: Scenario, clock: Turned, places: Callable[[], Places]
) -> AsyncIterator[Stage]:
    doors = [name for name, (kind, _) in story.cast.items() if kind is MemberKind.SOCIAL_CARE]
    environment = clock.environment()
    with ExitStack() as processes:
        router = program(folder / "router.log", "router", "--data", it.layout.data, env=environment)
        processes.enter_context(router)
        for name in doors:
            home = it.home(name)
            processes.enter_context(
                program(folder / f"{name}.log", "gateway", "run", "--home", home, env=environment)
            )
        async with AsyncExitStack() as rest:
            gateways: dict[str, Gateway] = {}
            boards: dict[str, AuditStore] = {}
            for name, (kind, _) in story.cast.items():
                if kind is MemberKind.BOARD:
                    boards[name] = await rest.enter_async_context(it.board(name))
                elif name in doors:
                    gateways[name] = rest.enter_context(it.open(name, places=places, clock=clock))
                else:
                    gateways[name] = await rest.enter_async_context(
                        it.gateway(name, places=places, clock=clock)
                    )
            yield Stage(story, it, clock, gateways, boards)
