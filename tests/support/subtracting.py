"""An attacker who knows every released figure and what it counts, and adds and subtracts them with any weights whatever."""

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Generic, TypeVar

from broker.board.questions.suppressing import FEWEST

T = TypeVar("T", bound=Hashable)
PRIME: Final = (1 << 61) - 1


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """A figure that was shown, and which sorts of thing it counts."""

    sorts: frozenset[T]
    number: int


def computable(figures: Sequence[Told[T]], world: Mapping[T, int], sorts: Sequence[T]) -> Iterator[int]:
    """How many are in each set of one to four that a combination of these figures counts exactly."""
    nought = {sort for figure in figures if not figure.number for sort in figure.sorts}
    by_place: dict[tuple[bool, ...], int] = {}
    for sort in sorts:
        place = tuple(sort in figure.sorts for figure in figures)
        if sort not in nought:
            by_place[place] = by_place.get(place, 0) + world.get(sort, 0)
    places = [place for place in by_place if any(place)]
    against = _orthogonal([[place[at] for place in places] for at in range(len(figures))], len(places))
    empty = [against[at] for at, place in enumerate(places) if not by_place[place]]
    halves = [_sums(empty[: len(empty) // 2]), {-one % PRIME for one in _sums(empty[len(empty) // 2 :])}]
    small = [at for at, place in enumerate(places) if 0 < by_place[place] < FEWEST]
    for many in range(1, FEWEST):
        for some in combinations(small, many):
            size = sum(by_place[places[at]] for at in some)
            whole = sum(against[at] for at in some)
            if size < FEWEST and any((whole + one) % PRIME in halves[1] for one in halves[0]):
                yield size


def _sums(values: Sequence[int]) -> set[int]:
    sums = {0}
    for value in values:
        sums |= {(one + value) % PRIME for one in sums}
    return sums


def _orthogonal(rows: list[list[bool]], width: int) -> list[int]:
    """A vector, otherwise random, to which all of these are orthogonal, in arithmetic modulo a prime.

    A set of columns is a combination of the rows if and only if its indicator is orthogonal to it, too, but for one
    chance in as many as the prime is large.
    """
    matrix = [[int(one) for one in row] for row in rows]
    pivots: list[int] = []
    for column in range(width):
        at = next((i for i in range(len(pivots), len(matrix)) if matrix[i][column]), None)
        if at is None:
            continue
        top = len(pivots)
        matrix[top], matrix[at] = matrix[at], matrix[top]
        inverse = pow(matrix[top][column], -1, PRIME)
        matrix[top] = [one * inverse % PRIME for one in matrix[top]]
        for i, row in enumerate(matrix):
            if i != top and (times := row[column]):
                matrix[i] = [(a - times * b) % PRIME for a, b in zip(row, matrix[top], strict=True)]
        pivots.append(column)
    dice = random.Random(len(rows))
    free = {column: dice.randrange(PRIME) for column in range(width) if column not in pivots}
    bound = {
        column: -sum(matrix[at][other] * value for other, value in free.items()) % PRIME
        for at, column in enumerate(pivots)
    }
    return [free.get(column, bound.get(column, 0)) for column in range(width)]
