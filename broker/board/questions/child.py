"""Questions about one child, or a few drawn at random."""

from collections.abc import Mapping
from typing import Final

from broker.audit.words import basis_text, plain, purpose_text
from broker.board.questions.answer import Cell, Column, Mark, Table, Unit
from broker.board.questions.figures import many
from broker.board.questions.ground import Ground, handle
from broker.store.audit.rows import Copy, Share

_SHARES: Final = (
    Column("sent", "Sent", Unit.TIME),
    Column("what", "What kind of thing"),
    Column("by", "From"),
    Column("to", "To"),
    Column("purpose", "Purpose"),
    Column("basis", "Basis"),
    Column("given", "Reached by", Unit.TEXT),
    Column("granted", "Granted", Unit.TIME),
    Column("delivered", "Delivered", Unit.TIME),
    Column("opened", "Opened", Unit.TIME),
    Column("taken_on", "Taken on", Unit.TIME),
    Column("passed_on", "Passed on", Unit.TIME),
    Column("child", "Child", Unit.REFERENCE),
    Column("event", "Event", Unit.REFERENCE),
)


def shares(ground: Ground) -> Table:
    """Q1: every share about the child: what kind of thing, from, to, why, when sent, delivered, opened, taken on."""
    taken = ground.shares()
    copies = ground.copies(one.event_id for one in taken)
    hidden = ground.work.hidden({one.record for one in taken if one.record}, ground.scope)
    rows, unopened = [], 0
    for share in taken:
        away = hidden.get(share.record or b"", frozenset())
        for copy in copies.get(share.event_id) or (None,):
            unopened += copy is not None and copy.opened_ms is None
            rows.append(_row(ground, share, copy, away))
    shared = many(len(taken), "thing was shared", "things were shared")
    return Table(
        summary=(
            f"{shared} in {many(len(rows), 'copy', 'copies')}; {many(unopened, 'copy has', 'of the copies have')} not been opened."
            if taken
            else "Nothing was shared about this child in the period, as far as this board may see.",
        ),
        columns=_SHARES,
        rows=tuple(rows),
        notes=(
            "Opened means that a person's screen showed it. It does not say that it was understood.",
            *((_BUNDLED,) if any(copy.granted_ms for some in copies.values() for copy in some) else ()),
        ),
        places=tuple(share.place for share in taken),
    )


_BUNDLED: Final = (
    "A copy that a front door has granted in a handover has no receipt of its own for being delivered: the new area says once, "
    "of the whole history, that it has come and is checked."
)


def _row(ground: Ground, share: Share, copy: Copy | None, hidden: frozenset[str]) -> tuple[Cell, ...]:
    to: Cell = "nobody so far" if copy is None else named(ground, copy.reader, hidden)
    return (
        share.at_ms,
        Mark.NOT_MEASURED if share.said is None else plain(share.said.event_type),
        named(ground, share.author or "", hidden),
        to,
        Mark.NOT_MEASURED if share.said is None else purpose_text(share.said.purpose),
        Mark.NOT_MEASURED if share.said is None else basis_text(share.said.basis),
        _way(copy),
        *(
            (copy.granted_ms, copy.delivered_ms, copy.opened_ms, copy.taken_on_ms, copy.passed_on_ms)
            if copy
            else (None,) * 5
        ),
        handle(share.record),
        share.event_id.hex(),
    )


def _way(copy: Copy | None) -> str:
    if copy is None:
        return ""
    return "the author" if copy.given_ms is not None else "a front door's grant"


def named(ground: Ground, member: str, hidden: frozenset[str]) -> str | Mark:
    """A member's name, unless it would give away where a hidden child is (P7)."""
    if hidden and ground.serves(member, hidden) and not ground.serves(member, ground.scope.areas):
        return Mark.WITHHELD
    return ground.names(member)


_PLANS: Final = (
    Column("child", "Child", Unit.REFERENCE),
    Column("plans", "Live plans", Unit.COUNT),
    Column("second", "Second plan since", Unit.TIME),
    Column("due", "Joint contact due", Unit.TIME),
    Column("reviewed", "Joint review recorded", Unit.TIME),
    Column("late", "Late"),
)
_OPENED: Final = "plan.opened"
_PLAN_WORDS: Final = (_OPENED, "plan.closed", "plan.joint_review_recorded")
_TEN_DAYS: Final = "respond"
"""The policy's rule that gives ten working days; the limit of Q8 is ours, and there is no clock of its own for it."""


def two_plans(ground: Ground) -> Table:
    """Q8: children with two or more live plans whose managers have had no joint contact in ten working days."""
    by_child: dict[bytes, list[Share]] = {}
    for share in ground.of_several(_OPENED, *_PLAN_WORDS):
        if share.record is not None:
            by_child.setdefault(share.record, []).append(share)
    rows, places = [], []
    for record, told in sorted(by_child.items()):
        live = _live(told)
        if len(live) < len(("one", "another")):
            continue
        second = sorted(live)[1]
        reviews = [
            one.at_ms for one in told if _is(one, "plan.joint_review_recorded") and one.at_ms >= second
        ]
        area = next((one.holder for one in told if one.holder in ground.scope.areas), min(ground.scope.areas))
        due = ground.due_ms(_TEN_DAYS, second, area or "")
        reviewed = min(reviews, default=None)
        late = due is not None and (reviewed or ground.now_ms) > due
        rows.append((handle(record), len(live), second, due, reviewed, "yes" if late else "no"))
        places += [one.place for one in told]
    late_ones = sum(row[-1] == "yes" for row in rows)
    return Table(
        summary=(
            f"{many(len(rows), 'child has', 'children have')} two or more live plans; for {late_ones} joint contact is late.",
        ),
        columns=_PLANS,
        rows=tuple(rows),
        notes=(
            (
                "Plans are counted from the board's slips: opened less closed, by their author. A plan whose author "
                "sends this board no slips is not seen."
            ),
        ),
        places=tuple(places),
    )


def _live(told: list[Share]) -> list[int]:
    """When each plan that is still open was opened. An author's closing ends the oldest of its plans."""
    opened: dict[str | None, list[int]] = {}
    for share in told:
        own = opened.setdefault(share.author, [])
        if _is(share, _OPENED):
            own.append(share.at_ms)
        elif _is(share, "plan.closed") and own:
            own.pop(0)
    return [at_ms for own in opened.values() for at_ms in own]


def _is(share: Share, event_type: str) -> bool:
    return share.said is not None and share.said.event_type == event_type


_AREAS: Final = (
    Column("child", "Child", Unit.REFERENCE),
    Column("areas", "Areas in a year", Unit.COUNT),
    Column("which", "Which"),
    Column("first", "First move", Unit.TIME),
    Column("last", "Last move", Unit.TIME),
)
_YEAR_MS: Final = 365 * 24 * 3_600_000


def three_areas(ground: Ground) -> Table:
    """Q19: children who were in three areas or more within a year."""
    by_child: dict[bytes, list[tuple[int, str, str | Mark]]] = {}
    for move in ground.moves(several=True):
        for area in (move.from_area, move.to_area):
            if move.record is not None and area is not None:
                at_ms = move.steps.get("noticed", move.last_ms)
                by_child.setdefault(move.record, []).append((at_ms, area, ground.place(move, area)))
    rows = []
    for record, seen in sorted(by_child.items()):
        window = _fullest_year(seen)
        if len(window) >= len(("one", "two", "three")):
            times = [at_ms for at_ms, _ in window.values()]
            which = ", ".join(sorted({str(name) for _, name in window.values()}))
            rows.append((handle(record), len(window), which, min(times), max(times)))
    return Table(
        summary=(f"{many(len(rows), 'child was', 'children were')} in three areas or more within a year.",),
        columns=_AREAS,
        rows=tuple(rows),
        notes=("Only moves from or to an area of this board are seen here.",),
    )


def _fullest_year(seen: list[tuple[int, str, str | Mark]]) -> Mapping[str, tuple[int, str | Mark]]:
    best: dict[str, tuple[int, str | Mark]] = {}
    for start, _, _ in seen:
        within = {
            area: (at, name)
            for at, area, name in sorted(seen, reverse=True)
            if start <= at < start + _YEAR_MS
        }
        best = within if len(within) > len(best) else best
    return best
