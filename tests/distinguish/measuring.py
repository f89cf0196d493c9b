"""Many runs, and what two attackers get right of those that they have not learned from."""

import random
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import structlog

from schemas.ids import GssCode
from tests.distinguish.attacker import best_single, features, right_of_single, train, upper_bound
from tests.distinguish.story import play
from tests.distinguish.world import DURHAM, LANCASHIRE, a_mesh

Run = tuple[dict[str, float], bool]
AREAS: Final = (DURHAM, LANCASHIRE)
GRID_MS: Final = 3_600_000
"""Hours, not quarters of an hour, between slots: a run takes a third of the time, and shows as much."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What two attackers got right of so many runs, each guessed by one that had not learned from it."""

    runs: int
    folds: int
    looked_at: int
    """Features that vary at all."""
    logistic: int
    single: int
    rule: str
    """The one feature that the second attacker goes by."""

    @property
    def right(self) -> int:
        """Of the better of the two."""
        return max(self.logistic, self.single)

    @property
    def bound(self) -> float:
        """95 % upper bound of the better one's share."""
        return upper_bound(self.right, self.runs)


def one_run(seed: int, hidden: bool) -> Run:
    """Play one story; which area it leads to is drawn, and is the label."""
    structlog.configure(processors=[_silent])
    label = random.Random(f"where {seed}").random() < 0.5
    area: GssCode = AREAS[label]
    mesh = a_mesh(seed, GRID_MS)
    try:
        play(mesh, area, hidden=hidden)
        return features(mesh), label
    finally:
        mesh.close()
        mesh.remove()


def play_many(count: int, *, hidden: bool, first: int = 1, workers: int = 1) -> list[Run]:
    """So many runs, each of its own seed."""
    seeds = range(first, first + count)
    if workers == 1:
        return [one_run(seed, hidden) for seed in seeds]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(one_run, seeds, [hidden] * count))


def judge(runs: Sequence[Run], folds: int = 5) -> Measured:
    """Each run is guessed by attackers that have learned from the runs of all other folds, and never from it."""
    logistic, single, looked_at, rules = 0, 0, 0, Counter[str]()
    for fold in range(folds):
        asked = runs[fold::folds]
        known = [run for place, run in enumerate(runs) if place % folds != fold]
        guesser, rule = train(known, seed=fold), best_single(known)
        logistic += sum(guesser.guess(run) == label for run, label in asked)
        single += right_of_single(rule, asked)
        looked_at = max(looked_at, len(guesser.names))
        rules[rule[0]] += 1
    return Measured(len(runs), folds, looked_at, logistic, single, rules.most_common(1)[0][0])


def _silent(_: Any, __: str, ___: MutableMapping[str, Any]) -> Mapping[str, Any]:
    raise structlog.DropEvent
