"""What a question is, what it takes, and what an answer consists of. Values only; nothing here reads anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from broker.audit.words import uk_text
from broker.errors import HandrailError
from broker.store.audit.rows import Place


class Takes(StrEnum):
    """What a question can be narrowed by. The values are the names under which a person types them."""

    CHILD = "child"
    """One child: ``case``, ``nhs``, ``upn``, or ``sample`` (how many) with ``seed``."""
    PERIOD = "period"
    """``since`` and ``until``, UK time; ``until`` itself is not included."""
    AREA = "area"
    """One of the board's own areas, by GSS code."""
    MEMBER = "member"
    """A member, by id or name."""
    HOURS = "hours"
    DAYS = "days"


class Unit(StrEnum):
    """What the cells of a column are, so that every page, file and terminal shows them alike."""

    TEXT = "text"
    COUNT = "count"
    PERCENT = "percent"
    HOURS = "hours"
    DAYS = "days"
    TIME = "time"
    """Milliseconds since 1970, UTC; shown in UK time."""
    REFERENCE = "reference"
    """An id, or the beginning of one."""


class Role(StrEnum):
    """What a column of an aggregate is to the suppression of small numbers."""

    KEY = "key"
    """What the row is about."""
    GROUP = "group"
    """By what the whole is shared out: the rows of each group sum up to the last row, which is the whole of them all."""
    BASE = "base"
    """How many children, moves or events the row counts."""
    PART = "part"
    """How many of those."""
    DERIVED = "derived"
    """Worked out from them: a share, a median."""
    PLAIN = "plain"
    """Nothing that could tell of a person."""


class Mark(StrEnum):
    """What stands in a cell instead of a figure. Each is the word that a reader sees."""

    NOT_MEASURED = "not measured"
    SUPPRESSED = "suppressed"
    """Fewer than five, or kept back so that such a figure cannot be worked out."""
    WITHHELD = "withheld"
    """The place, or whoever would give it away, must not appear on this side (P7)."""


Cell: TypeAlias = str | int | float | Mark | None
"""None: there is nothing to say, such as the time of something that has not happened."""


Counted: TypeAlias = frozenset[bytes]
"""What a figure counts, by id: children's moves, events, obligations. Never shown; only how many they are."""
Figure: TypeAlias = Cell | Counted


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a stable name for machines, a heading for people."""

    name: str
    heading: str
    unit: Unit = Unit.TEXT
    role: Role = Role.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    """What a question found, before it is released: ``total`` where the last row sums up the others.

    A figure of the total row that the summary of an aggregate speaks of stands in it as ``{column}``, so that what is
    suppressed is suppressed in words, too.
    ``why_not`` is set where no source exists: then there are no rows, and the figure is "not measured", never 0.
    ``places`` are the entries that the answer rests on, as far as they are named one by one.
    """

    summary: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Figure, ...], ...] = ()
    """Of an aggregate, bases and parts say what they count, so that two answers can be held against each other."""
    total: bool = False
    notes: tuple[str, ...] = ()
    why_not: str | None = None
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What an answer can be held against: the newest head that counts here, and which entries of the log were used.

    ``indexes`` are places in the log that the head covers; ``newer`` entries are used and no head covers them yet.
    Without a head, ``size`` is 0 and ``says`` tells why.
    """

    origin: str | None
    size: int
    root: str | None
    indexes: tuple[int, ...]
    newer: int
    says: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that has been recorded and may be shown."""

    key: str
    title: str
    summary: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    measured: bool
    why_not: str | None
    notes: tuple[str, ...]
    suppressed: bool
    total: bool
    proof: Proof
    asked: str
    """The question in the words under which it was recorded."""
    at_ms: int
    logged: int
    """Its number in this node's list of questions."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the catalogue. ``needs`` must be given, ``takes`` may be."""

    key: str
    title: str
    about: str
    """One sentence for whoever chooses among them."""
    answer: Callable[[Any], Table]
    takes: tuple[Takes, ...] = (Takes.PERIOD, Takes.AREA)
    needs: tuple[Takes, ...] = ()
    aggregate: bool = False
    from_trail: bool = True
    """It is answered from entries of the trail: a node that has none measures nothing. False also where a question says
    by itself, with a better reason, that nothing is measured."""
    defaults: Mapping[str, int] = field(default_factory=dict)
    """Hours or days where none are given."""


class NotAnsweredError(HandrailError):
    """A question that is not answered. ``says`` is for the person; ``logged`` its number where it was recorded."""

    def __init__(self, says: str, logged: int | None = None) -> None:
        super().__init__(says)
        self.says, self.logged = says, logged


class BadQuestionError(NotAnsweredError):
    """It cannot be read: no such question, no purpose, a date that is none. ``field`` is what to correct."""

    def __init__(self, field_name: str, says: str, logged: int | None = None) -> None:
        super().__init__(says, logged)
        self.field = field_name


def unreadable(error: BadQuestionError) -> str:
    """Under which words it is recorded: what was typed is not in them."""
    return (
        "a question without a purpose"
        if error.field == "purpose"
        else f"a question that cannot be read ({error.field})"
    )


class NeedsApprovalError(NotAnsweredError):
    """About a protected child: a second auditor must approve request number ``logged`` first."""


_WORDS: Final[Mapping[Unit, Callable[[Any], str]]] = {
    Unit.TIME: uk_text,
    Unit.PERCENT: lambda value: f"{value:.0f} %" if value == int(value) else f"{value:.1f} %",
    Unit.HOURS: lambda value: f"{value:.1f} h",
    Unit.DAYS: lambda value: f"{value:.1f}" if value != int(value) else f"{value:.0f}",
}


def cell_text(cell: Cell, column: Column) -> str:
    """A cell as every page, file and terminal shows it."""
    if cell is None:
        return ""
    if isinstance(cell, str):  # marks are their own words
        return str(cell.value) if isinstance(cell, Mark) else cell
    return _WORDS.get(column.unit, str)(cell)


def to_json(answer: Answer) -> dict[str, Any]:
    """An answer for machines. Keys are only ever added."""
    return {
        "key": answer.key,
        "title": answer.title,
        "asked": answer.asked,
        "at_ms": answer.at_ms,
        "logged": answer.logged,
        "measured": answer.measured,
        "why_not": answer.why_not,
        "summary": list(answer.summary),
        "columns": [
            {"name": one.name, "heading": one.heading, "unit": one.unit.value, "role": one.role.value}
            for one in answer.columns
        ],
        "rows": [[_json(cell) for cell in row] for row in answer.rows],
        "total": answer.total,
        "notes": list(answer.notes),
        "suppressed": answer.suppressed,
        "proof": {
            "origin": answer.proof.origin,
            "size": answer.proof.size,
            "root": answer.proof.root,
            "indexes": list(answer.proof.indexes),
            "newer": answer.proof.newer,
            "says": answer.proof.says,
        },
    }


def _json(cell: Cell) -> Any:
    return {"mark": cell.name.lower()} if isinstance(cell, Mark) else cell
