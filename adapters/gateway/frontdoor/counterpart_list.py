"""Who was active in the old area, what each owes its counterpart, until when, and what became of it. Pure.

Reckoned by the same rules as each agency's own clocks, from what the front door has read: both read the same date.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapters.gateway.record.owing import counted_from, meets, own_part, rows_of, says, who_owes
from broker.calendars import day_of
from broker.clock import from_ms
from broker.store.gateway.clocks import ClockRow
from schemas.codes.members import MemberKind
from schemas.deadlines import ClockRule
from schemas.directory import Directory
from schemas.events.base import Event
from schemas.members import Member
from schemas.policy import ConcernedAreas

SENT: Final = "counterpart.sent"
_CONFIRMED: Final = "involvement.confirmed"
_SAYS_MET: Final = "obligation.recorded"
OWES: Final[Mapping[MemberKind, tuple[str, ...]]] = {
    MemberKind.SCHOOL: ("protection-file", "common-transfer-file"),
    MemberKind.EDUCATION: ("common-transfer-file",),
    MemberKind.HEALTH_PROVIDER: ("health-record",),
    MemberKind.CHILD_HEALTH: ("child-health-record",),
    MemberKind.GP: ("practice-record",),
    MemberKind.YOUTH_JUSTICE: ("youth-justice-record",),
    MemberKind.HOUSING: ("housing-notice",),
    MemberKind.EARLY_HELP: ("early-help-record",),
}
"""The clocks of what an agency of each kind sends to its counterpart."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the child's record: who says it, what, and when the router took it (ms since 1970)."""

    author: str
    document: Mapping[str, Any]
    event: Event | None
    """None: of a type or form that this version does not know."""
    areas: ConcernedAreas | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One record that an agency of the old area owes to the one that takes over. Times are ms since 1970."""

    member: str
    name: str
    what: str
    limit: str
    """The rule, with its sources, as it stands beside a due date."""
    due_ms: int | None
    """None: nothing has begun it yet, or nobody can say."""
    to: str | None
    """Whom it has sent it to; None: it has not yet."""
    sent_ms: int | None
    late: bool
    """Not sent in time, whether it was sent since or not."""
    receipt_due_ms: int | None
    receipt_ms: int | None
    """When the counterpart had it, as the agency says on the record; None: this record does not say so."""
    receipt_late: bool


def counterparts(
    lines: Iterable[Told], old_area: str, directory: Directory, now_ms: int
) -> tuple[Counterpart, ...]:
    """What each agency that was active in the old area owes its counterpart, and whether it has sent it.

    Those that have not come first, by when it is due. A member's own word that it works with the child does not make it
    active here: what it wrote about the child does, or a front door's confirmation.
    """
    told = sorted(lines, key=lambda one: one.at_ms)
    found = []
    for member in _active(told, old_area, directory):
        for key in OWES[member.kind]:
            rule = directory.policy.clock(key, day_of(from_ms(now_ms)))
            if rule is not None:
                found.append(_one(member, rule, told, directory, now_ms))
    return tuple(
        sorted(found, key=lambda one: (one.to is not None, one.due_ms is None, one.due_ms or 0, one.name))
    )


def _active(told: Sequence[Told], old_area: str, directory: Directory) -> list[Member]:
    active = {}
    for one in told:
        if one.document.get("type") == SENT:
            continue
        confirmed = (
            one.document.get("details", {}).get("member") if one.document.get("type") == _CONFIRMED else None
        )
        about = confirmed if isinstance(confirmed, str) else one.author
        member = directory.member(about)
        acts_there = one.document.get("acting_area") == old_area or confirmed is not None
        if member is not None and member.kind in OWES and acts_there and old_area in member.acting_areas:
            active[about] = member
    return list(active.values())


def _one(
    member: Member, rule: ClockRule, told: Sequence[Told], directory: Directory, now_ms: int
) -> Counterpart:
    begun = next((row for one in told if (row := _begins(rule, one, member, directory)) is not None), None)
    sent = next((one for one in reversed(told) if _is_sent(rule, one, member)), None)
    due_ms = None if begun is None else begun.due_ms
    receipt = None if sent is None else _receipt_owed(sent, member, directory)
    receipt_due_ms = None if receipt is None else receipt.due_ms
    receipt_ms = None if receipt is None else _received(receipt, told)
    return Counterpart(
        member=str(member.id),
        name=member.name,
        what=next(iter(rule.met_when), "").partition("=")[2],
        limit=rule.reason if begun is None else begun.reason,
        due_ms=due_ms,
        to=None if sent is None else _name(sent.document["details"]["to_member"], directory),
        sent_ms=None if sent is None else sent.at_ms,
        late=_late(due_ms, None if sent is None else sent.at_ms, now_ms),
        receipt_due_ms=receipt_due_ms,
        receipt_ms=receipt_ms,
        receipt_late=_late(receipt_due_ms, receipt_ms, now_ms),
    )


def _begins(rule: ClockRule, one: Told, member: Member, directory: Directory) -> ClockRow | None:
    """The clock that a line starts for this member, as the member's own gateway has it."""
    author = directory.member(one.author)
    if one.event is None or one.areas is None or author is None or one.event.type not in rule.starts:
        return None
    if not says(one.event, rule.when):
        return None
    owes = (
        own_part(rule, member, one.areas)
        if rule.each_involved
        else who_owes(rule, author, one.areas, directory, one.at_ms)
    )
    counted = counted_from(one.event, rule)
    if owes is None or owes.member != member.id or counted is None:
        return None
    start = counted if isinstance(counted, date) else from_ms(one.at_ms)
    return next(iter(rows_of(rule, one.event.id.raw, owes, start, one.at_ms, directory)))


def _is_sent(rule: ClockRule, one: Told, member: Member) -> bool:
    return (
        one.event is not None
        and one.author == member.id
        and one.event.type == SENT
        and meets(one.event, rule)
    )


def _receipt_owed(sent: Told, member: Member, directory: Directory) -> ClockRow | None:
    rules = (rule for rule in directory.policy.clocks_started_by(SENT) if rule.of_author)
    rows = (row for rule in rules if (row := _begins(rule, sent, member, directory)) is not None)
    return next(rows, None)


def _received(receipt: ClockRow, told: Sequence[Told]) -> int | None:
    ref = f"{receipt.about.hex()}.{receipt.key}.{receipt.number}"
    for one in told:
        details = one.document.get("details", {})
        if (
            one.document.get("type") == _SAYS_MET
            and one.author == receipt.owner
            and details.get("obligation_ref") == ref
            and details.get("met_at") is not None
        ):
            return one.at_ms
    return None


def _late(due_ms: int | None, done_ms: int | None, now_ms: int) -> bool:
    return due_ms is not None and (now_ms if done_ms is None else done_ms) > due_ms


def _name(member_id: str, directory: Directory) -> str:
    member = directory.member(member_id)
    return member_id if member is None else member.name
