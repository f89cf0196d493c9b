"""The names that children are known by, and the decisions of people that hold them together."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Knot:
    """A person's decision that two names are one child."""

    one: str
    other: str
    tied: int
    by: str


@dataclass(slots=True)
class Name:
    """What was said under one name: who kept its file first, and each area that took it on since, with the moment."""

    first_keeper: str
    taken: list[tuple[int, str]] = field(default_factory=list)


def held_with(name: str, knots: list[Knot]) -> frozenset[str]:
    """All names that these decisions hold together with ``name``."""
    found = {name}
    while True:
        more = {
            end for knot in knots for end in (knot.one, knot.other) if {knot.one, knot.other} & found
        } - found
        if not more:
            return frozenset(found)
        found |= more
