"""How the child that an answer is about has moved: who holds the case, who has the safety duty, and since when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.board.pages.desk import Desk
from broker.board.questions import CATALOGUE, Mark
from broker.board.questions.ground import Ground
from broker.board.questions.params import read_params, records_of
from broker.board.scope import scope_of
from broker.board.showing import clean, names_of
from broker.clock import to_ms
from broker.pages.door import Visit
from broker.store.audit.rows import Move
from schemas.handover_words import MEANS

_STEPS: Final = {
    "noticed": "the new area was told",
    "release": "history released",
    "verify": "history whole",
    "accept": "accepted",
    "decline": "declined",
    "withdraw": "withdrawn",
    "contest": "contested",
    "disputed": "before the heads of service",
    "conference-held": "conference held",
    "return-or-retain": "decided whether to keep the history",
}


@dataclass(frozen=True, slots=True)
class ToldMove:
    """One handover: both sides, what it means now, and its steps."""

    sides: str
    means: str
    steps: tuple[tuple[str, int], ...]
    """What was done, and when."""


def look_at_moves(
    desk: Desk, visit: Visit, why: str, key: str, given: Mapping[str, str | None]
) -> tuple[ToldMove, ...]:
    """The moves of the child that was asked about; recorded like the question that it goes with, and after it.

    What a second auditor must agree to was asked for there: call it only once the question was answered.
    """
    home, directory = desk.home, desk.home.directory()
    params = read_params(home, CATALOGUE[key], given, 0)
    with desk.looking(visit, f"moves; {params.recorded}", why) as looking:
        scope = scope_of(home.board, directory)
        records = records_of(params, looking.work, scope)
        ground = Ground(
            looking.work, scope, params, records, directory, names_of(directory), to_ms(desk.clock())
        )
        told = tuple(_told(ground, move) for move in ground.moves())
        looking.shown = len(told)
    return told


def _told(ground: Ground, move: Move) -> ToldMove:
    old, new = ground.place(move, move.from_area), ground.place(move, move.to_area)
    hidden = Mark.WITHHELD in {old, new}
    names = [clean(str(one)) if one is not Mark.WITHHELD else "the new area" for one in (old, new)]
    means = MEANS.get(move.last_state or "", "Where it stands is not known to this program.")
    return ToldMove(
        sides=f"From {names[0]} to {'a place that is withheld' if hidden else names[1]}",
        means=_sentence(means.format(old=names[0], new=names[1])),
        # When somebody in a hidden place did something would help to find it (P7).
        steps=()
        if hidden
        else tuple((_STEPS.get(step, step), at_ms) for step, at_ms in _in_order(move.steps)),
    )


def _in_order(steps: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(steps.items(), key=lambda one: one[1])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
