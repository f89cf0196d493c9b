"""Random flights: a family that is marked, moves, is hidden, told of and found again, against ``secrets``.

Played in the exchange of ``tests.distinguish``: three areas, their schools, surgeries and boards, protection endorsers, and
a clock of its own. After each step every byte that came to an area is searched for what it must not know.
"""

import random
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.gateway.errors import NobodyVouchesError, NotForThisPlanError
from adapters.gateway.frontdoor.telling import Telling
from broker.clock import to_ms
from broker.directory.files import read_current
from broker.directory.issue import Issuer
from broker.directory.layout import Layout
from broker.errors import RejectedError
from schemas.audit import EntryKind
from schemas.control import unframe
from schemas.handover import HandoverView
from schemas.hiding import HIDDEN
from schemas.ids import EventId, KeyId
from schemas.wire import PROTOCOL_VERSION, InKind
from tests.distinguish.world import BEGIN, CAST, DURHAM, LANCASHIRE, OLD, Mesh, a_mesh
from tests.model.play import WORKER
from tests.model.promises import must
from tests.model.secrets import Flight

DOORS: Final[dict[str, str]] = {OLD: "old", DURHAM: "durham", LANCASHIRE: "lancashire"}
SURGERIES: Final[dict[str, str]] = {
    OLD: "old-health",
    DURHAM: "durham-health",
    LANCASHIRE: "lancashire-health",
}
AREAS: Final = tuple(DOORS)
_AREAS: Final = st.sampled_from(AREAS)
_DISCREET: Final = frozenset({EntryKind.REFUSED, EntryKind.CHAIN_GAP, EntryKind.FLOOD, EntryKind.SLIP_KEY})
"""Entries about a member and no child."""
_GRID_MS: Final = 30 * 60_000
"""Of the relay: coarser than in life, since each slot of the long hold is played."""
_CHANGE_KEYS: Final = (*DOORS.values(), "old-health", "endorser-1", "durham-board")


class Flights(RuleBasedStateMachine):
    """One family. It has a protection plan in the first area."""

    mesh: Mesh
    book: Flight

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        """Nobody has moved."""
        self.mesh, self.book = a_mesh(seed, _GRID_MS), Flight(OLD, OLD)
        self._read = self._heard = 0
        self._keys = 0
        self._stolen: list[EventId] = []
        details = {"plan_ref": "plan-1", "plan": "child_protection"}
        self.plan = EventId(self.mesh.publish("old", "plan.opened", area=OLD, details=details))
        self._run(1)

    def teardown(self) -> None:
        """Let the hold end, look once more, and close."""
        if not hasattr(self, "mesh"):
            return
        try:
            self._run(90)
            self.the_promises_hold()
        finally:
            self.mesh.close()
            self.mesh.remove()

    @property
    def hour(self) -> float:
        """Since the beginning."""
        return (self.mesh.now - BEGIN).total_seconds() / 3600

    def _run(self, hours: float) -> None:
        self.mesh.run(self.mesh.now + timedelta(hours=hours))

    # What happens to them.

    @rule(area=_AREAS)
    def somebody_says_something(self, area: str) -> None:
        """An ordinary event, by a surgery that need know nothing."""
        self.mesh.publish(SURGERIES[area], "appointment.missed", area=area)
        self._run(1)

    @rule()
    def the_police_are_called(self) -> None:
        """A marker, from where the family is known."""
        flag = {"scope": ["address"], "lifted": None, "starts_at": self.mesh.now.isoformat()}
        door = DOORS[self.book.watch]
        self.book.marked(self.hour)
        self.mesh.publish(
            door, "sensitivity.set", area=self.book.watch, details=flag, sensitivity="sensitive"
        )
        self._run(1)

    @rule(to=_AREAS, own=st.sampled_from([False, False, True]))
    def a_move_is_reported(self, to: str, own: bool) -> None:
        """By the surgery there, or by the front door there alone."""
        by, left = (DOORS if own else SURGERIES)[to], self.book.watch
        what = self.book.moved(to)
        if what == "moved":
            self.book.seen = not own
        elif what == "known" and not own:
            self.book.seen = True
        # Whoever must not know from where says nothing of that.
        between = {"to_area": to} | ({"from_area": left} if what == "moved" else {})
        self.mesh.publish(by, "move.notified", area=to, details=between)
        self._run(1)

    @rule(area=_AREAS)
    def another_plan_is_opened(self, area: str) -> None:
        """By an area that must not know where the child is: nothing follows. Others would have a case to argue about."""
        if self.book.watch in self.book.blind.get(area, ()):
            self._keys += 1
            details = {"plan_ref": f"probe-{self._keys}"}
            self.mesh.publish(DOORS[area], "plan.opened", area=area, details=details)
            self._run(1)

    @rule(hurry=st.booleans())
    def the_case_is_taken_on(self, hurry: bool) -> None:
        """By a person where the child is."""
        way = self.book.open_way
        if way is None or not (self.book.seen or way in self.book.let_go):
            return  # on its own word it would be provisional: ``book`` plays that
        hidden = way in self.book.ways
        self._door(way[1]).actions.accept(self._view(way).handover.hex(), WORKER, ask_now=hurry and hidden)
        self.mesh.goes(DOORS[way[1]])
        self.book.hurried = self.book.hurried or (hurry and hidden)
        self.book.accepted()
        self._run(1)

    @rule()
    def the_history_is_let_go(self) -> None:
        """By a person of the area that was left, to whoever has the child, once it is told and enough vouch for them."""
        for way in self._ways():
            view = next((one for one in self._views(way[0]) if self._is(one, way)), None)
            if view is None or way in self.book.let_go or view.state not in {"noticed", "closed"}:
                continue
            try:
                self._door(way[0]).actions.release(view.handover.hex(), WORKER)
            except (NobodyVouchesError, RejectedError):
                continue
            self.book.let_go.add(way)
            self.mesh.goes(DOORS[way[0]])
        self._run(2)

    @rule()
    def who_was_left_last_is_told(self) -> None:
        """A person where the child is says so."""
        ways = [way for way in self.book.ways if way[1] == self.book.watch]
        if ways:
            door = self._door(self.book.watch)
            Telling(door.home, door.actions).tell(self._view(ways[-1]).handover.hex(), WORKER, "They agreed.")
            self.book.told(ways[-1])
            self.mesh.goes(DOORS[self.book.watch])
            self._run(1)

    @rule(area=_AREAS)
    def somebody_lifts_it(self, area: str) -> None:
        """Only who has the child can."""
        details = {"scope": ["address"], "lifted": True, "starts_at": self.mesh.now.isoformat()}
        if area == self.book.watch:
            self.book.lifted()
        self.mesh.publish(DOORS[area], "sensitivity.set", area=area, details=details)
        self._run(1)

    @rule()
    def glass_is_broken(self) -> None:
        """The new area takes the history of a child at risk: never where it is hidden, and never on its own word."""
        way = self.book.open_way
        if way is None:
            return
        may = self.book.may_break_glass(way)
        try:
            self._door(way[1]).actions.break_glass(
                self._view(way).handover.hex(), WORKER, "child_protection_plan", "old_area_silent", "Danger."
            )
        except NotForThisPlanError:
            return
        self.mesh.goes(DOORS[way[1]])
        if may:
            self.book.glass.add(way)
        self._run(1)
        if may:
            must(self._holds(way[1], self.plan), "P1", "glass was broken rightly, and the plan did not come")
        elif way not in self.book.let_go | self.book.glass and way in self.book.ways and way[1] != OLD:
            must(not self._holds(way[1], self.plan), "P7", "glass was broken where the child is hidden")

    @rule(name=st.sampled_from(_CHANGE_KEYS))
    def keys_are_renewed(self, name: str) -> None:
        """In the ordinary way: what was sealed to the old ones is read, what is signed with them counts until they end."""
        self._issuer().rotate_member(self.mesh.members[name])
        self._new_directory()

    @rule(area=_AREAS)
    def a_key_is_stolen(self, area: str) -> None:
        """Revoked at once: what is signed with it afterwards is nobody's word."""
        name = SURGERIES[area]
        gateway = self.mesh[name]
        key = gateway.home.signer().key_id
        event = self.mesh.publish(name, "move.notified", area=area, details={"to_area": area})
        self._issuer().rotate_member(self.mesh.members[name])
        self._issuer().revoke_key(KeyId(key), "laptop stolen")
        self._new_directory()
        self._stolen.append(EventId(event))
        self._run(1)

    @rule(hours=st.sampled_from([6, 30, 80]))
    def time_passes(self, hours: int) -> None:
        """Clocks run out meanwhile."""
        self._run(hours)

    # What must hold.

    @invariant()
    def the_promises_hold(self) -> None:
        """After each step."""
        if hasattr(self, "mesh"):
            self._nothing_stolen_counts()
            self._two_facts()
            self._nobody_learns()
            self._nothing_in_the_hold()
            self._who_was_left_is_told()

    def _two_facts(self) -> None:
        with self.mesh.store.work() as work:
            plan = work.outgoing.delivery_of(self.mesh.members["old"], self.plan.raw)
            child = None if plan is None else work.children.records.child_of(plan[1])
            row = None if child is None else work.children.get(child)
        must(row is not None, "P5", "the child is gone")
        assert row is not None
        found = {"holder": row.holder, "safety": row.safety}
        must(
            found == {"holder": self.book.keeper, "safety": self.book.watch},
            "P5",
            f"{found}, not {self.book}",
        )

    def _nobody_learns(self) -> None:
        """P7: of all that came to who serves only one area, and stands in the trail for every board, since the last look."""
        for seen in self.mesh.seen[self._read :]:
            areas = CAST[seen.reader][1]
            for where in self.book.blind.get(areas[0], ()):
                for word in self._words(where) if (areas[0], where) not in self.book.heard_of else ():
                    must(word not in seen.body, "P7", f"{seen.reader} was sent {word!r}")
                must(
                    where not in _has_the_child(seen.body),
                    "P7",
                    f"{seen.reader} reads that {where} has the child",
                )
        self._read = len(self.mesh.seen)
        pairs = {(who, where) for who, found in self.book.blind.items() for where in found}
        secret = {where for _, where in pairs - self.book.heard_of}
        for row, entry in zip(self.mesh.log[self._heard :], self.mesh.entries()[self._heard :], strict=True):
            for where in secret if entry.kind not in _DISCREET else ():
                for word in self._words(where):
                    must(word not in row.body, "P7", f"the trail says {word!r} in clear: {entry.kind}")
        self._heard = len(self.mesh.log)

    def _words(self, area: str) -> list[bytes]:
        names = [name for name, (_, areas) in CAST.items() if area in areas]
        return [area.encode(), *(self.mesh.members[name].encode() for name in names)]

    def _nothing_in_the_hold(self) -> None:
        """P7: nobody who was left hears that a hidden way is there, before the hold is over."""
        for left, _ in self.book.ways if self.book.is_held(self.hour) else ():
            known = [view for view in self._views(left) if view.to_area == HIDDEN]
            early = [
                view
                for view in known
                if view.opened_ms > to_ms(BEGIN + timedelta(hours=self.book.marked_h or 0))
            ]
            must(not early, "P7", f"{left} was told during the hold: {early}")

    def _who_was_left_is_told(self) -> None:
        """P6: a hidden family is not a lost one: whoever held the case knows that it has gone, when the hold is over."""
        way = self.book.open_way
        if way is not None and way in self.book.ways and self.book.must_be_told(self.hour):
            must(any(self._is(view, way) for view in self._views(way[0])), "P6", f"{way[0]} was told nothing")

    def _nothing_stolen_counts(self) -> None:
        """P4: nobody has what was signed with a revoked key."""
        for event in self._stolen:
            holders = [name for name in DOORS.values() if self._holds_raw(name, event)]
            must(not holders, "P4", f"{holders} believe a revoked key")

    # How it is looked at.

    def _door(self, area: str) -> Any:
        return self.mesh[DOORS[area]]

    def _views(self, area: str) -> list[HandoverView]:
        return list(self._door(area).actions.handovers())

    def _view(self, way: tuple[str, str]) -> HandoverView:
        found = [one for one in self._views(way[1]) if (one.from_area, one.to_area) == way]
        must(found, "P5", f"{way[1]} does not know that the child has come")
        return max(found, key=lambda one: one.opened_ms)

    def _is(self, view: HandoverView, way: tuple[str, str]) -> bool:
        """Whether what the old side reads is of this way."""
        return view.from_area == way[0] and view.to_area in {HIDDEN, way[1]}

    def _ways(self) -> list[tuple[str, str]]:
        return [*self.book.ways, *([self.book.open_way] if self.book.open_way else [])]

    def _holds(self, area: str, event: EventId) -> bool:
        return self._holds_raw(DOORS[area], event)

    def _holds_raw(self, name: str, event: EventId) -> bool:
        with self.mesh[name].home.store.look() as work:
            return bool(work.inbox.holds(event.raw))

    def _issuer(self) -> Issuer:
        self._keys += 1
        noise = random.Random(f"keys {self.mesh.seed} {self._keys}").randbytes
        return Issuer(layout=Layout(self.mesh.folder / "exchange"), now=self.mesh.now, entropy=noise)

    def _new_directory(self) -> None:
        self.mesh.directory = read_current(Layout(self.mesh.folder / "exchange"))
        for gateway in self.mesh.gateways.values():
            gateway.home.close()
        self.mesh.gateways.clear()
        self._run(0.1)


def _has_the_child(body: bytes) -> frozenset[str]:
    """The areas that a delivery says hold the case or have the safety duty; none where it is about no handover."""
    _, kind, inner = unframe(body, 3, PROTOCOL_VERSION)
    if kind != InKind.HANDOVER:
        return frozenset()
    view = HandoverView.from_bytes(inner)
    return frozenset({view.holder, view.safety})
