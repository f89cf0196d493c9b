"""The file that the book keeps for one child. Plain values, as all of the book."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.model.names import Knot, Name
from tests.model.passages import RUNS, Passage


@dataclass(slots=True)
class File:
    """What is known about one child. ``root`` is the name that the file was begun under."""

    root: str
    keeper: str
    names: dict[str, Name]
    places: dict[str, tuple[int, str, str, bytes]]
    """The newest credible report of where the child is, whose and which it is, by the name it was made under."""
    matters: dict[tuple[str, bytes], tuple[str, str]] = field(default_factory=dict)
    """(author, reference) to (area, name)."""
    knots: list[Knot] = field(default_factory=list)
    known_to: set[str] = field(default_factory=set)
    passages: list[Passage] = field(default_factory=list)
    story: list[tuple[bytes, str]] = field(default_factory=list)
    """Every event, in the order of taking, and the name that it came under."""

    @property
    def watch(self) -> str:
        """The area of the safety duty: where the child was last credibly reported."""
        return max(self.places.values())[1]

    def keeper_of(self, names: Iterable[str]) -> str:
        """Who keeps the file of these names, going by what was decided about them alone."""
        own = set(names)
        keeper = {name: self.names[name].first_keeper for name in own}
        group = {name: {name} for name in own}
        steps: list[tuple[int, str, str]] = [
            (knot.tied, knot.one, knot.other) for knot in self.knots if {knot.one, knot.other} <= own
        ]
        steps += [(at, area, name) for name in own for at, area in self.names[name].taken]
        for _, what, name in sorted(steps):
            area = keeper[what] if what in own else what
            together = group[name] | (group[what] if what in own else set())
            for one in together:
                keeper[one], group[one] = area, together
        return keeper[max(own, key=lambda name: len(group[name]))]

    @property
    def running(self) -> list[Passage]:
        """Passages that are not over."""
        return [one for one in self.passages if one.stage in RUNS]

    @property
    def may_go(self) -> bool:
        """Nothing is open about the child: the file may be burned, once nothing is on its way."""
        undecided = any(one.left == "owed" for one in self.passages)
        return not self.matters and not self.running and not undecided
