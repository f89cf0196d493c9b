"""A spring at a partnership of two areas, as its board's node has it: one child told in full, many others moving.

All fictitious. The moment is ``NOW``; the trail begins seven weeks before.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from broker.board.node import BoardHome
from broker.clock import to_ms
from broker.crypto.slips import OwnSlipKey, seal_slip
from broker.crypto.tokens import IdentifierKind
from broker.wiring import DirectoryFile
from schemas import canonical
from schemas.audit import ENTRY_VERSION, EntryKind
from schemas.codes.members import MemberKind
from schemas.directory import AreaEntry
from schemas.ids import GssCode
from schemas.slip import BoardSlip, ObligationSlip
from tests.support.audit_trail import Trail, an_id
from tests.support.board import as_board
from tests.support.directory import CUMBERLAND, WESTMORLAND, World, a_directory, a_seat
from tests.support.events import CHILD

START: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NOW: Final = START + timedelta(days=49)
CASE: Final = "CC-1042"
PROTECTED: Final = "CC-77"
"""The case of a child whose move is hidden, to County Durham."""
HOSTILE: Final = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
FAR: Final = GssCode("E06000047")
"""County Durham: an area of another board, which this one must never see."""
DURHAM: Final = "Durham children’s services"
_NAMES: Final = {
    "cumberland": "Cumberland children’s services",
    "westmorland": "Westmorland children’s services",
    "health": "North Cumbria health visiting",
    "school": "St Bega’s primary school",
    "education": "Cumberland education",
    "police": "Cumbria police",
    "board": "Cumbria safeguarding children partnership (LSCB)",
}


def a_world() -> World:
    """The members with names that a board officer would know."""
    world = a_directory(now=START)
    names = {seat.id: _NAMES[name] for name, seat in world.seats.items()}
    members = tuple(one.model_copy(update={"name": names[one.id]}) for one in world.directory.members)
    called = ("Cumberland", "Westmorland and Furness")
    named = zip(world.directory.areas, called, strict=True)
    areas = tuple(area.model_copy(update={"name": name}) for area, name in named)
    durham = a_seat(MemberKind.SOCIAL_CARE, (FAR,), now=START, seed=77, name=DURHAM)
    return replace(
        world.having(
            members=(*members, durham.member), areas=(*areas, AreaEntry(gss=FAR, name="County Durham"))
        ),
        seats={**world.seats, "durham": durham},
    )


@dataclass(slots=True)
class Diary(Trail):
    """A trail whose entries lie hours and days apart: each stands at ``at``."""

    world: World = field(default_factory=a_world)
    at: datetime = START
    keys: dict[str, OwnSlipKey] = field(default_factory=dict)

    def on(self, days: float, hours: float = 0) -> "Diary":
        """Go to a day after the start; never back."""
        then = START + timedelta(days=days, hours=hours)
        assert then >= self.at
        self.at = then
        return self

    def add(self, kind: EntryKind | str, **fields: Any) -> int:
        """One entry at this moment."""
        self.number += 1
        present = {name: value for name, value in fields.items() if value is not None}
        salt = an_id(f"salt {self.number}")
        row = [ENTRY_VERSION, salt, 0, self.number, to_ms(self.at), str(kind), present]
        self.entries.append(canonical.encode(row))
        return self.number

    def shared(self, event: str, author: str, kind: str, to: list[str], **more: Any) -> int:
        """An event with its slip."""
        if author not in self.keys:
            self.keys[author], fields = self.key(author)
            self.add(EntryKind.SLIP_KEY, **fields)
        case = more.pop("case", None)
        sealed = self._slip(event, author, kind, case)
        readers = [[self.member(name), number] for number, name in enumerate(to, 1)]
        return self.taken(event, author=author, readers=readers, slips=[[self.board, sealed]], **more)

    def said(self, event: str, reader: str, receipt: int, role: str | None = None) -> int:
        """A receipt: 1 delivered, 2 opened, 3 taken on, 4 passed on."""
        return self.add(
            EntryKind.RECEIPT,
            event=an_id(event),
            reader=self.member(reader),
            number=1,
            receipt=receipt,
            role=role,
        )

    def handover(self, child: str, step: str, state: str, *, to: str = WESTMORLAND, **more: Any) -> int:
        """A step of a child's handover between the two areas."""
        away = CUMBERLAND if to == WESTMORLAND else WESTMORLAND
        held = to if state in {"accepted", "closed"} else away
        whole = {
            "child": an_id(child),
            "origin": an_id(child),
            "handover": an_id(f"handover of {child}"),
            "step": step,
            "state": state,
            "from_area": away,
            "to_area": to,
            "holder": held,
            "safety": to,
        }
        return self.add(EntryKind.HANDOVER, **(whole | more))

    def overdue(self, child: str, owed: str, owner: str) -> int:
        """What was owed in a handover has run out."""
        return self.add(
            EntryKind.OVERDUE,
            child=an_id(child),
            about=an_id(f"handover of {child}"),
            owed=owed,
            owner=self.member(owner),
            due_ms=to_ms(self.at),
            reason="15 working days from being notified [P-NOT]",
        )

    def seen(self, event: str, author: str, since: datetime) -> int:
        """A member says that the child of an event, which had to be seen from ``since`` on, was seen now."""
        opened, name = to_ms(since), f"child-seen {event}"
        word = ObligationSlip("child-seen-after-move", opened, opened + 5 * 86_400_000, to_ms(self.at))
        sealed = self._sealed(name, author, word.to_bytes())
        about = {"event": an_id(event), "id": an_id(name), "ref": an_id(f"ref {event}")}
        return self.add(
            EntryKind.OBLIGATION, owner=self.member(author), slips=[[self.board, sealed]], **about
        )

    def _slip(self, event: str, author: str, kind: str, case: str | None) -> bytes:
        at_ms = to_ms(self.at)
        said = BoardSlip(kind, "promote_welfare", "safeguarding_public_task", at_ms, at_ms, case)
        return self._sealed(event, author, said.to_bytes())

    def _sealed(self, event: str, author: str, plaintext: bytes) -> bytes:
        key = self.keys[author]
        return seal_slip(
            key.secret,
            key.setup.key_ref,
            author=self.member(author),
            board=self.board,
            event_id=an_id(event),
            plaintext=plaintext,
            entropy=random.Random(event).randbytes,
        )


def a_spring(nhs: bytes) -> Diary:
    """The whole story; ``nhs`` is the token of the child that is told in full."""
    it = Diary()
    it.add(EntryKind.CHILD_TOKEN, child=an_id("child"), tokens=[nhs], areas=[CUMBERLAND])
    everybody = ["school", "health", "police"]
    it.shared("plan", "cumberland", "plan.opened", everybody, case=CASE)
    moves = [_move(f"other {number}", number) for number in range(1, 31)]
    steps = sorted([step for move in moves for step in move] + _of_the_child(), key=lambda one: one[0])
    for day, tell in steps:
        tell(it.on(day))
    it.on(48)
    return it


def _of_the_child() -> list[tuple[float, Any]]:
    westmorland = {"area": WESTMORLAND}
    return [
        (0.1, lambda it: [it.said("plan", name, 1) for name in ("school", "health", "police")]),
        (0.2, lambda it: it.said("plan", "school", 2, "head teacher")),
        (1.0, lambda it: it.said("plan", "health", 2, "health visitor")),
        (1.1, lambda it: it.said("plan", "health", 3, "health visitor")),
        (
            9.0,
            lambda it: it.shared(
                "absent", "school", "attendance.concern", ["cumberland", "health"], case=CASE
            ),
        ),
        (9.1, lambda it: [it.said("absent", name, 1) for name in ("cumberland", "health")]),
        (10.0, lambda it: it.said("absent", "cumberland", 2, "social worker")),
        (
            14.0,
            lambda it: it.shared(
                "visit", "health", "appointment.missed", ["cumberland", "school"], case=CASE
            ),
        ),
        (14.1, lambda it: [it.said("visit", name, 1) for name in ("cumberland", "school")]),
        (16.5, lambda it: it.said("visit", "cumberland", 2, "social worker")),
        (
            20.0,
            lambda it: it.shared(
                "call", "police", "domestic_abuse.notice", ["cumberland", "school"], case=CASE
            ),
        ),
        (20.1, lambda it: [it.said("call", name, 1) for name in ("cumberland", "school")]),
        (20.2, lambda it: it.said("call", "school", 2, "designated safeguarding lead")),
        (20.3, lambda it: it.said("call", "cumberland", 2, "duty social worker")),
        (20.4, lambda it: it.said("call", "cumberland", 3, "duty social worker")),
        (25.0, lambda it: it.handover("child", "noticed", "noticed")),
        (26.0, lambda it: it.handover("child", "release", "released")),
        (26.1, lambda it: it.handover("child", "verify", "verified")),
        (30.0, lambda it: it.handover("child", "accept", "accepted")),
        (
            30.2,
            lambda it: it.shared("named", "westmorland", "worker.named", ["health", "police"], **westmorland),
        ),
        (30.3, lambda it: [it.said("named", name, 1) for name in ("health", "police")]),
        (31.0, lambda it: it.said("named", "health", 2, "health visitor")),
        (43.0, lambda it: it.handover("child", "conference-held", "closed")),
        (
            44.0,
            lambda it: it.shared(
                "far",
                "police",
                "domestic_abuse.notice",
                ["cumberland"],
                child="elsewhere",
                area=FAR,
                case="DUR-7",
            ),
        ),
        (44.1, _hidden),
        (
            45.0,
            lambda it: it.shared("hostile", "school", HOSTILE, ["cumberland"], child="hostile", case=HOSTILE),
        ),
    ]


def _hidden(it: Diary) -> None:
    """A child who fled: what the old area shared before, the hidden move, and what the new area shares since."""
    it.shared("before", "cumberland", "plan.opened", ["school"], child="hidden", case=PROTECTED, sealed=True)
    whole: dict[str, Any] = {"from_area": CUMBERLAND, "to_area": FAR, "safety": FAR, "withheld": True}
    it.handover("hidden", "noticed", "noticed", **whole)
    it.shared("since", "durham", "plan.opened", ["durham"], child="hidden", area=FAR, sealed=True)
    it.handover("hidden", "accept", "accepted", **(whole | {"holder": FAR}))


def _move(child: str, number: int) -> list[tuple[float, Any]]:
    """One of many moves, by its number: quick, slow, open, overdue or withdrawn, to either side."""
    dice = random.Random(number)
    to = WESTMORLAND if number % 3 else CUMBERLAND
    new = "westmorland" if to == WESTMORLAND else "cumberland"
    day = dice.uniform(0.5, 30)
    took = dice.choice([0.4, 1.2, 2.5, 3.0, 5.0, 6.5, 9.0, 12.0])
    steps: list[tuple[float, Any]] = [(day, lambda it: it.handover(child, "noticed", "noticed", to=to))]
    if number % 4:
        arrival, waits = f"arrival of {child}", dice.choice([0.2, 1.1, 1.5, 2.2, 3.1, 6.0])
        since = START + timedelta(days=day + 0.01)
        told = {"child": child, "area": to}
        steps += [
            (day + 0.01, lambda it: it.shared(arrival, new, "contact.recorded", ["health"], **told)),
            (day + 0.01 + waits, lambda it: it.seen(arrival, new, since)),
        ]
    if number % 5 == 0:
        return [*steps, (day + 15, lambda it: it.overdue(child, "acceptance", new))]
    steps.append((day + took / 2, lambda it: it.handover(child, "release", "released", to=to)))
    if number % 7 == 0:
        return [*steps, (day + took, lambda it: it.handover(child, "withdraw", "withdrawn", to=to))]
    steps.append((day + took, lambda it: it.handover(child, "accept", "accepted", to=to)))
    if number % 2:
        held = day + took + dice.choice([6.0, 9.0, 12.0, 14.0])
        steps.append((held, lambda it: it.handover(child, "conference-held", "closed", to=to)))
    return [one for one in steps if one[0] < 48]


def at_home(folder: Path, story: Diary) -> BoardHome:
    """The home of an exchange's board, as the board of the story: its directory, and its trail read."""
    home = as_board(BoardHome.open(folder), story.world, _Fixed(story.world))
    with story.store(folder / "audit.db"):
        return home


class _Fixed(DirectoryFile):
    """The directory of the story, instead of the file."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self) -> Any:
        return self._world.directory


def told(folder: Path) -> BoardHome:
    """The story at the home of an exchange's board."""
    tokens = BoardHome.open(folder).keyring.tokens()
    return at_home(folder, a_spring(tokens.token_now(IdentifierKind.NHS_NUMBER, CHILD).value))
