"""From the rows of an answer to what is drawn of them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.board.questions import Cell, Mark
from broker.pages.charts import Happening, Lanes, draw_lanes
from broker.pages.layout import uk_time

_FACTS: Final = (
    ("granted", "granted by a front door"),
    ("delivered", "delivered"),
    ("opened", "opened"),
    ("taken_on", "taken on"),
    ("passed_on", "passed on"),
)
_MOST_DRAWN: Final = 400


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of one thing at one reader."""

    to: str
    facts: tuple[tuple[str, int], ...]
    """In order: what happened, and when."""
    opened: bool


@dataclass(frozen=True, slots=True)
class Share:
    """One thing that was shared, with all to whom."""

    sent_ms: int
    what: str
    by: str
    purpose: str
    basis: str
    child: str
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What was shared, in order, and drawn as far as a drawing stays readable."""

    shares: tuple[Share, ...]
    lanes: Lanes
    drawn: int
    several: bool
    """More than one child is in it."""


def story_of(rows: Sequence[Mapping[str, Cell]]) -> Story:
    """Gather the rows of every share, one row per reader, into shares; draw the newest."""
    by_event: dict[Cell, list[Mapping[str, Cell]]] = {}
    for row in rows:
        by_event.setdefault(row["event"], []).append(row)
    shares = tuple(_share(some) for some in by_event.values())
    happenings: list[Happening] = []
    drawn = 0
    for share in reversed(shares):
        told = list(_happenings(share))
        if drawn and len(happenings) + len(told) > _MOST_DRAWN:
            break
        happenings += told
        drawn += 1
    children = {share.child for share in shares}
    return Story(shares, draw_lanes(happenings), drawn, len(children) > 1)


def _share(rows: Sequence[Mapping[str, Cell]]) -> Share:
    first = rows[0]
    return Share(
        sent_ms=_moment(first["sent"]) or 0,
        what=_text(first["what"]),
        by=_text(first["by"]),
        purpose=_text(first["purpose"]),
        basis=_text(first["basis"]),
        child=_text(first.get("child")),
        copies=tuple(_copy(row) for row in rows),
    )


def _copy(row: Mapping[str, Cell]) -> Copy:
    facts = [(words, at_ms) for name, words in _FACTS if (at_ms := _moment(row.get(name))) is not None]
    return Copy(_text(row["to"]), tuple(facts), _moment(row.get("opened")) is not None)


def _happenings(share: Share) -> Iterable[Happening]:
    what = share.what if share.what != Mark.NOT_MEASURED.value else "something"
    yield Happening(share.by, share.sent_ms, "sent", f"{uk_time(share.sent_ms)}: {share.by} shared {what}")
    for copy in share.copies:
        if copy.to in {"nobody so far", Mark.WITHHELD.value}:
            continue
        for words, at_ms in copy.facts:
            if words in _DRAWN and copy.opened:
                said = f"{uk_time(at_ms)}: {what}, {words}, {copy.to}"
                yield Happening(copy.to, at_ms, _DRAWN[words], said)
        if not copy.opened:
            came_ms = copy.facts[0][1] if copy.facts else share.sent_ms
            said = f"{uk_time(came_ms)}: {what}, not opened so far by {copy.to}"
            yield Happening(copy.to, came_ms, "waiting", said)


_DRAWN: Final = {"delivered": "delivered", "opened": "opened", "taken on": "taken_on"}


def _moment(cell: Cell) -> int | None:
    return cell if isinstance(cell, int) else None


def _text(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return cell.value
    return "" if cell is None else str(cell)
