"""Many runs, half to learn from and half to be judged by, and what the attacker gets right of the second half."""

import random
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


@dataclass(frozen=True, slots=True)
class Measured:
    """What two attackers got right of so many runs that they had not learned from."""

    runs: int
    learned_from: int
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
    mesh = a_mesh(seed)
    try:
        play(mesh, area, hidden=hidden)
        return features(mesh), label
    finally:
        mesh.close()
        mesh.remove()


def measure(count: int, *, hidden: bool, learned_from: int, first: int = 1, workers: int = 1) -> Measured:
    """Play ``learned_from`` runs to train on, and ``count`` others to judge by."""
    seeds = range(first, first + learned_from + count)
    if workers == 1:
        runs = [one_run(seed, hidden) for seed in seeds]
    else:
        with ProcessPoolExecutor(workers) as pool:
            runs = list(pool.map(one_run, seeds, [hidden] * len(seeds)))
    return judge(runs[:learned_from], runs[learned_from:])


def judge(known: Sequence[Run], asked: Sequence[Run]) -> Measured:
    """Both attackers learn from the first, and are asked about the second."""
    guesser = train(known, seed=1)
    rule = best_single(known)
    return Measured(
        runs=len(asked),
        learned_from=len(known),
        looked_at=len(guesser.names),
        logistic=sum(guesser.guess(run) == label for run, label in asked),
        single=right_of_single(rule, asked),
        rule=rule[0],
    )


def _silent(_: Any, __: str, ___: MutableMapping[str, Any]) -> Mapping[str, Any]:
    raise structlog.DropEvent
