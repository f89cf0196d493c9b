"""What a play is made of: the town, the book beside it, and how something is said, carried and looked at."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.frontdoor.documents import between
from broker.errors import RejectedError
from schemas.catalogue import parse_event
from schemas.codes.cases import HandoverKind, PlanKind
from schemas.control import Action, ActionKind
from schemas.ids import EventId, GssCode
from schemas.wire import MatterEffect
from tests.model.book import Book
from tests.model.checks import Inspector
from tests.model.passages import BY_GIVER, KINDS, RUNS, STAGES, STAYS, VERBS, Passage
from tests.model.town import CAST, DOORS, NAMES, Letter, Town, a_town
from tests.support.events import a_document
from tests.support.other_program import accept_anyhow

WORKER: Final = Person("Rowan Example", "social worker")
SEEDS: Final = st.integers(0, 2**16)
_VISITED: Final[Counter[tuple[str, str, str]]] = Counter()


def visited() -> Counter[tuple[str, str, str]]:
    """How often each (kind, stage, verb) of a handover was tried in this process, by a member that might."""
    return _VISITED


class Play(RuleBasedStateMachine):
    """One exchange and its book. What happens in it is the rules' to say."""

    crashes: ClassVar[Counter[str]] = Counter()

    town: Town
    book: Book
    eye: Inspector

    def __init__(self) -> None:
        super().__init__()
        self._said = 0
        self._links: list[tuple[bytes, str, str]] = []
        self._noise = random.Random(0)

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        """An empty exchange."""
        self.town = a_town(seed)
        self._noise = random.Random(seed)
        self.book = Book(DOORS)
        self.eye = Inspector(self.town, self.book)

    def teardown(self) -> None:
        """Let everything arrive, look once more, and close."""
        if not hasattr(self, "eye"):
            return
        try:
            self._settle()
            self.eye.look()
        finally:
            _VISITED.update(self.book.visited)
            Play.crashes.update(self.town.crashes)
            self.town.close()

    def _try(self, passage: Passage, verb: str, conference: bool, far: str) -> None:
        by = DOORS.get(passage.giver if verb in BY_GIVER else passage.taker)
        if by is None:
            return  # nobody can sign for an area that is no member
        if verb == "verify" and passage.let_go and not passage.checked:
            return  # its gateway says that itself, when it is true
        self.book.meant.add((passage.key or b"", verb))
        try:
            self._act(by, passage, verb, conference)
        except (NoSuchItemError, RejectedError):
            return  # that gateway has not heard of it, or not that this is its side
        self._carry(far)

    # What the post does.

    def _settle(self) -> None:
        moved = True
        while moved:
            moved = sum(self.town.send(name) for name in CAST) > 0
            while self.town.bus:
                dies = self._noise.choice([None] * 6 + ["before commit", "before acknowledging"])
                self._route(self._batch(self.town.bus, 16), dies)
            moved = self.town.publish(die_before_marking=self._noise.random() < 0.1) > 0 or moved
            for name in CAST:
                if letters := self.town.doors.get(name):
                    places = list(range(len(letters)))
                    self._noise.shuffle(places)
                    # In two goes: what overtakes another is seen only while the other is still on its way.
                    part = places[: self._noise.randint(1, len(places))]
                    self.town.deliver(name, [*part, part[0]])
                    self.eye.at_the_door(name)
                    moved = True
                moved = self.town.reconsider(name) or moved
        self.eye.at_rest()

    def _route(self, letters: list[Letter], die: str | None) -> None:
        self.town.wait(milliseconds=1)
        self.eye.took(self.town.route(letters, die))

    def _batch(self, letters: list[Letter], most: int) -> list[Letter]:
        """The first that may be taken together: what may let a child be forgotten is taken alone, and looked at."""
        chosen: list[Letter] = []
        for letter in letters[:most]:
            statement = self.town.statement(letter)
            alone = statement is None or statement.action or statement.matter[0] == MatterEffect.CLOSE
            if alone or (statement is not None and statement.to_area):
                return chosen or [letter]
            chosen.append(letter)
        return chosen

    def _carry(self, far: str) -> None:
        if far == "settle":
            self._settle()
        elif far in {"send", "route", "publish"}:
            for name in CAST:
                self.town.send(name)
            while far != "send" and self.town.bus:
                self._route(self._batch(self.town.bus, 16), None)
            if far == "publish":
                self.town.publish()

    # Who says what.

    def _publish(
        self,
        by: str,
        kind: str,
        name: str,
        home: str | None,
        far: str,
        /,
        *,
        says: str | None = None,
        **details: Any,
    ) -> None:
        self._said += 1
        field, value = NAMES[name]
        areas = CAST[by][1]
        acting = home if home in areas else areas[0]
        document = a_document(
            kind,
            id=EventId.new(self.town.now, random.Random(self._said).randbytes),
            subject={field: value},
            acting_area=acting,
            residence=None if home is None else {"gss": home},
            details=details,
            occurred_at=self.town.now.isoformat(),
            recorded_at=self.town.now.isoformat(),
        )
        event = self.town[by].publish(document)
        if says is not None:
            self.book.says[event.raw] = says, None
        self._carry(far)

    def _request(self, passage: Passage, sort: str) -> None:
        """The giver says of what kind a passage is: a stay, or what leaves it where it was."""
        asking, key = self.town[DOORS[passage.giver]].asking, passage.key or b""
        kind = HandoverKind(sort.removesuffix(" at a distance"))
        if sort in STAYS:
            self.book.meant.add((key, "stays"))
        said = asking.ask(key.hex(), WORKER, kind, PlanKind.CHILD_PROTECTION)
        self.book.says[said.raw] = sort, passage
        self._settle()

    def _ask_together(self, by: str, family: list[Passage], kind: HandoverKind) -> None:
        """One front door asks for several children of a family at once."""
        keys = [(one.key or b"").hex() for one in family]
        left = [{"ref": "adult-3", "relation": "father", "child": False}]
        adults = {"asked_not_known_on": "2026-03-02"}
        asking = self.town[by].asking
        said = asking.household(keys, WORKER, kind, PlanKind.CHILD_PROTECTION, left, adults)
        for event, passage in zip(said, family, strict=True):
            self.book.says[event.raw] = kind.value, passage
            if kind is HandoverKind.TEMPORARY:
                self.book.meant.add((passage.key or b"", "stays"))
        self._settle()

    def _act(self, by: str, passage: Passage, verb: str, conference: bool) -> None:
        actions = self.town[by].actions
        key = (passage.key or b"").hex()
        match verb:
            case "release":
                actions.release(key, WORKER)
            case "accept" if actions.handover(key)[1].state == "staying":
                # Its own gateway would say no: what is asked here is whether the router does.
                accept_anyhow(actions, key, WORKER, conference=conference)
            case "accept":
                actions.accept(key, WORKER, conference=conference)
            case "decline":
                actions.decline(key, WORKER, "papers_missing", "No chronology.")
            case "withdraw":
                actions.withdraw(key, WORKER, "Came back.")
            case "contest":
                actions.contest(key, WORKER, "Not there.")
            case "return-or-retain":
                actions.return_or_retain(key, WORKER, "retain", "May come back.")
            case "stays" | "passes":
                kind = HandoverKind.TEMPORARY if verb == "stays" else HandoverKind.PERMANENT
                row, view = actions.ours(key, "old")
                details = between(view) | {"kind": kind.value, "plan": "child_protection"}
                details |= {"by": WORKER.document()}
                said = actions.act(
                    "transfer.requested", row, passage.giver, details, ActionKind.ASK, reason=verb
                )
                self.book.says[said.raw] = kind.value, passage
            case "conference-held":
                actions.conference_held(key, WORKER, "2026-03-01", None)
            case _:
                row, view = actions.handover(key)
                details = {"from_area": view.from_area, "to_area": view.to_area, "handover_ref": key}
                document = a_document(
                    "handover.verified",
                    id=EventId.new(self.town.now, random.Random(self._said + 1_000_000).randbytes),
                    subject=dict([NAMES[passage.about]]),
                    acting_area=passage.taker,
                    residence={"gss": passage.taker},
                    details=details | {"events": 0, "verified_at": self.town.now.isoformat()},
                )
                self._said += 1
                self.town[by].publishing.publish(
                    parse_event(document), action=Action(ActionKind.VERIFY, handover=row.handover)
                )

    def _own(self, door: str) -> GssCode:
        return CAST[door][1][0]

    def _matters(self) -> list[tuple[str, str, str]]:
        """Open matters: author, its own reference, a name."""
        if not hasattr(self, "book"):
            return []
        return sorted(self._open_references())

    def _open_references(self) -> Iterator[tuple[str, str, str]]:
        refs = self.town["health"].home.keyring.tokens()
        for file in self.book.files():
            for (author, reference), (_, name) in file.matters.items():
                for n in range(self._said + 1):
                    for own in (f"plan-{n}", f"concern-{n}"):
                        if refs.matter_ref(self.town.members[author], own) == reference:
                            yield author, own, name

    def _known_names(self) -> list[str]:
        return sorted(self.book.of_name) if hasattr(self, "book") else []

    def _running(self) -> list[Passage]:
        return [one for one in self._passages() if one.stage in RUNS]

    def _passages(self) -> list[Passage]:
        if not hasattr(self, "book"):
            return []
        return [one for file in self.book.files() for one in file.passages if one.key]


def table() -> str:
    """How often each verb was tried in each stage: rows are stages, columns verbs."""
    counts = {
        (stage, verb): sum(_VISITED[kind, stage, verb] for kind in KINDS)
        for stage in STAGES
        for verb in VERBS
    }
    head = "stage       " + "".join(f"{verb:>16}" for verb in VERBS)
    rows = [f"{stage:<12}" + "".join(f"{counts[stage, verb]:>16}" for verb in VERBS) for stage in STAGES]
    return "\n".join([head, *rows])
