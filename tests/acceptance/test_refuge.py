"""S2 of the domain notes with its own dates, over real processes: a flight to a refuge, flagged hours after it began.

Westmorland and Furness to County Durham, June 2026. The front doors' gateways and the router are processes of their
own, whose clocks are turned together; everybody else is a gateway at work in this one. Whatever anybody of the old area
holds is searched in the end: nothing automatic has named Durham to any of them, before or after the flag.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.bus.server import EmbeddedServer
from broker.directory.apply import apply, write_urls
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Governance
from schemas.handover import HandoverView
from schemas.ids import GssCode, MemberId
from schemas.wire import InKind
from tests.distinguish.searching import files_of, search, words_of
from tests.distinguish.world import Anywhere
from tests.support.events import a_document, event_id
from tests.support.exchange import Exchange, settled
from tests.support.processes import program
from tests.support.turning import FAKETIME, Turned

WF: Final = GssCode("E06000064")
DURHAM: Final = GssCode("E06000047")
ELSEWHERE: Final = GssCode("E08000035")
CHILDREN: Final = ("9990000026", "9990000034")
PUPIL: Final = "N909999919003"
REFUGE: Final = "DH99 9ZZ"
SCHOOL: Final = "114999"
CAST: Final = {
    "wf": (MemberKind.SOCIAL_CARE, WF),
    "wf-education": (MemberKind.EDUCATION, WF),
    "wf-police": (MemberKind.POLICE, WF),
    "wf-board": (MemberKind.BOARD, WF),
    "durham": (MemberKind.SOCIAL_CARE, DURHAM),
    "durham-health": (MemberKind.HEALTH_PROVIDER, DURHAM),
    "durham-marac": (MemberKind.MARAC, DURHAM),
    "durham-school": (MemberKind.SCHOOL, DURHAM),
    "durham-board": (MemberKind.BOARD, DURHAM),
    "endorser-1": (MemberKind.IDVA, ELSEWHERE),
    "endorser-2": (MemberKind.PROBATION, ELSEWHERE),
}
OLD_SIDE: Final = ("wf", "wf-education", "wf-police", "wf-board")
SEPARATE: Final = ("wf", "durham")
"""Whose gateways are processes of their own."""
MANAGER: Final = Person("Rowan Example", "team manager")


def _bst(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of June 2026 by the clock on the wall, which is an hour ahead of UTC."""
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


@dataclass(slots=True)
class Flight:
    """The exchange of the story."""

    it: Exchange
    clock: Turned
    gateways: dict[str, Gateway]
    read: list[object] = field(default_factory=list)
    """Everything that an insider of the old front door could open."""
    _n: Iterator[int] = field(default_factory=lambda: iter(range(10_000)))

    def publish(self, name: str, kind: str, area: GssCode, **more: Any) -> str:
        """One event, now."""
        now = self.clock()
        document = a_document(
            kind,
            acting_area=area,
            occurred_at=now.isoformat(),
            recorded_at=now.isoformat(),
            **{"residence": {"gss": area}, **more},
        )
        document["id"] = str(event_id(next(self._n), now))
        return str(self.gateways[name].publish(document))

    def views(self, name: str) -> list[HandoverView]:
        """The handovers that a front door shows."""
        return self.gateways[name].actions.handovers()

    async def applied(self, name: str, count: int) -> None:
        """Wait until a member has so many events."""
        await settled(
            lambda: (
                sum(one.state == "applied" and one.kind is InKind.VIEW for one in self.gateways[name].inbox())
                >= count
            ),
            within=120,
            what=f"{count} events at {name}",
        )


@asynccontextmanager
async def _flight(folder: Path) -> AsyncIterator[Flight]:
    clock = Turned(folder / "clock")
    clock.to(_bst(12, 19))
    layout = Layout(folder / "exchange")
    issuer = Issuer(layout=layout, now=clock().replace(microsecond=0), entropy=os.urandom)
    papers = Governance(impact_assessment="example", policy_document="example", sharing_agreement="example")
    issuer.init(default_policy(), papers, roots=1, threshold=1)
    members: dict[str, MemberId] = {}
    for name, (kind, area) in CAST.items():
        _, members[name] = issuer.add_member(
            NewMember(
                kind=kind,
                name=f"{area_entry(area).name} {kind.value}",
                areas=(area_entry(area),),
                front_door=kind is MemberKind.SOCIAL_CARE,
            )
        )
    issuer.set_endorsers((members["endorser-1"], members["endorser-2"]), 2)
    it = Exchange(layout, members, EmbeddedServer(layout.configuration))
    await it.server.start()
    try:
        await apply(layout)
        write_urls(layout, it.server.url)
        with ExitStack() as processes:
            environment = clock.environment()
            router = program(folder / "router.log", "router", "--data", layout.data, env=environment)
            processes.enter_context(router)
            for name in SEPARATE:
                processes.enter_context(
                    program(
                        folder / f"{name}.log", "gateway", "run", "--home", it.home(name), env=environment
                    )
                )
            async with AsyncExitStack() as rest:
                gateways = {name: it.open(name, places=Anywhere, clock=clock) for name in SEPARATE}
                for name, (kind, _) in CAST.items():
                    if kind is not MemberKind.BOARD and name not in SEPARATE:
                        gateways[name] = await rest.enter_async_context(
                            it.gateway(name, places=Anywhere, clock=clock)
                        )
                for board in ("wf-board", "durham-board"):
                    await rest.enter_async_context(it.board(board))
                yield Flight(it, clock, gateways)
                for name in SEPARATE:
                    gateways[name].home.close()
    finally:
        await it.close()


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime (Debian: faketime)")
@pytest.mark.timeout(600)
async def test_s2_a_flight_to_a_refuge_names_durham_to_nobody_of_the_old_area(tmp_path: Path) -> None:
    async with _flight(tmp_path) as it:
        await _the_evening(it)
        await _the_flight_and_the_flag(it)
        await _the_new_area_takes_it_on(it)
        await _monday(it)
        read = list(it.read)
    places = [place for name in OLD_SIDE for place in files_of(it.it.home(name))]
    places += [("what the old front door's process wrote", (tmp_path / "wf.log").read_bytes())]
    places += [("opened by an insider", repr(document).encode()) for document in read]

    assert [] == search(places, _words(it.it))
    # The control: the router holds the area's code, and the search finds it there.
    assert search(files_of(it.it.layout.router), {"the area": DURHAM.encode()})


async def _the_evening(it: Flight) -> None:
    """Friday 12 June: both children are on a plan; at 22:40 the police are called."""
    for place, child in enumerate(CHILDREN):
        subject = {"nhs_number": child} | ({"upn": PUPIL} if place == 0 else {})
        it.publish("wf", "plan.opened", WF, subject=subject, details={"plan_ref": f"plan-{place}"})
    await it.applied("wf", 2)
    it.clock.to(_bst(12, 22, 40))
    for place, child in enumerate(CHILDREN):
        it.publish(
            "wf-police",
            "da.incident",
            WF,
            subject={"nhs_number": child},
            details={"police_ref": f"CP-{place}", "incident_at": it.clock().isoformat(), "dash_score": 17},
        )
    await it.applied("wf", 4)
    await it.applied("wf-education", 2)


async def _the_flight_and_the_flag(it: Flight) -> None:
    """Saturday: at 2 a nurse in Durham, who knows of nothing, says openly where they are. The flag comes at 8."""
    it.clock.to(_bst(13, 2))
    for child in CHILDREN:
        it.publish(
            "durham-health",
            "move.notified",
            DURHAM,
            subject={"nhs_number": child},
            details={"from_area": WF, "to_area": DURHAM, "known_at": it.clock().isoformat()},
        )
    await settled(lambda: len(it.views("durham")) == 2, within=120, what="the notices in Durham")
    assert [] == it.views("wf")

    it.clock.to(_bst(13, 7, 30))
    education = it.gateways["wf-education"]
    for item in education.inbox():
        education.read(item.number, role="education desk")
    opened = [one.opened_ms for one in education.inbox()]
    assert all(at is not None and at < _bst(15, 8, 30).timestamp() * 1000 for at in opened)

    it.clock.to(_bst(13, 8))
    for child in CHILDREN:
        it.publish(
            "wf-police",
            "sensitivity.set",
            WF,
            subject={"nhs_number": child},
            sensitivity="sensitive",
            details={"scope": ["address"], "starts_at": it.clock().isoformat()},
        )
        it.publish(
            "durham-marac",
            "marac.transferred",
            DURHAM,
            subject={"nhs_number": child},
            sensitivity="sensitive",
            details={"from_area": WF, "to_area": DURHAM},
        )
    await it.applied("durham", 4)


async def _the_new_area_takes_it_on(it: Flight) -> None:
    """Saturday 10:00: a person in Durham accepts, and has the old area asked at once. It is told: withheld."""
    it.clock.to(_bst(13, 10))
    for view in it.views("durham"):
        it.gateways["durham"].actions.accept(view.handover.hex(), MANAGER, ask_now=True)
    await settled(lambda: all(one.state == "closed" for one in it.views("durham")), within=120)
    assert {DURHAM} == {one.holder for one in it.views("durham")}
    it.publish(
        "durham",
        "plan.opened",
        DURHAM,
        subject={"nhs_number": CHILDREN[0]},
        residence={"gss": DURHAM, "postcode": REFUGE, "temporary": True},
        sensitivity="sensitive",
        details={"plan_ref": "durham-1"},
    )
    it.publish(
        "durham-school",
        "school.joined",
        DURHAM,
        subject={"nhs_number": CHILDREN[0]},
        details={"school": {"urn": SCHOOL, "name": "Example School"}},
    )
    it.clock.to(_bst(13, 10, 16))
    await settled(lambda: len(it.views("wf")) == 2, within=120, what="the word of the relay")
    for view in it.views("wf"):
        assert ("withheld", "withheld", "withheld") == (view.to_area, view.holder, view.safety)
        assert "closed" == view.state


async def _monday(it: Flight) -> None:
    """Monday 15 June: the old area releases; Durham reads the history. K16 and everything else rests on its own record."""
    it.clock.to(_bst(15, 9))
    wf = it.gateways["wf"]
    await settled(
        lambda: sum("vouch" in str(item.says) for item in wf.inbox()) == len(CHILDREN),
        within=120,
        what="endorsers",
    )
    for view in it.views("wf"):
        wf.actions.release(view.handover.hex(), MANAGER)
    # The router takes the release now; the history is ordered at the next slot of its grid.
    await settled(lambda: all(_receipted(wf)), within=120, what="the releases are taken")
    it.clock.to(_bst(15, 9, 20))
    await settled(
        lambda: len(wf.reviewing.refused()) == len(CHILDREN), within=120, what="what waits for a person"
    )
    # All but the flag, which its author marked "ask me": plan, incident and release, of both children.
    await settled(
        lambda: _granted(it.gateways["durham"]) == 3 * len(CHILDREN), within=120, what="the history"
    )
    for one in wf.reviewing.refused():
        assert ["ask-the-author"] == [why for _, why in one.kept]
        # To whoever holds the one-time key; who that is stays unknown here.
        wf.reviewing.share(one.order_id.hex(), MANAGER, "Whoever has them must know.", agreed="the police")
    await settled(
        lambda: _granted(it.gateways["durham"]) == 4 * len(CHILDREN), within=120, what="what was shared"
    )
    await settled(lambda: all(_receipted(wf)), within=120, what="the second looks are taken")
    assert [] == wf.reviewing.refused()
    events = [item for item in wf.inbox() if item.kind is InKind.VIEW and item.state == "applied"]
    it.read += [wf.read(item.number, role="insider").document for item in events]
    # After the 72 hours nothing else is said than before.
    it.clock.to(_bst(16, 9))
    await settled(lambda: it.clock() > _bst(16, 9, 0), within=5)


def _granted(gateway: Gateway) -> int:
    return sum(
        item.kind is InKind.GRANTED and item.state == "applied" for item in gateway.inbox(everything=True)
    )


def _receipted(gateway: Gateway) -> Iterator[bool]:
    for one in gateway.outbox():
        yield one.sent_ms is not None and all(reader.delivered_ms for reader in one.readers)


def _words(it: Exchange) -> dict[str, bytes]:
    members = [it.directory.member(it.members[name]) for name, (_, area) in CAST.items() if area == DURHAM]
    return words_of(
        [member for member in members if member is not None], DURHAM, "County Durham", REFUGE, SCHOOL
    )
