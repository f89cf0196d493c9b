"""Two answers, one subtracted from the other: what is left tells of none, or of at least five. Pure.

A figure counts a set of things. Whatever a reader works out from released figures by adding and subtracting them is put
together from the *pieces* into which their sets cut one another. So a figure is released only where each piece that it
makes, of what it counts and of what it leaves out, holds at least five things or none: then no chain of answers, over
whichever periods and areas and on whichever days, leaves fewer. Kept are three families of pieces for each question:
of what rows count, and for each part of what is in it, and of what is not.

Where a table shares out the same whole in several ways (groups of rows), each way has families of its own, or its pieces
would be children with three characteristics at once, of whom nobody can work out anything. What all of them tell is the
whole, by their sums, so it is released in the families of every group or nothing of the table is; and a row with all its
parts or not at all. Then what is put together out of several groups is made of the pieces of one (ADR 38).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.board.questions.answer import Cell, Column, Counted, Figure, Mark, Role
from broker.board.questions.suppressing import FEWEST

_BASE: Final = "base"
_COUNTS: Final = frozenset({Role.BASE, Role.PART, Role.DERIVED})


@dataclass(slots=True)
class Pieces:
    """The pieces into which released figures have cut the things that they count; what lies outside was never counted.

    Tens of thousands of things go through here for one answer, so each step is one of whole sets.
    """

    pieces: list[frozenset[bytes]] = field(default_factory=list)
    changed: bool = False
    """Whether something was cut since they were read."""

    @classmethod
    def read(cls, pieces: Iterable[Iterable[bytes]]) -> "Pieces":
        """From what ``lists`` gave."""
        return cls([frozenset(things) for things in pieces])

    def lists(self) -> list[list[bytes]]:
        """The pieces, in an order that is always the same."""
        return sorted(sorted(piece) for piece in self.pieces)

    def bear(self, counted: Counted) -> bool:
        """Whether a figure that counts these leaves every piece at none or at least five.

        What lies outside and is not counted may be few: no figure tells of that.
        """
        known = 0
        for piece in self.pieces:
            number = len(piece & counted)
            if number and (number < FEWEST or 0 < len(piece) - number < FEWEST):
                return False
            known += number
        return known == len(counted) or len(counted) - known >= FEWEST

    def cut(self, counted: Counted) -> None:
        """It is released."""
        left, pieces = set(counted), []
        for piece in self.pieces:
            within = piece & counted
            left -= within
            pieces += [part for part in (within, piece - within) if part]
        if left:
            pieces.append(frozenset(left))
        self.changed |= len(pieces) > len(self.pieces)
        self.pieces = pieces


@dataclass(frozen=True, slots=True)
class Released:
    """Rows as they may be shown, and whether an earlier answer is why something is kept back."""

    rows: tuple[tuple[Cell, ...], ...]
    kept_back: bool
    since_ms: int | None = None
    """When these figures were told, where they are those of an earlier answer."""


class History:
    """What the answers to one question have cut so far, by family."""

    def __init__(self, families: Mapping[str, Iterable[Iterable[bytes]]] | None = None) -> None:
        self._families = {name: Pieces.read(pieces) for name, pieces in (families or {}).items()}

    @property
    def changed(self) -> bool:
        """Whether an answer has cut something further than what it began with."""
        return any(pieces.changed for pieces in self._families.values())

    def lists(self) -> dict[str, list[list[bytes]]]:
        """To be kept; ``History`` reads it again."""
        return {name: pieces.lists() for name, pieces in sorted(self._families.items()) if pieces.pieces}

    def release(
        self, columns: Sequence[Column], rows: Sequence[tuple[Figure, ...]], shown: Sequence[tuple[Cell, ...]]
    ) -> Released:
        """Of rows as one answer alone may show them: what may be shown beside all before, which this remembers.

        ``rows`` say what each figure counts. The last row comes first: the whole is worth more than what it is made of.
        """
        base = next((at for at, one in enumerate(columns) if one.role is Role.BASE), None)
        if base is None:
            return Released(tuple(shown), kept_back=False)
        group = next((at for at, one in enumerate(columns) if one.role is Role.GROUP), None)
        released = list(shown)
        ways = [""] * len(rows) if group is None else [f"{row[group]}: " for row in rows[:-1]]
        together = group is not None
        if together:
            whole = self._row(columns, base, rows[-1], shown[-1], sorted(set(ways)), together=True)
            if whole[base] is Mark.SUPPRESSED:
                released = [_blank(columns, row, _COUNTS) for row in shown]
        for at in reversed(range(len(ways))):
            released[at] = self._row(columns, base, rows[at], released[at], [ways[at]], together=together)
        return Released(tuple(released), kept_back=released != list(shown))

    def _row(
        self,
        columns: Sequence[Column],
        base: int,
        row: tuple[Figure, ...],
        shown: tuple[Cell, ...],
        ways: Sequence[str],
        *,
        together: bool,
    ) -> tuple[Cell, ...]:
        """The row as far as the families of these ways to share out the whole bear it; ``together``: wholly or not at all."""
        whole = row[base]
        if shown[base] is Mark.SUPPRESSED or not isinstance(whole, frozenset):
            return shown
        bases = [(self._family(way + _BASE), whole) for way in ways]
        parts = [
            (self._family(f"{way}{kind} {column.name}"), counted)
            for way in ways
            for column, figure, cell in zip(columns, row, shown, strict=True)
            if column.role is Role.PART and isinstance(figure, frozenset) and cell is not Mark.SUPPRESSED
            for kind, counted in (("in", figure), ("not in", whole - figure))
        ]
        parts_borne = all(pieces.bear(counted) for pieces, counted in parts)
        if not all(pieces.bear(counted) for pieces, counted in bases) or (together and not parts_borne):
            return _blank(columns, shown, _COUNTS)
        for pieces, counted in bases + (parts if parts_borne else []):
            pieces.cut(counted)
        return shown if parts_borne else _blank(columns, shown, _COUNTS - {Role.BASE})

    def _family(self, name: str) -> Pieces:
        return self._families.setdefault(name, Pieces())


def counts(rows: Iterable[tuple[Figure, ...]]) -> tuple[tuple[Cell, ...], ...]:
    """Rows with how many a figure counts in place of what it counts."""
    return tuple(tuple(len(cell) if isinstance(cell, frozenset) else cell for cell in row) for row in rows)


def write_rows(columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> str:
    """Released rows as text."""
    cells = [[[cell.name] if isinstance(cell, Mark) else cell for cell in row] for row in rows]
    return json.dumps([[column.name for column in columns], cells])


def read_rows(columns: Sequence[Column], written: str) -> tuple[tuple[Cell, ...], ...] | None:
    """What ``write_rows`` wrote; None if the columns were others."""
    names, cells = json.loads(written)
    if names != [column.name for column in columns]:
        return None
    return tuple(tuple(Mark[cell[0]] if isinstance(cell, list) else cell for cell in row) for row in cells)


def _blank(columns: Sequence[Column], row: tuple[Cell, ...], kept_back: Collection[Role]) -> tuple[Cell, ...]:
    return tuple(
        Mark.SUPPRESSED if column.role in kept_back and cell is not None else cell
        for cell, column in zip(row, columns, strict=True)
    )
