"""Small numbers: no figure of an aggregate tells of fewer than five, neither by itself nor by subtraction. Pure.

A row's *base* counts children, moves or events; its *parts* say how many of those; *derived* figures are worked out of
them. A row whose base is from 1 to 4 is kept back. Where a part, or the rest of the base, is from 1 to 4, all parts of
that row are kept back. What a total row would give away by subtraction is made safe by keeping back more: at least two
rows that together make five or more, so that what is hidden has more than one solution. Where the same whole is shared
out in several ways (groups of rows), a row is told or kept back with all its parts, and the whole with all rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.board.questions.answer import Cell, Column, Mark, Role

FEWEST: Final = 5


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Rows as they may be shown, and whether anything was kept back."""

    rows: tuple[tuple[Cell, ...], ...]
    any: bool


def suppress(columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]], *, total: bool) -> Suppressed:
    """Keep back what could tell of fewer than five; ``total``: the last row is the sum of the others, or of each group."""
    group = next((at for at, one in enumerate(columns) if one.role is Role.GROUP), None)
    if group is None or not rows:
        return _suppress(columns, rows, total=total)
    *items, whole = rows
    by_group: dict[Cell, list[tuple[Cell, ...]]] = {}
    for row in items:
        by_group.setdefault(row[group], []).append(row)
    shown: list[tuple[Cell, ...]] = []
    for some in by_group.values():
        kept_back = _kept_back(columns, some)
        if kept_back is None:
            shown = [_blank(row, columns, all_of=True, parts=True) for row in rows]
            return Suppressed(tuple(shown), any=shown != list(rows))
        shown += [
            _blank(row, columns, all_of=at in kept_back, parts=at in kept_back) for at, row in enumerate(some)
        ]
    shown.append(whole)
    return Suppressed(tuple(shown), any=shown != list(rows))


def _kept_back(columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> set[int] | None:
    """Which rows of a group must be kept back, their parts with their base; None: the whole, and all with it.

    A base beside which a part is kept back would be held against the parts that another group tells.
    """
    bases = [_count(row[at]) for row in rows for at, one in enumerate(columns) if one.role is Role.BASE]
    parts = [[_count(row[at]) for row in rows] for at, one in enumerate(columns) if one.role is Role.PART]
    rests = [[base - part for base, part in zip(bases, some, strict=True)] for some in parts]
    figures = [bases, *parts, *rests]
    if any(_small(sum(some)) for some in figures):
        return None
    hidden = {at for at in range(len(rows)) if any(_small(some[at]) for some in figures)}
    before = -1
    while before != len(hidden):
        before = len(hidden)
        # Noughts tell of nobody: what is hidden may be known to be made of nothing else.
        if not all(_cover(hidden, some) for some in figures if any(some[at] for at in hidden)):
            return None
    return hidden


def _suppress(columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]], *, total: bool) -> Suppressed:
    base = next((at for at, one in enumerate(columns) if one.role is Role.BASE), None)
    if base is None or not rows:
        return Suppressed(tuple(rows), any=False)
    parts = [at for at, one in enumerate(columns) if one.role is Role.PART]
    items = list(rows[:-1] if total else rows)
    whole = rows[-1] if total else None
    hidden = {at for at, row in enumerate(items) if _small(_count(row[base]))}
    parted = {
        at
        for at, row in enumerate(items)
        if any(_tells(_count(row[part]), _count(row[base])) for part in parts)
    }
    hide_whole = whole is not None and _small(_count(whole[base]))
    hide_parts = whole is not None and any(_tells(_count(whole[part]), _count(whole[base])) for part in parts)
    if whole is not None:
        hide_whole |= not _cover(hidden, [_count(row[base]) for row in items])
        for part in parts:
            figures = [_count(row[part]) for row in items]
            rests = [_count(row[base]) - figure for row, figure in zip(items, figures, strict=True)]
            together = parted | hidden
            hide_parts |= not _cover(together, figures) or not _cover(together, rests)
            parted |= together - hidden
    shown = [
        _blank(row, columns, all_of=at in hidden, parts=at in parted or at in hidden)
        for at, row in enumerate(items)
    ]
    if whole is not None:
        shown.append(_blank(whole, columns, all_of=hide_whole, parts=hide_whole or hide_parts))
    return Suppressed(tuple(shown), any=shown != list(rows))


def _cover(hidden: set[int], figures: list[int]) -> bool:
    """Hide more until what is hidden cannot be worked out from its sum. False where nothing is left to hide with."""
    while hidden and not _ambiguous([figures[at] for at in hidden]):
        open_ones = sorted(
            (figures[at] == 0, figures[at], at) for at in range(len(figures)) if at not in hidden
        )
        if not open_ones:
            return False
        hidden.add(open_ones[0][2])
    return True


def _ambiguous(figures: list[int]) -> bool:
    """Whether a reader who knows the sum of these has more than one way to share it out."""
    return len(figures) > 1 and sum(figures) >= max(FEWEST, len(figures) + 1)


def _small(count: int) -> bool:
    return 0 < count < FEWEST


def _tells(part: int, whole: int) -> bool:
    return _small(part) or _small(whole - part)


def _count(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0


def _blank(
    row: tuple[Cell, ...], columns: Sequence[Column], *, all_of: bool, parts: bool
) -> tuple[Cell, ...]:
    kept_back = (
        {Role.BASE, Role.PART, Role.DERIVED} if all_of else {Role.PART, Role.DERIVED} if parts else set()
    )
    return tuple(
        Mark.SUPPRESSED if column.role in kept_back and cell is not None else cell
        for cell, column in zip(row, columns, strict=True)
    )
