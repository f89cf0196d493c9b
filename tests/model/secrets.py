"""What each area may know of one family that flees, from the design alone: plain values, none of the program's code.

The *keeper* holds the case and the *watch* has the safety duty, as in ``book``. ``blind`` says for each area which others
it must not learn of. Whoever was left may know from where a family came, never to where it went, unless a person where it
is says so.
"""

from dataclasses import dataclass, field

HOLD_H = 72
"""For so many hours after a marker nothing automatic is said to who was left; then to the end of a quarter of a day."""
_LONGEST_H = HOLD_H + 7


@dataclass(slots=True)
class Flight:
    """The model of one family. Hours count from the beginning."""

    keeper: str
    watch: str
    marked_h: float | None = None
    """The newest marker that counts."""
    blind: dict[str, set[str]] = field(default_factory=dict)
    ways: list[tuple[str, str]] = field(default_factory=list)
    """Every way that is a secret, from where to where."""
    been: set[str] = field(default_factory=set)
    """Where the family is known to have been."""
    heard_of: set[tuple[str, str]] = field(default_factory=set)
    """Who knows of which area that the family was there once: that is no secret, only that it is there again."""
    open_way: tuple[str, str] | None = None
    """The way whose new area has the child and not the case."""
    seen: bool = False
    """Somebody other than the new area itself says that the child is there."""
    let_go: set[tuple[str, str]] = field(default_factory=set)
    glass: set[tuple[str, str]] = field(default_factory=set)
    """Ways of which a front door has taken the history without being let."""
    hurried: bool = False
    """A person did not want to wait for the end of the hold."""

    @property
    def hides(self) -> bool:
        """Whether wherever the family goes next is a secret: it is marked, or it is hidden already."""
        return self.marked_h is not None or bool(self.ways)

    def marked(self, hour: float) -> None:
        """Somebody says that there is danger. What is under way from here on is hidden, also if it was told openly."""
        self.marked_h = hour
        self.been |= {self.keeper, self.watch}
        if self.open_way is not None:
            self._hide(self.open_way)

    def moved(self, to: str) -> str:
        """A report that the child is there: ``moved``; ``known``; or only ``claimed``, where that must not know where it is."""
        self.been |= {self.keeper, self.watch}
        if to == self.watch:
            return "known"
        if self.watch in self.blind.get(to, ()):
            return "claimed"
        self.heard_of |= {(to, area) for area in self.been}
        if not self.hides:
            self.heard_of |= {(area, to) for area in self.been}
        self.watch = to
        self.open_way = (self.keeper, to) if to != self.keeper else None
        if self.open_way is not None and self.hides:
            self._hide(self.open_way)
        return "moved"

    def _hide(self, way: tuple[str, str]) -> None:
        if way not in self.ways:
            self.ways.append(way)
        for area in (self.been | {way[0]}) - {way[1]}:
            self.blind.setdefault(area, set()).add(way[1])

    def accepted(self) -> None:
        """A person where the child is takes the case on."""
        self.keeper, self.open_way = self.watch, None

    def told(self, way: tuple[str, str]) -> None:
        """A person where the child is lets one area know; what others may know stays as it was."""
        self.blind[way[0]].discard(way[1])
        self.heard_of.add(way)
        self.ways.remove(way)

    def lifted(self) -> None:
        """A person where the child is says that nobody need be kept from knowing."""
        self.marked_h = None
        self.heard_of |= {(one, other) for one in self.been for other in self.been}
        self.blind.clear()
        self.ways.clear()

    def is_held(self, hour: float) -> bool:
        """Whether nothing automatic may be said of a hidden way."""
        return self.marked_h is not None and hour < self.marked_h + HOLD_H and not self.hurried

    def must_be_told(self, hour: float) -> bool:
        """Whether who was left has been told by then that the family has gone."""
        return self.marked_h is None or hour > self.marked_h + _LONGEST_H

    def may_break_glass(self, way: tuple[str, str]) -> bool:
        """Never where it is hidden, nor on the area's own word, nor twice, nor what was let go."""
        return self.seen and way not in self.ways and way not in self.glass | self.let_go
