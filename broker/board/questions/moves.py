"""Questions about children who move from one area to another."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final

from broker.audit.words import plain
from broker.board.questions.answer import Column, Figure, Mark, Role, Table, Unit
from broker.board.questions.figures import DAY_MS, centile, hours, many, median, rounded, share, union
from broker.board.questions.ground import Ground, handle
from broker.store.audit.tallies import Reported, Transfer

_TO_OPENED: Final = (
    Column("agency", "Known to (kind of agency)", role=Role.KEY),
    Column("moves", "Moves", Unit.COUNT, Role.BASE),
    Column("opened", "Opened by the receiving area", Unit.COUNT, Role.PART),
    Column("median", "Median hours", Unit.HOURS, Role.DERIVED),
    Column("centile90", "90th centile, hours", Unit.HOURS, Role.DERIVED),
)


def known_to_opened(ground: Ground) -> Table:
    """Q3: hours from the moment a move was known to the moment somebody in the receiving area opened it."""
    reports, opened = reported(ground)
    kinds = cache(ground.kind)
    waits: dict[str, dict[bytes, int]] = defaultdict(dict)
    count: dict[str, set[bytes]] = defaultdict(set)
    for handover, one in reports.items():
        seen = one.reported_ms is not None
        kind = kinds(one.author) if seen else str(Mark.NOT_MEASURED)
        count[kind].add(handover)
        if handover in opened:
            waits[kind][handover] = max(0, opened[handover] - one.known_ms)
    every = {handover: wait for some in waits.values() for handover, wait in some.items()}
    rows = [_waited(kind, some, waits[kind]) for kind, some in sorted(count.items())]
    rows.append(_waited("all", frozenset(reports), every))
    return Table(
        summary=(
            "{moves} moves became known; the receiving area opened {opened} of them so far.",
            "Half of those within {median}, nine of ten within {centile90}.",
        ),
        columns=_TO_OPENED,
        rows=tuple(rows),
        total=True,
    )


def reported(ground: Ground) -> tuple[dict[bytes, Reported], dict[bytes, int]]:
    """Moves by handover, as they became known, and when somebody in the receiving area opened the report of each first."""
    reports: dict[bytes, Reported] = {}
    opened: dict[bytes, int] = {}
    reached = cache(ground.serves)
    for one in ground.work.reported(*ground.noticed):
        known = reports.get(one.handover)
        if known is None or known.place < one.place:
            reports[one.handover] = one
        if one.opened_ms is not None and reached(one.reader or "", (one.to_area or "",)):
            opened[one.handover] = min(one.opened_ms, opened.get(one.handover, one.opened_ms))
    return reports, opened


def _waited(name: str, moves: Collection[bytes], waits: Mapping[bytes, int]) -> tuple[Figure, ...]:
    measured = hours(list(waits.values()))
    return name, frozenset(moves), frozenset(waits), rounded(median(measured)), rounded(centile(measured, 90))


_CONFERENCES: Final = (
    Column("from_area", "From", role=Role.KEY),
    Column("to_area", "To", role=Role.KEY),
    Column("moves", "Transfers", Unit.COUNT, Role.BASE),
    Column("in_time", "In time, from being notified", Unit.COUNT, Role.PART),
    Column("late", "Late, from being notified", Unit.COUNT, Role.PART),
    Column("running", "Still running", Unit.COUNT, Role.PART),
    Column("percent", "In time, per cent", Unit.PERCENT, Role.DERIVED),
    Column("pack", "In time, from the written pack", Unit.COUNT, Role.PART),
    Column("accepted", "In time, from acceptance", Unit.COUNT, Role.PART),
)


def conferences(ground: Ground) -> Table:
    """Q2: transfers whose conference was held within fifteen working days, by sending area and by clock start."""
    figures: dict[tuple[str, str], list[set[bytes]]] = defaultdict(lambda: [set() for _ in range(6)])
    for move in ground.work.transfers(*ground.noticed):
        pair = str(ground.place(move, move.from_area)), str(ground.place(move, move.to_area))
        for counted, counts in zip(figures[pair], _held(ground, move), strict=True):
            if counts:
                counted.add(move.handover)
    rows = [_conference_row(*pair, counted) for pair, counted in sorted(figures.items())]
    whole = [union(column) for column in zip(*figures.values(), strict=True)]
    rows.append(_conference_row("all", "", whole or [frozenset()] * 6))
    return Table(
        summary=(
            (
                "{moves} transfers needed a conference; {in_time} were held within fifteen working days of being notified, "
                "{late} were late."
            ),
        ),
        columns=_CONFERENCES,
        rows=tuple(rows),
        total=True,
        notes=(
            (
                "Counted are moves of a child whom the new area accepted on a protection plan. The clock from being "
                "notified is always reported first; the others stand beside it. Of a stay that became a move it counts "
                "from the notice of the stay."
            ),
        ),
    )


def _held(ground: Ground, move: Transfer) -> tuple[bool, bool, bool, bool, bool, bool]:
    held, area = move.held_ms, move.to_area or ""
    due = ground.due_ms("conference", move.noticed_ms, area)
    late = due is not None and (held or ground.now_ms) > due
    in_time = held is not None and not late

    def within(since_ms: int | None) -> bool:
        limit = None if since_ms is None else ground.due_ms("conference", since_ms, area)
        return held is not None and limit is not None and held <= limit

    return True, in_time, late, held is None and not late, within(move.verify_ms), within(move.accept_ms)


def _conference_row(from_area: str, to_area: str, counted: Iterable[Collection[bytes]]) -> tuple[Figure, ...]:
    moves, in_time, late, running, pack, accepted = map(frozenset, counted)
    per_cent = share(len(in_time), len(in_time | late))
    return from_area, to_area, moves, in_time, late, running, per_cent, pack, accepted


_CLOSURES: Final = (
    Column("area", "Area", role=Role.KEY),
    Column("closed", "Closed as moved to another area", Unit.COUNT, Role.BASE),
    Column("handed", "With a handover", Unit.COUNT, Role.PART),
    Column("uncaught", "Without", Unit.COUNT, Role.PART),
)
_RC5: Final = "RC5"
_CLOSING: Final = ("plan.closed", "concern.closed", "transfer.requested", "responsibility.accepted")
_NEAR_MS: Final = 90 * DAY_MS


def uncaught(ground: Ground) -> Table:
    """Q17: cases closed because the child moved to another area (RC5) of which no handover tells."""
    if not ground.work.tells_why_closed():
        return Table(
            summary=(),
            why_not="no member tells this board why it closes cases. Needed: the census's closure code on the slips "
            "of the front doors, which their gateways add where the event gives it.",
        )
    moved = ground.shares(*_CLOSING, code=_RC5)
    handed = _handed(ground, {one.record for one in moved if one.record is not None})
    closed: dict[str, set[bytes]] = defaultdict(set)
    caught: set[bytes] = set()
    for one in moved:
        closed[ground.names(one.holder or "") or "unknown"].add(one.event_id)
        if any(abs(at_ms - one.at_ms) <= _NEAR_MS for at_ms in handed.get(one.record or b"", ())):
            caught.add(one.event_id)
    rows = [_closed(name, some, caught) for name, some in sorted(closed.items())]
    return Table(
        summary=("{closed} cases were closed because the child moved; for {uncaught} no handover is known.",),
        columns=_CLOSURES,
        rows=(*rows, _closed("all", union(closed.values()), caught)),
        total=True,
        notes=("A handover counts where it was noticed within 90 days of the closure.",),
    )


def _handed(ground: Ground, records: Collection[bytes]) -> dict[bytes, list[int]]:
    """By record: when a handover of that child was noticed, under this record or one that a person has joined with it."""
    joined = ground.work.joined(records)
    every = {each for some in joined.values() for each in some}
    period = ground.period._replace(since_ms=0)
    noticed = ground.work.noticed_of(ground.scope, period, ground.scope.areas, every)
    return {
        record: [at_ms for each in sorted(some) for at_ms in noticed.get(each, ())]
        for record, some in joined.items()
    }


def _closed(name: str, closed: Collection[bytes], caught: Collection[bytes]) -> tuple[Figure, ...]:
    whole = frozenset(closed)
    return name, whole, whole & frozenset(caught), whole - frozenset(caught)


_DECLINED: Final = (
    Column("child", "Child", Unit.REFERENCE),
    Column("from_area", "From"),
    Column("to_area", "To"),
    Column("declined", "First declined", Unit.TIME),
    Column("declines", "Declines", Unit.COUNT),
    Column("days", "Days unsettled", Unit.DAYS),
    Column("settled", "Settled by"),
)
_SETTLED: Final = {
    "accept": "the new area accepted",
    "uncontested": "the new area accepted, and the old one let it stand",
    "corroborated": "somebody else reported the child in the new area",
    "conference-held": "the new area accepted, and held its conference",
    "withdraw": "the old area withdrew",
    "superseded": "another handover took its place",
    "handed-on": "another area took the case",
    "return-or-retain": "ended; the history was returned or retained",
}


def declined(ground: Ground) -> Table:
    """Q20: declined handovers, how long nobody settled them, and who did in the end."""
    rows = []
    for move in ground.moves(declined=True):
        first = move.steps["decline"]
        settled = _SETTLED.get(move.last_step)
        ended = min(
            (at for step in ("accept", "withdraw") if (at := move.steps.get(step, 0)) > first),
            default=move.last_ms if settled else ground.now_ms,
        )
        by = "the heads of service" if "disputed" in move.steps and settled else settled
        rows.append(
            (
                handle(move.record),
                ground.place(move, move.from_area),
                ground.place(move, move.to_area),
                first,
                move.declines,
                round((ended - first) / DAY_MS, 1),
                by or f"nobody so far ({plain(move.last_state or 'unknown')})",
            )
        )
    open_ones = sum(str(row[-1]).startswith("nobody") for row in rows)
    return Table(
        summary=(
            f"{many(len(rows), 'handover was', 'handovers were')} declined; {open_ones} of them not settled so far.",
        ),
        columns=_DECLINED,
        rows=tuple(rows),
    )
