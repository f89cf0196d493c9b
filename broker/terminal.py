"""Tables as a terminal or a pipe takes them.

A terminal gets them as wide as it is: in columns, wrapped between words, and where even the longest words do not stand
beside each other, a block for each row. A pipe gets each row on a line of its own, however long.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_GAP: Final = 2
"""Blanks between two columns."""
_LEAST_VALUE: Final = 20
"""How much room a value must have beside its heading in a block, in columns of the terminal."""


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> None:
    """Print a table, or the sentence that says that there is nothing. Nothing in a cell is taken for markup."""
    if empty and not rows:
        click.echo(empty)
        return
    console = Console(highlight=False)
    for line in lines_of(headings, rows, console.width if console.is_terminal else None):
        if console.is_terminal:
            console.print(line, soft_wrap=True)
        else:
            click.echo(line.plain)


def lines_of(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[Text]:
    """The lines of a table for a terminal of so many columns; ``None``: for a pipe, a line for each row."""
    rows = [[_printable(cell) for cell in row] for row in rows]
    if width is None:
        rows = [["; ".join(line.strip() for line in cell.splitlines()) for cell in row] for row in rows]
        return _columns(headings, rows, [most for _, most in _measured(headings, rows)])
    room = width - _GAP * (len(headings) - 1)
    widths = _shared_out(_measured(headings, rows), room)
    return _blocks(headings, rows, width) if sum(widths) > room else _columns(headings, rows, widths)


def _printable(cell: str) -> str:
    """What would move the cursor or change colours stands as a mark: a cell may come from anybody."""
    return "".join(one if one.isprintable() or one == "\n" else "·" for one in cell)


def _measured(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Of each column the longest word and the longest line."""
    columns = zip(headings, *rows, strict=True)
    return [
        (
            max((cell_len(word) for cell in column for word in cell.split()), default=0),
            max((cell_len(line) for cell in column for line in cell.splitlines()), default=0),
        )
        for column in columns
    ]


def _shared_out(measured: Sequence[tuple[int, int]], room: int) -> list[int]:
    """How wide each column is to be: never less than its longest word; the narrowest is given more first."""
    widths = [least for least, _ in measured]
    for _ in range(room - sum(widths)):
        wanting = [at for at, (_, most) in enumerate(measured) if widths[at] < most]
        if not wanting:
            break
        widths[min(wanting, key=lambda at: widths[at])] += 1
    return widths


def _columns(headings: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[Text]:
    console = Console(width=sum(widths) + _GAP * len(widths), force_terminal=False)
    told: list[list[Text]] = []
    for number, row in enumerate((headings, *rows)):
        style = "" if number else "bold"
        cells = [
            Text(cell, style).wrap(console, max(width, 1)) for cell, width in zip(row, widths, strict=True)
        ]
        told.append(
            [
                _stripped(
                    Text().join(
                        _padded(part, width + _GAP) for part, width in zip(parts, widths, strict=True)
                    )
                )
                for parts in zip_longest(*cells, fillvalue=Text())
            ]
        )
    # Where rows are of several lines, a blank one shows where each ends.
    several = any(len(lines) > 1 for lines in told[1:])
    return [line for lines in told[:1] for line in lines] + [
        line
        for number, lines in enumerate(told[1:])
        for line in ([Text()] if several and number else []) + lines
    ]


def _blocks(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[Text]:
    """Row after row: each cell that says something beside its heading, or beneath it where there is no room."""
    console = Console(width=width, force_terminal=False)
    longest = max(map(len, headings))
    beside = longest + _GAP + _LEAST_VALUE <= width
    indent = longest + _GAP if beside else _GAP
    lines: list[Text] = []
    for row in rows:
        lines += [Text()] if lines else []
        for heading, cell in zip(headings, row, strict=True):
            if not cell.strip():
                continue
            wrapped = Text(cell).wrap(console, max(width - indent, 1))
            if not beside:
                lines.append(Text(heading, style="bold"))
            for number, part in enumerate(wrapped):
                lead = heading if beside and not number else ""
                lines.append(_stripped(Text.assemble((lead.ljust(indent), "bold"), part)))
    return lines


def _padded(part: Text, width: int) -> Text:
    padded = _stripped(part.copy())
    padded.pad_right(max(width - padded.cell_len, 0))
    return padded


def _stripped(line: Text) -> Text:
    line.rstrip()
    return line
