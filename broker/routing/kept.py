"""From stored rows to the value that the state machine knows, and to the view that both sides are given."""

from dataclasses import asdict

from broker.handover import deadlines
from broker.handover.machine import Handover, Keeping, Kind, State
from broker.store.router.children import Children
from broker.store.router.procedures import DeadlineRow, HandoverRow, Procedures
from schemas.deadlines import Moment
from schemas.handover import WITHHELD, Due, HandoverView
from schemas.wire import Urgency


def handover_of(row: HandoverRow) -> Handover:
    """A handover as the state machine knows it."""
    return Handover(
        **asdict(row)
        | {
            "kind": Kind(row.kind),
            "state": State(row.state),
            "keeping": Keeping(row.keeping),
            "urgency": Urgency(row.urgency),
        }
    )


def view_of(
    handover: Handover,
    reason: str | None,
    children: Children,
    procedures: Procedures,
    clocks: deadlines.Clocks,
    *,
    told_after_all: bool = False,
) -> HandoverView:
    """The handover as both sides see it; ``told_after_all``: the area left by it may know where it leads, and no other."""
    child = children.get(handover.child)
    safety = child.safety if child else handover.to_area
    holder = child.holder if child else handover.from_area
    record = children.records.newest(handover.child)
    # Of a hidden child only the area where it is may read where it is, and that this area holds the case (P7).
    may_know = (handover.withheld or told_after_all) and handover.to_area == safety
    if record is not None and record.withheld and not may_know:
        holder = holder if holder == handover.from_area else WITHHELD
        safety = WITHHELD
    done, asked = procedures.granted_of(handover.handover)
    moments = procedures.moments_of(handover.handover)
    return HandoverView(
        handover=handover.handover,
        kind=handover.kind.value,
        state=handover.state.value,
        from_area=handover.from_area,
        to_area=handover.to_area,
        holder=holder,
        safety=safety,
        urgency=int(handover.urgency),
        opened_ms=handover.opened_ms,
        changed_ms=handover.changed_ms,
        verified=handover.verified,
        granted=done,
        expected=asked,
        due=tuple(
            _due(row, deadlines.reason_shown(row.kind, row.reason, handover, moments, clocks))
            # What counts from being notified comes first; an area's own clock stands beside it.
            for row in sorted(
                procedures.owed(handover.handover),
                key=lambda row: row.kind == deadlines.Owed.CONFERENCE_LOCAL,
            )
        ),
        reason=reason,
        evidence=handover.evidence,
        keeping=handover.keeping.value,
        moments=tuple((one.value, moments[one]) for one in Moment if one in moments),
    )


def _due(row: DeadlineRow, reason: str) -> Due:
    return Due(row.kind, row.owner, row.due_ms, reason, row.met_ms or 0, row.fired_ms is not None)
