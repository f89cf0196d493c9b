"""What waits at a front door: everything owed by it or to it, with who holds the case and who keeps the child safe (P5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.gateway.home import Home
from adapters.gateway.record.clocking import OVER, name_of
from broker.clock import to_ms
from broker.notices.words import reference
from broker.store.gateway.clocks import ClockRow
from schemas.deadlines import CLOCK_OF
from schemas.handover import HandoverView
from schemas.policy import Policy

_OWN_WORDS: Final = {"items": "find out why papers came wrong again and again, and send them once more"}
"""Of what no clock of the policy is about."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing. ``holder`` and ``safety`` are areas; None where no handover of the child is open here."""

    name: str
    what: str
    owner: str
    ours: bool
    since_ms: int
    due_ms: int | None
    why: str
    holder: str | None
    safety: str | None
    late: bool


def waiting(home: Home, clocks: list[ClockRow]) -> list[Waiting]:
    """Everything that waits now: ours first, and by when it is due; what nobody can date comes last."""
    with home.store.look() as work:
        held = [(row.child, HandoverView.from_bytes(row.body)) for row in work.inbox.handovers()]
        open_of = {child: view for child, view in reversed(held) if child and view.state not in OVER}
        about = {row.about: work.clocks.refs_of(row.about) for row in clocks}
    now_ms = to_ms(home.clock())
    owed, names = owed_words(home.directory.policy), home.directory.names()
    found = [one for _, view in held for one in _of_handover(view, home.member_id, now_ms, owed, names)]
    for row in clocks:
        view = next((open_of[ref] for ref in about[row.about] if ref in open_of), None)
        found.append(
            Waiting(
                name_of(row),
                owed.get(row.key, row.key),
                row.owner,
                row.owner == home.member_id,
                row.start_ms,
                row.due_ms,
                row.reason,
                view.holder if view else None,
                view.safety if view else None,
                row.due_ms is not None and row.due_ms <= now_ms,
            )
        )
    return sorted(found, key=lambda one: (not one.ours, one.due_ms is None, one.due_ms or 0, one.name))


def owed_words(policy: Policy) -> dict[str, str]:
    """What is owed, in the policy's words for people: by the key of its clock, and as the router calls it."""
    owed = {clock.key: clock.owed for clock in policy.clocks}
    return owed | {kind: owed[key] for kind, key in CLOCK_OF.items() if key in owed} | _OWN_WORDS


def _of_handover(
    view: HandoverView, me: str, now_ms: int, owed: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Waiting]:
    old, new = (names.get(area, area) for area in (view.from_area, view.to_area))
    for due in view.due:
        if not due.met_ms:
            yield Waiting(
                reference(view.handover),
                f"{owed.get(due.kind, due.kind)} ({view.state}, {old} > {new})",
                due.owner,
                due.owner == me,
                view.opened_ms,
                due.due_ms,
                due.reason,
                view.holder,
                view.safety,
                due.due_ms <= now_ms,
            )
