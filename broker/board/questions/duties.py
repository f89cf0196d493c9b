"""Questions about duties with a clock: notices to schools and districts, assessments, a child being seen."""

from dataclasses import replace
from typing import Final

from broker.audit.words import plain
from broker.board.questions.answer import Cell, Column, Figure, Mark, Role, Table, Unit
from broker.board.questions.figures import HOUR_MS, centile, many, median, rounded
from broker.board.questions.ground import MOST, Ground, capped, handle
from broker.store.audit.rows import Copy, Obligation
from schemas.codes.members import MemberKind

_OPEN_MATTERS: Final = (
    "Seen are pupils about whom something is open: a plan, a concern, an assessment, a missing report. Of any other pupil's "
    "attendance nothing reaches the exchange; there the school's own clock goes up its own ladder."
)
_SCHOOLS: Final = frozenset({MemberKind.SCHOOL, MemberKind.EDUCATION})
_OWED: Final = (
    Column("member", "Owed by"),
    Column("child", "Child", Unit.REFERENCE),
    Column("opened", "Began", Unit.TIME),
    Column("due", "Due", Unit.TIME),
    Column("met", "Met", Unit.TIME),
    Column("late", "Late"),
    Column("reason", "Reason given"),
)


def no_early_help(ground: Ground) -> Table:
    """Q6: attendance below 85 % with neither an early help assessment nor a recorded reason."""
    owed = ground.obligations("early-help-after-absence")
    if owed is None:
        return _no_source("early-help-after-absence", "schools")
    left = [one for one in owed if one.met_ms is None and one.reason is None]
    listed = _listed(
        ground, left, "children below 85 % attendance have neither an assessment nor a reason on record"
    )
    return replace(listed, notes=(_OPEN_MATTERS,))


def housing_notices(ground: Ground) -> Table:
    """Q10: notices to the host district (s.208) that were late, or never came, against placements reported."""
    owed = ground.obligations("housing-notice")
    placed = ground.shares("temp_accommodation.placed")
    if owed is None:
        table = _no_source("housing-notice", "housing authorities")
        told = (
            f"{many(len(placed), 'placement was', 'placements were')} reported in the period."
            if placed
            else ""
        )
        return Table(summary=(told,) if told else (), why_not=table.why_not)
    late = [one for one in owed if _late(ground, one)]
    listed = _listed(ground, late, "notices were late or are absent")
    return Table(
        summary=(
            *listed.summary,
            f"{many(len(placed), 'placement was', 'placements were')} reported, {many(len(owed), 'notice was', 'notices were')} owed.",
        ),
        columns=listed.columns,
        rows=listed.rows,
    )


SEEN_AFTER_MOVE: Final = "child-seen-after-move"
_SEEN: Final = (
    Column("area", "Area", role=Role.KEY),
    Column("children", "Children to be seen", Unit.COUNT, Role.BASE),
    Column("seen", "Seen so far", Unit.COUNT, Role.PART),
    Column("ended", "Ended without", Unit.COUNT, Role.PART),
    Column("waiting", "Waiting still", Unit.COUNT, Role.PART),
    Column("median", "Median hours", Unit.HOURS, Role.DERIVED),
    Column("centile90", "90th centile, hours", Unit.HOURS, Role.DERIVED),
)


def seen(ground: Ground) -> Table:
    """Q16: hours from a concern, or a move, to the child being seen."""
    owed = ground.obligations("child-seen", SEEN_AFTER_MOVE)
    if owed is None:
        return _no_source("child-seen", "the front doors")
    by_area: dict[str, list[Obligation]] = {}
    for one in owed:
        area = min((area for area in ground.areas if ground.serves(one.member, [area])), default=None)
        by_area.setdefault(ground.names(area) if area else "elsewhere", []).append(one)
    rows = [_hours(name, some) for name, some in sorted(by_area.items())]
    return Table(
        summary=("{seen} of {children} children were seen.", "Half of those within {median}."),
        columns=_SEEN,
        rows=(*rows, _hours("all", owed)),
        total=True,
        notes=(
            (
                "Seen by children's social care, and when, as it says itself in what it publishes. Ended without: the concern "
                "was closed, or the move came to nothing, and nobody has said that the child was seen."
            ),
        ),
    )


def _hours(name: str, owed: list[Obligation]) -> tuple[Figure, ...]:
    met = [one for one in owed if one.done]
    ended = [one for one in owed if one.met_ms is not None and not one.done]
    waiting = [one for one in owed if one.met_ms is None]
    waits = [max(0, (one.met_ms or 0) - one.opened_ms) / HOUR_MS for one in met]
    counted = (frozenset(one.ref for one in some) for some in (owed, met, ended, waiting))
    return name, *counted, rounded(median(waits)), rounded(centile(waits, 90))


_ENCOMPASS: Final = (
    Column("by", "Police"),
    Column("incident", "Incident shared", Unit.TIME),
    Column("due", "School's next start", Unit.TIME),
    Column("reached", "Reached a school", Unit.TIME),
    Column("state", "State"),
    Column("child", "Child", Unit.REFERENCE),
    Column("event", "Event", Unit.REFERENCE),
)


def encompass(ground: Ground) -> Table:
    """Q9: domestic abuse notices that reached no school before the start of its next day."""
    incidents = ground.shares("da.incident", most=MOST)
    copies = ground.copies(one.event_id for one in incidents)
    rows = []
    for share in incidents:
        due = ground.due_ms("encompass", share.at_ms, share.safety or share.holder or "")
        reached = min(
            (at for copy in copies.get(share.event_id, ()) if (at := _reached(ground, copy)) is not None),
            default=None,
        )
        if due is None:
            state = "not measured: the area has published no school terms"
        elif reached is None:
            state = "no school was reached" if ground.now_ms > due else "not due yet"
        else:
            state = "late" if reached > due else "in time"
        if state != "in time":
            shown: Cell = Mark.NOT_MEASURED if due is None else due
            by = ground.names(share.author or "")
            rows.append((by, share.at_ms, shown, reached, state, handle(share.record), share.event_id.hex()))
    return Table(
        summary=(
            f"{many(len(incidents), 'incident was', 'incidents were')} shared; {many(len(rows), 'is', 'are')} listed.",
        ),
        columns=_ENCOMPASS,
        rows=tuple(rows),
        notes=(
            *capped(len(incidents)),
            (
                "A notice has reached a school when the gateway of a school or of the education desk says that it has it. "
                "Incidents are found by the police's slips; a force that sends this board none is not seen."
            ),
        ),
        places=tuple(share.place for share in incidents),
    )


def _reached(ground: Ground, copy: Copy) -> int | None:
    member = ground.directory.member(copy.reader)
    return copy.delivered_ms if member is not None and member.kind in _SCHOOLS else None


def _late(ground: Ground, one: Obligation) -> bool:
    return (one.met_ms or ground.now_ms) > one.due_ms


def _listed(ground: Ground, owed: list[Obligation], words: str) -> Table:
    rows = [
        (
            ground.names(one.member),
            handle(one.record),
            one.opened_ms,
            one.due_ms,
            one.met_ms,
            "yes" if _late(ground, one) else "no",
            plain(one.reason) if one.reason else "",
        )
        for one in owed
    ]
    return Table(
        summary=(f"{len(rows)} {words}.",),
        columns=_OWED,
        rows=tuple(rows),
        places=tuple(one.place for one in owed),
    )


def _no_source(kind: str, who: str) -> Table:
    return Table(
        summary=(),
        why_not=f"no member tells this board of it. Needed: obligation entries of kind “{kind}” from {who}.",
    )
