"""The play: members say things about children, the post is unreliable, everything may be killed; then it is looked at."""

import random
from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from schemas.codes.cases import HandoverKind
from schemas.ids import EventId
from tests.model.passages import BY_ITSELF, KINDS, VERBS, fits
from tests.model.play import SEEDS, WORKER, Play
from tests.model.promises import must
from tests.model.reading import one_family, same_kind
from tests.model.town import AREAS, BEGIN, CAST, DOORS, NAMES, OUTSIDE

_NAMES: Final = st.sampled_from(sorted(NAMES))
_PLACES: Final = st.sampled_from([*AREAS, *AREAS, OUTSIDE])
_NHS: Final = st.sampled_from([name for name in sorted(NAMES) if name.startswith("nhs")])
_UPN: Final = st.sampled_from([name for name in sorted(NAMES) if not name.startswith("nhs")])
"""What an NHS number may be linked with; with the unborn one it is a birth."""
_AREAS: Final = st.sampled_from(AREAS)
_DOORS: Final = st.sampled_from(sorted(DOORS.values()))
_OTHERS: Final = st.sampled_from(["health", "police", "school"])
_MEMBERS: Final = st.sampled_from(sorted(CAST))
_FAR: Final = st.sampled_from(["settle", "settle", "settle", "publish", "route", "send", "stay"])
"""How far the post carries what was just said."""


class Lives(Play):
    """Random lives. Everything is checked after each step, and once more when everything has been delivered."""

    # What members say.

    @rule(name=_NAMES, by=_MEMBERS, home=_AREAS, far=_FAR)
    def an_ordinary_event(self, name: str, by: str, home: str, far: str) -> None:
        """Nothing that opens a matter: routine, unless something is open about the child."""
        self._publish(by, "household.changed", name, home, far)

    @rule(name=_NAMES, by=_DOORS, far=_FAR)
    def a_plan_opens(self, name: str, by: str, far: str) -> None:
        """A front door opens a plan: the first one makes it the case holder."""
        self._publish(by, "plan.opened", name, self._own(by), far, plan_ref=f"plan-{self._said}")

    @rule(name=_NAMES, by=_OTHERS, home=st.none() | _AREAS, far=_FAR)
    def a_concern_is_raised(self, name: str, by: str, home: str | None, far: str) -> None:
        """By somebody who is no front door: the area of residence, or else the acting one, holds the case."""
        self._publish(by, "concern.raised", name, home, far, concern_ref=f"concern-{self._said}")

    @precondition(lambda self: self._matters())
    @rule(pick=SEEDS, far=_FAR)
    def a_matter_ends(self, pick: int, far: str) -> None:
        """One of those that are open, by whoever opened it."""
        matters = self._matters()
        by, reference, name = matters[pick % len(matters)]
        if reference.startswith("plan"):
            self._publish(by, "plan.closed", name, None, far, plan_ref=reference, reason="RC8")
        else:
            self._publish(by, "concern.closed", name, None, far, concern_ref=reference)

    @rule(name=_NAMES, by=_MEMBERS, start=_AREAS, end=_PLACES, far=_FAR)
    def a_move(self, name: str, by: str, start: str, end: str, far: str) -> None:
        """Somebody reports that a child lives elsewhere now."""
        if start != end:
            self._publish(by, "move.notified", name, end, far, from_area=start, to_area=end)

    @precondition(lambda self: self._known_names())
    @rule(pick=SEEDS, by=_MEMBERS, end=_PLACES, far=_FAR)
    def a_move_of_a_child_that_is_known(self, pick: int, by: str, end: str, far: str) -> None:
        """The same, where it matters."""
        names = self._known_names()
        name = names[pick % len(names)]
        watch = self.book.of_name[name].watch
        if watch != end:
            self._publish(by, "move.notified", name, end, far, from_area=watch, to_area=end)

    @precondition(lambda self: len(self._running()) < 2)
    @rule(name=_NAMES, by=_DOORS, further=st.integers(1, 2))
    def a_child_with_a_plan_moves(self, name: str, by: str, further: int) -> None:
        """The beginning of most stories: without it few would come to a handover."""
        start = self._own(by)
        end = AREAS[(AREAS.index(start) + further) % len(AREAS)]
        self._publish(by, "plan.opened", name, start, "settle", plan_ref=f"plan-{self._said}")
        self._publish("health", "move.notified", name, end, "settle", from_area=start, to_area=end)

    @precondition(lambda self: len(self._running()) < 2)
    @rule(
        kind=st.sampled_from(KINDS),
        name=_NAMES,
        by=_DOORS,
        further=st.integers(1, 2),
        claimed=st.sampled_from([False, False, True]),
    )
    def a_child_goes_to_another_area(
        self, kind: str, name: str, by: str, further: int, claimed: bool = False
    ) -> None:
        """In one of the ways in which children do; each with the words by which front doors know it.

        ``claimed``: where the area that places a child reports it, it is the other one that says so.
        """
        name = "unborn-a" if kind == "unborn" else name
        if name in self.book.of_name:
            return
        start = self._own(by)
        end = OUTSIDE if kind == "non_member" else AREAS[(AREAS.index(start) + further) % len(AREAS)]
        self._publish(by, "plan.opened", name, start, "settle", plan_ref=f"plan-{self._said}")
        between = {"from_area": start, "to_area": end}
        who, at = (DOORS[end], end) if claimed and kind in BY_ITSELF else (by, start)
        match kind:
            case "placement":
                self._publish(who, "placement.out_of_area", name, at, "settle", says=kind, **between)
            case "placement at a distance":
                far = {"at_a_distance": True, "approved_by": "director of children's services"}
                self._publish(who, "placement.out_of_area", name, at, "settle", says=kind, **between, **far)
            case "secure":
                held = {"home_area": start, "host_area": end}
                self._publish(who, "secure.entered", name, at, "settle", says=kind, **held)
            case _:
                self._publish("health", "move.notified", name, end, "settle", **between)
        passages = [one for one in self._passages() if one.about == name]
        must(len(passages) == 1, "P5", f"{len(passages)} handovers of one child that moves")
        if kind in {"temporary", "found_elsewhere"}:
            self._request(passages[0], kind)
        same_kind(self.book, self.town, passages[0])

    @rule(name=_NAMES, by=_DOORS, far=_FAR)
    def one_service_asks_another(self, name: str, by: str, far: str) -> None:
        """Inside one area: whatever they answer, nothing is handed over."""
        inside = {"from_area": self._own(by), "to_area": self._own(by)}
        asked = inside | {"kind": "service"}
        self._publish(by, "transfer.requested", name, self._own(by), far, **asked)
        self._publish(by, "transfer.accepted", name, self._own(by), far, **inside)

    @rule(by=_DOORS, further=st.integers(1, 2), stays=st.booleans(), also=st.sampled_from(VERBS))
    def a_family_moves_together(self, by: str, further: int, stays: bool, also: str) -> None:
        """Brother and sister are asked for together; something becomes of one of them, and of no other."""
        names = ("nhs-a", "nhs-b")
        if any(name in self.book.of_name for name in names):
            return
        start = self._own(by)
        end = AREAS[(AREAS.index(start) + further) % len(AREAS)]
        for name in names:
            self._publish(by, "plan.opened", name, start, "settle", plan_ref=f"plan-{self._said}")
            self._publish("health", "move.notified", name, end, "settle", from_area=start, to_area=end)
        family = [one for one in self._passages() if one.about in names]
        self._ask_together(by, family, HandoverKind.TEMPORARY if stays else HandoverKind.PERMANENT)
        one_family(self.book, self.town, family)
        self._try(family[0], also, conference=False, far="settle")
        one_family(self.book, self.town, family)

    @precondition(lambda self: self._running())
    @rule(pick=SEEDS, times=st.integers(1, 3), conference=st.booleans(), far=_FAR)
    def front_doors_do_what_they_may(self, pick: int, times: int, conference: bool, far: str) -> None:
        """Verbs that fit where one of the handovers stands, so that stories go on."""
        noise = random.Random(pick)
        for _ in range(times):
            if running := self._running():
                passage = noise.choice(running)
                fitting = [verb for verb in VERBS if verb != "verify" and fits(passage, verb)]
                self._try(passage, noise.choice(fitting), conference, far)

    @precondition(lambda self: len(self._running()) < 2)
    @rule(name=_NAMES, by=_DOORS, further=st.integers(1, 2), days=st.sampled_from([0, 0, 3]))
    def an_area_claims_a_child(self, name: str, by: str, further: int, days: int) -> None:
        """A child with a plan elsewhere; its new area is the only one that says that it is there, and accepts at once."""
        start = self._own(by)
        end = AREAS[(AREAS.index(start) + further) % len(AREAS)]
        self._publish(by, "plan.opened", name, start, "settle", plan_ref=f"plan-{self._said}")
        self._publish(DOORS[end], "move.notified", name, end, "settle", from_area=start, to_area=end)
        for passage in [one for one in self._running() if one.taker == end and fits(one, "accept")][:1]:
            self._try(passage, "accept", conference=False, far="settle")
        if days:
            self.time_passes(days * 24)

    @precondition(lambda self: self._passages())
    @rule(pick=SEEDS, verb=st.sampled_from(VERBS), conference=st.booleans(), far=_FAR)
    def a_front_door_acts(self, pick: int, verb: str, conference: bool, far: str) -> None:
        """One verb in one of the handovers, whether or not it fits where that stands."""
        passages = self._passages()
        self._try(passages[pick % len(passages)], verb, conference, far)

    @rule(nhs=_NHS, upn=_UPN, by=_DOORS, far=_FAR)
    def two_names_are_linked(self, nhs: str, upn: str, by: str, far: str) -> None:
        """A named person decides that two identifiers are one child; rightly or wrongly."""
        identities = [dict([NAMES[nhs]]), dict([NAMES[upn]])]
        event = self.town[by].actions.link(identities, WORKER, "Compared.", "official_document")
        self._links.append((event.raw, nhs, upn))
        self._carry(far)

    @rule(nhs=_NHS, upn=_UPN, by=_DOORS)
    def two_children_are_confused_for_a_while(self, nhs: str, upn: str, by: str) -> None:
        """Two children of one area are taken for one, and parted again."""
        if nhs in self.book.of_name or upn in self.book.of_name:
            return
        for name in (nhs, upn):
            self._publish(by, "plan.opened", name, self._own(by), "settle", plan_ref=f"plan-{self._said}")
        self.two_names_are_linked(nhs, upn, by, "settle")
        self.a_link_is_undone(len(self._links) - 1, by, "settle")

    @rule(nhs=_NHS, upn=_UPN, by=_DOORS, further=st.integers(1, 2), moves=st.booleans(), far=_FAR)
    def a_child_that_moves_is_taken_for_another(
        self, nhs: str, upn: str, by: str, further: int, moves: bool, far: str
    ) -> None:
        """Two children of two areas, one of whom moves, are taken for one, and parted again."""
        if nhs in self.book.of_name or upn in self.book.of_name:
            return
        home = self._own(by)
        theirs = AREAS[(AREAS.index(home) + further) % len(AREAS)]
        [end] = [area for area in AREAS if area not in (home, theirs)]
        start, name = (home, nhs) if moves else (theirs, upn)
        for door, child in ((by, nhs), (DOORS[theirs], upn)):
            self._publish(door, "plan.opened", child, self._own(door), far, plan_ref=f"plan-{self._said}")
        self._settle()
        self._publish("health", "move.notified", name, end, far, from_area=start, to_area=end)
        self.two_names_are_linked(nhs, upn, by, far)
        self.a_link_is_undone(len(self._links) - 1, by, "settle")

    @rule(name=_NAMES, by=_DOORS)
    def much_is_said_at_once(self, name: str, by: str) -> None:
        """A plan and what several members know of the child, all on the way together."""
        home = self._own(by)
        self._publish(by, "plan.opened", name, home, "publish", plan_ref=f"plan-{self._said}")
        for author in ("health", "police", "school"):
            self._publish(author, "household.changed", name, home, "publish")
        self._settle()

    @precondition(lambda self: self._links)
    @rule(pick=SEEDS, by=_DOORS, far=_FAR)
    def a_link_is_undone(self, pick: int, by: str, far: str) -> None:
        """Another person finds that it was wrong."""
        event, nhs, upn = self._links[pick % len(self._links)]
        identities = [dict([NAMES[nhs]]), dict([NAMES[upn]])]
        self.town[by].actions.unlink(identities, WORKER, "Two children.", str(EventId.from_raw(event)))
        self._carry(far)

    @precondition(lambda self: self._known_names())
    @rule(pick=SEEDS, by=_DOORS, member=_OTHERS, far=_FAR)
    def involvement_is_confirmed(self, pick: int, by: str, member: str, far: str) -> None:
        """A front door confirms that somebody works with a child."""
        names = self._known_names()
        kind, value = NAMES[names[pick % len(names)]]
        self.town[by].actions.involve({kind: value}, self.town.members[member], WORKER)
        self._carry(far)

    # What the post does.

    @rule(name=_MEMBERS, most=st.integers(1, 4), die=st.booleans())
    def a_gateway_sends(self, name: str, most: int, die: bool) -> None:
        """Some of what waits; perhaps it dies before it has noted that."""
        self.town.send(name, most, receipts=True, die_before_marking=die)

    @precondition(lambda self: self.town.bus)
    @rule(
        pick=SEEDS,
        most=st.integers(1, 4),
        die=st.sampled_from([None, "before commit", "before acknowledging"]),
    )
    def the_router_takes(self, pick: int, most: int, die: str | None) -> None:
        """Some of what lies on the bus, in any order; perhaps it dies at a gap."""
        letters = list(self.town.bus)
        random.Random(pick).shuffle(letters)
        self._route(self._batch(letters, most), die)

    @rule(die=st.booleans())
    def the_router_publishes(self, die: bool) -> None:
        """What it has decided; perhaps it dies before it has noted that."""
        self.town.publish(die_before_marking=die)

    @precondition(lambda self: any(self.town.doors.values()))
    @rule(pick=SEEDS, repeats=st.integers(0, 2), die=st.booleans())
    def letters_are_brought(self, pick: int, repeats: int, die: bool) -> None:
        """Some of a reader's, in any order, some twice; perhaps it dies when a part of them is applied."""
        noise = random.Random(pick)
        name = noise.choice(sorted(name for name, letters in self.town.doors.items() if letters))
        places = list(range(len(self.town.doors[name])))
        noise.shuffle(places)
        places = places[: noise.randint(1, len(places))]
        places += noise.choices(places, k=repeats)
        self.town.deliver(name, places, die_after=noise.randrange(len(places)) if die else None)

    @rule(hours=st.sampled_from([1, 20, 80, 400]))
    def time_passes(self, hours: int) -> None:
        """Clocks run out meanwhile; not the keys, which end after a hundred days and nobody makes new ones here."""
        if self.town.now + timedelta(hours=hours) > BEGIN + timedelta(days=95):
            return
        self.town.wait(hours=hours)
        for name in DOORS.values():
            self.town.reconsider(name)
        self.town.tick()
        self.eye.after_tick()

    @rule()
    def everything_arrives(self) -> None:
        """Nothing moves any more."""
        self._settle()

    # What must hold.

    @invariant()
    def the_promises_hold(self) -> None:
        """At any moment."""
        if hasattr(self, "eye"):
            self.eye.look()
