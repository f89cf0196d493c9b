"""A handover as the design tells it: its stages, who may do what in it, and what that makes of it."""

from dataclasses import dataclass, replace
from typing import Final

from tests.model.names import Knot

CONFLICT, MOVE = "conflict", "move"

WAITS: Final = frozenset({"noticed", "released", "verified", "declined", "disputed"})
RUNS: Final = WAITS | {"provisional", "accepted", "staying"}
GIVEN_MORE: Final = RUNS - {"declined"}
"""Stages in which the taker is given also what the giver comes by after it has let go."""
STAGES: Final = (
    "noticed",
    "released",
    "verified",
    "provisional",
    "accepted",
    "declined",
    "disputed",
    "staying",
    "withdrawn",
    "closed",
    "superseded",
)
KINDS: Final = (
    "permanent",
    "temporary",
    "placement",
    "placement at a distance",
    "found_elsewhere",
    "unborn",
    "secure",
    "non_member",
)
"""``service`` is none: inside one area nothing is handed over between areas."""
VERBS: Final = (
    "release",
    "verify",
    "accept",
    "decline",
    "withdraw",
    "conference-held",
    "contest",
    "return-or-retain",
    "stays",
    "passes",
)
BY_GIVER: Final = frozenset({"release", "withdraw", "contest", "stays", "passes"})
BY_ITSELF: Final = frozenset({"placement", "placement at a distance", "secure"})
"""Kinds that the giver's own signed report says: its gateway says that the case stays, nobody need press anything."""
STAYS: Final = BY_ITSELF | {"temporary"}
"""Kinds in which the case stays where it is."""


@dataclass(slots=True)
class Passage:
    """One handover. ``about`` is the name under which it was opened; ``papers`` what the giver had when it let go."""

    giver: str
    taker: str
    why: str
    about: str
    by_knot: Knot | None = None
    """The decision on names that opened it, where one did."""
    stage: str = "noticed"
    let_go: bool = False
    checked: bool = False
    seen: bool = False
    """Somebody other than the taker says that the child is there."""
    fought: bool = False
    """The giver contests the acceptance."""
    plan: bool = False
    """A protection plan goes with it: accepted, it waits for its conference."""
    refused: int = 0
    left: str = "none"
    """What becomes of papers that were let go for a case that did not pass: ``owed`` until it is decided."""
    papers: frozenset[bytes] = frozenset()
    kind: str | None = None
    """Of which kind the report or the newest request says that it is."""
    report: str | None = None
    """The kind by the report that opened it."""
    reporter: str = ""
    """Whose report opened it."""
    outside: bool = False
    """Nobody answers for the taker here: it is no member."""
    asked: int = 0
    """How often the giver has said on what terms the child is there."""
    key: bytes | None = None
    """The program's id for it, told by the audit trail."""

    @property
    def sort(self) -> str:
        """The kind under which it is counted."""
        if self.outside:
            return "non_member"
        return "unborn" if self.about.startswith("unborn") else self.kind or "permanent"


class Refused(Exception):  # noqa: N818 - a word of the model
    """The author may not do this, or it does not fit."""


HELD: Final = frozenset({"accepted", "closed"})


def step(passage: Passage, verb: str, *, conference: bool, papers: frozenset[bytes]) -> None:
    """One verb in a passage, as the design tells it. Raises Refused where it does not fit."""
    match verb:
        case "release":
            _let_go(passage, papers)
        case "verify" if passage.let_go and not passage.checked and passage.stage in RUNS | HELD:
            passage.checked = True
            passage.stage = "verified" if passage.stage == "released" else passage.stage
        case "accept" if passage.stage in WAITS and not passage.fought:
            passage.plan = conference
            if passage.seen or passage.let_go:
                stand(passage)
            else:
                passage.stage = "provisional"
        case "decline":
            _decline(passage)
        case "withdraw" if passage.stage in WAITS | {"staying"}:
            passage.stage, passage.fought = "withdrawn", False
            _not_passed(passage)
        case "conference-held" if passage.stage == "accepted":
            passage.stage = "closed"
        case "contest" if passage.stage == "provisional":
            passage.stage, passage.fought = "disputed", True
        case "stays" | "passes":
            _say_on_what_terms(passage, verb)
        case "return-or-retain" if passage.left == "owed":
            passage.left = "retain"
        case _:
            raise Refused


def _say_on_what_terms(passage: Passage, verb: str) -> None:
    """A child who stays elsewhere does not take the case along, until the giver asks for that."""
    if passage.why != MOVE or passage.fought:
        raise Refused
    if verb == "stays" and passage.stage in WAITS | {"staying"}:
        passage.stage = "staying"
    elif verb == "passes" and passage.stage in {"declined", "staying"}:
        passage.stage = "verified" if passage.checked else "released"
        if not passage.let_go:
            passage.stage = "noticed"
        passage.left = "none"
    else:
        raise Refused
    passage.asked += 1


def _let_go(passage: Passage, papers: frozenset[bytes]) -> None:
    if passage.stage == "provisional" or passage.fought:
        stand(passage)
    elif passage.stage in {"noticed", "declined"} or (passage.stage == "disputed" and not passage.let_go):
        passage.stage = "released"
    elif passage.stage not in HELD | {"staying"} or passage.let_go:
        raise Refused
    passage.let_go, passage.papers = True, papers


def _decline(passage: Passage) -> None:
    if passage.stage not in {"noticed", "released", "verified", "staying"} and not passage.fought:
        raise Refused
    passage.refused += 1
    passage.stage = "disputed" if passage.refused > 1 and not passage.fought else "declined"
    passage.fought = False
    _not_passed(passage)


def _not_passed(passage: Passage) -> None:
    passage.left = "owed" if passage.let_go else passage.left


def stand(passage: Passage) -> None:
    """The acceptance counts."""
    passage.stage = "accepted" if passage.plan else "closed"
    passage.fought, passage.left = False, "none"


def supersede(passage: Passage) -> None:
    """Nobody is waited for in it any more."""
    passage.stage, passage.fought = "superseded", False
    _not_passed(passage)


def fits(passage: Passage, verb: str) -> bool:
    """Whether a verb fits where a passage stands."""
    try:
        step(replace(passage), verb, conference=False, papers=frozenset())
    except Refused:
        return False
    return True
