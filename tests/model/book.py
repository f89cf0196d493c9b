"""What must be, written from the design alone: plain values, its own words, none of the program's code.

A *file* is kept for each child while something is open about it. A file has *names* (identifiers) held together by
*knots* (signed decisions of people). The *keeper* is the area that holds the case, the *watch* the area with the
safety duty. A *passage* is a handover from a giver to a taker. Everything is by area code and by member's short name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from tests.model.files import File
from tests.model.names import Knot, Name, held_with
from tests.model.passages import (
    BY_GIVER,
    BY_ITSELF,
    CONFLICT,
    HELD,
    MOVE,
    VERBS,
    Passage,
    Refused,
    stand,
    step,
    supersede,
)

OPENS, CLOSES = 1, 2
MOVE_CLASS: Final = 1
SHARED: Final = frozenset({1, 3, 4, 5})
"""Classes of event that members who are involved hear of: moves, plans, concerns, records."""


@dataclass(slots=True)
class Book:
    """The model. ``doors`` gives each area's front door; ``admits`` the kinds of event that other members may hear."""

    doors: Mapping[str, str]
    of_name: dict[str, File] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    ordinary: Counter[str] = field(default_factory=Counter)
    """How many events of each author left nothing."""
    ordinary_events: set[bytes] = field(default_factory=set)
    must: dict[bytes, set[str]] = field(default_factory=dict)
    """Who must have each event."""
    before: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    """Each event's predecessors: the story of its child when it was taken."""
    decided: dict[bytes, frozenset[str]] = field(default_factory=dict)
    """The decisions on names, and which they are about."""
    opened: list[Passage] = field(default_factory=list)
    """Passages in the order of their opening."""
    meant: set[tuple[bytes, str]] = field(default_factory=set)
    """What people decided: a passage and a verb. Nothing else moves a case."""
    says: dict[bytes, tuple[str, Passage | None]] = field(default_factory=dict)
    """The kind that a report, or a request in a passage, says; by the event."""
    visited: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    clock: int = 0

    def files(self) -> list[File]:
        """Every file once."""
        return list({id(one): one for one in self.of_name.values()}.values())

    def take(self, said: "Said") -> str:
        """Take one event; gives ``taken``, ``routine``, ``repeat`` or ``refused``."""
        if said.event in self.seen:
            return "repeat"
        self.seen.add(said.event)
        self.clock += 1
        try:
            file = self._act(said, said.verb) if said.verb else None
        except Refused:
            return "refused"
        file = file or self._file_of(said)
        if file is None:
            self.must[said.event] = set(said.sealed_to)
            self.ordinary[said.author] += 1
            self.ordinary_events.add(said.event)
            return "routine"
        name = next(name for name in (*said.names, *sorted(file.names)) if name in file.names)
        self._moved(file, said, name)
        self._matter(file, said, name)
        kind, asked_in = self.says.get(said.event, (None, None))
        if asked_in is not None:
            asked_in.kind = kind
        if said.verb in {"link", "unlink"}:
            self.decided[said.event] = frozenset(said.names)
        self.before[said.event] = tuple(event for event, _ in file.story)
        file.story.append((said.event, name))
        self.must[said.event] = self._who_must_hear(file) | (set(said.sealed_to) & set(self.doors.values()))
        if said.event_class in SHARED:
            self.must[said.event] |= file.known_to - {said.author}
        return "taken"

    def burn(self, file: File) -> None:
        """The broker has forgotten the child."""
        for name in file.names:
            del self.of_name[name]

    def passage(self, key: bytes | None) -> tuple[File, Passage]:
        """A passage by its id. Raises Refused."""
        for file in self.files():
            for one in file.passages:
                if key is not None and one.key == key:
                    return file, one
        raise Refused

    # What events do.

    def _act(self, said: "Said", verb: str) -> File:
        if verb in VERBS:
            return self._walk(said, verb)
        if verb == "link":
            return self._tie(said)
        if verb == "unlink":
            return self._untie(said)
        file = self._file_of(said)
        if file is None or said.member is None:
            raise Refused
        self._require_door(file, said.author)
        if verb == "involve":
            file.known_to.add(said.member)
        else:
            file.known_to.discard(said.member)
        return file

    def _walk(self, said: "Said", verb: str) -> File:
        """One step of a passage: only the two areas may take it, each its own steps, and only where it fits."""
        file, passage = self.passage(said.key)
        side = passage.giver if verb in BY_GIVER else passage.taker
        others = {id(self.of_name[name]) for name in said.names if name in self.of_name} - {id(file)}
        if said.author != self.doors.get(side) or others or not self._is_decided(passage, verb):
            raise Refused
        self.visited[passage.sort, passage.stage, verb] += 1
        papers = frozenset(event for event, _ in file.story if self.doors[passage.giver] in self.must[event])
        before = passage.stage
        step(passage, verb, conference=said.conference, papers=papers)
        if before not in HELD and passage.stage in HELD:
            self._take_on(file, passage)
            self._settle(file, passage)
        return file

    def _is_decided(self, passage: Passage, verb: str) -> bool:
        """By a person; or it is one of the two things that a front door says by itself."""
        placed = passage.report in BY_ITSELF and passage.reporter != self.doors.get(passage.taker)
        by_itself = verb == "verify" or (verb == "stays" and placed)
        return by_itself or (passage.key or b"", verb) in self.meant

    def stays_by_itself(self, passage: Passage) -> bool:
        """The giver's own signed report says that the child is placed there."""
        return passage.report in BY_ITSELF and passage.reporter == self.doors.get(passage.giver)

    def lapse(self, key: bytes, stage: str) -> None:
        """Time has gone by: an acceptance stands that nobody contested, or a handover that nobody moved on is disputed."""
        file, passage = self.passage(key)
        if stage == "disputed":
            passage.stage = "disputed"
            return
        stand(passage)
        self._take_on(file, passage)
        self._settle(file, passage)

    def _take_on(self, file: File, passage: Passage) -> None:
        """The case passes: that of the name that the passage is about, or of all where a knot had asked for whose."""
        file.keeper = passage.taker
        asked = passage.by_knot is not None and passage.by_knot in file.knots
        for name in file.names if asked else [passage.about]:
            file.names[name].taken.append((self.clock, passage.taker))

    def _settle(self, file: File, accepted: Passage | None, knot: Knot | None = None) -> None:
        """The case has a new keeper: nobody waits any more for an area that has it, or where the child is not."""
        for one in file.running:
            if one is accepted and one.stage == "accepted":
                continue
            if one.stage == "accepted" and one.taker == file.keeper:
                continue
            there = one.why == CONFLICT or one.taker == file.watch
            if one.stage == "accepted" or one.taker == file.keeper or not there:
                supersede(one)
            elif one.giver != file.keeper:
                one.giver, one.stage, one.let_go, one.checked = file.keeper, "noticed", False, False
                one.fought = False
        if file.watch != file.keeper:
            about = max(file.places, key=lambda name: file.places[name])
            _, _, by, report = file.places[about]
            self._open(file, file.watch, MOVE, about, knot.by if knot else by, knot, b"" if knot else report)

    def _open(
        self,
        file: File,
        taker: str,
        why: str,
        about: str,
        by: str,
        knot: Knot | None = None,
        report: bytes = b"",
    ) -> None:
        """An area hears that a child with an open matter is there, or claims it: once."""
        if any(one.taker == taker for one in file.running):
            return
        passage = Passage(file.keeper, taker, why, about, knot, seen=by != self.doors.get(taker))
        passage.report, passage.reporter = self.says.get(report, (None, None))[0], by
        passage.outside = taker not in self.doors
        passage.kind = passage.report
        file.passages.append(passage)
        self.opened.append(passage)

    def _tie(self, said: "Said") -> File:
        """A named person decides that names are one child."""
        known = self._known(said.names)
        if len(set(said.names)) < 2 or not known:
            raise Refused
        if not any(said.author in self._doors_of(file) for file in known):
            raise Refused
        kept, first = known[0], next(name for name in said.names if self.of_name.get(name) is known[0])
        keepers = [file.keeper for file in known]
        everybody = {self.doors.get(area) for file in known for area in (file.keeper, file.watch)}
        knot = None
        for name in said.names:
            if name == first:
                continue
            other = self.of_name.get(name)
            knot = Knot(first, name, self.clock, said.author)
            kept.knots.append(knot)
            if other is None:
                kept.names[name] = Name(kept.keeper)
                kept.places[name] = (0, kept.watch, said.author, said.event)
                self.of_name[name] = kept
            elif other is not kept:
                self._merge(kept, other)
        door = self.doors[kept.keeper]
        for event, _ in kept.story:
            if self.must[event] & (everybody - {door}):
                self.must[event].add(door)
        self._settle(kept, None, knot)
        for keeper in keepers[1:]:
            if keeper != kept.keeper:
                self._open(kept, keeper, CONFLICT, first, said.author, knot)
        return kept

    def _merge(self, kept: File, other: File) -> None:
        kept.names |= other.names
        kept.places |= other.places
        kept.matters |= other.matters
        kept.knots += other.knots
        kept.known_to |= other.known_to
        kept.passages += other.passages
        kept.story = sorted(kept.story + other.story, key=lambda item: self._order(item[0]))
        for name in other.names:
            self.of_name[name] = kept

    def _order(self, event: bytes) -> int:
        return list(self.must).index(event)

    def _untie(self, said: "Said") -> File:
        """The newest decision about just these names is taken back, or else the newest that alone holds them together."""
        known = self._known(said.names)
        names = {name for name in said.names if name in self.of_name}
        if len(known) != 1:
            raise Refused
        file = known[0]
        newest_first = [(knot, self._beyond(file, knot)) for knot in reversed(file.knots)]
        chosen = [one for one in newest_first if {one[0].one, one[0].other} == names]
        chosen += [
            one
            for one in newest_first
            if one[0].one not in one[1] and len({name in one[1] for name in names}) == 2
        ]
        if not chosen:
            raise Refused
        self._require_door(file, said.author)
        knot, apart = chosen[0]
        file.knots.remove(knot)
        if knot.one not in apart:
            self._split(file, knot, set(file.names) - apart if file.root in apart else apart)
        return file

    def _beyond(self, file: File, knot: Knot) -> frozenset[str]:
        return held_with(knot.other, [one for one in file.knots if one is not knot])

    def _split(self, file: File, knot: Knot, apart: AbstractSet[str]) -> None:
        """Two files again: each with its own names, matters, story, places and passages, and kept as if never joined."""
        stay = set(file.names) - apart
        mine, theirs = file.keeper_of(stay), file.keeper_of(apart)
        root = next(name for name in (knot.other, knot.one) if name in apart)
        fresh = File(root, theirs, {name: file.names.pop(name) for name in apart}, {})
        fresh.knots = [one for one in file.knots if one.one in apart]
        fresh.matters = {key: held for key, held in file.matters.items() if held[1] in apart}
        fresh.story = [item for item in file.story if item[1] in apart]
        fresh.places = {name: place for name, place in file.places.items() if name in apart}
        fresh.passages = [one for one in file.passages if one.about in apart]
        file.keeper = mine
        file.knots = [one for one in file.knots if one not in fresh.knots]
        file.matters = {key: held for key, held in file.matters.items() if key not in fresh.matters}
        file.story = [item for item in file.story if item[1] not in apart]
        file.places = {name: place for name, place in file.places.items() if name not in apart}
        file.passages = [one for one in file.passages if one.about not in apart]
        for name in apart:
            self.of_name[name] = fresh
        for one in (file, fresh):
            for passage in one.passages:
                passage.papers &= {event for event, _ in one.story}
            for passage in one.running:
                if passage.by_knot is knot:
                    supersede(passage)
            self._settle(one, None)

    def _file_of(self, said: "Said") -> File | None:
        """The first name that is known; or a new file, if this opens the first matter."""
        known = self._known(said.names)
        if known:
            return known[0]
        if said.matter[0] != OPENS or not said.names:
            return None
        keeper = said.acting if said.author in self.doors.values() else said.residence or said.acting
        name = said.names[0]
        place = (self.clock, said.residence or keeper, said.author, said.event)
        file = File(name, keeper, {name: Name(keeper)}, {name: place})
        self.of_name[name] = file
        return file

    def _moved(self, file: File, said: "Said", name: str) -> None:
        """A move seen anywhere counts: the watch goes there at once, and the new area hears of it."""
        if said.event_class != MOVE_CLASS or said.to_area is None:
            return
        file.places[name] = (self.clock, said.to_area, said.author, said.event)
        if said.to_area != file.keeper and said.author != self.doors.get(said.to_area):
            for one in [one for one in file.running if one.taker == said.to_area and not one.fought]:
                one.seen = True
                if one.stage == "provisional":
                    stand(one)
                    self._take_on(file, one)
                    self._settle(file, one)
        if said.to_area != file.keeper:
            self._open(file, said.to_area, MOVE, name, said.author, report=said.event)

    def _matter(self, file: File, said: "Said", name: str) -> None:
        effect, reference = said.matter
        key = (said.author, reference or said.event)
        if effect == OPENS and not any(key in one.matters for one in self.files()):
            file.matters[key] = (said.acting, name)
            if said.author in self.doors.values() and said.acting != file.keeper:
                self._open(file, said.acting, CONFLICT, name, said.author)
        elif effect == CLOSES:
            for one in self.files():
                one.matters.pop(key, None)

    def _who_must_hear(self, file: File) -> set[str]:
        areas = {file.keeper, file.watch}
        for one in file.running:
            areas |= {one.giver, one.taker}
        return {self.doors[area] for area in areas if area in self.doors}

    def _known(self, names: Iterable[str]) -> list[File]:
        found = [self.of_name[name] for name in names if name in self.of_name]
        return list({id(one): one for one in found}.values())

    def _require_door(self, file: File, author: str) -> None:
        if author not in self._doors_of(file):
            raise Refused

    def _doors_of(self, file: File) -> set[str | None]:
        return {self.doors.get(file.keeper), self.doors.get(file.watch)}


@dataclass(frozen=True, slots=True)
class Said:
    """What an event says, as the model hears it."""

    event: bytes
    author: str
    names: tuple[str, ...]
    event_class: int
    acting: str
    residence: str | None
    to_area: str | None
    matter: tuple[int, bytes | None]
    sealed_to: frozenset[str]
    verb: str | None = None
    key: bytes | None = None
    member: str | None = None
    conference: bool = False
