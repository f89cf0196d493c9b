"""Who lets a history go: the policy for some plans and evidence, a person for the rest, and in an emergency the new area.

Pure decisions; ``actions`` publishes what they say.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from adapters.gateway.record.live import live_in
from adapters.gateway.record.reading import Read
from schemas.codes.cases import LiveStatus
from schemas.directory import Directory
from schemas.policy import MoveEvidence, NoRuleError, Policy

GLASS_BROKEN: Final = "handover.glass_broken"
BY_POLICY: Final = "released by the sharing policy"
"""Stands where a release names who decided, when no person had to."""


@dataclass(frozen=True, slots=True)
class ByPolicy:
    """The history goes without a person: the policy says so for all that is live, on this evidence."""

    live: frozenset[LiveStatus]
    evidence: MoveEvidence


@dataclass(frozen=True, slots=True)
class ByPerson:
    """A person of the old area decides; ``why`` says what the policy did not let go by itself."""

    why: str


Decision: TypeAlias = ByPolicy | ByPerson


def who_releases(
    policy: Policy, live: AbstractSet[LiveStatus], evidence: MoveEvidence | None, *, independent: bool
) -> Decision:
    """Who decides on the history of a child with this live, on this evidence. Pure.

    ``independent``: somebody other than the new area itself reports the child there.
    """
    if evidence is None:
        return ByPerson("nothing that counts as evidence of a move says that the child is there")
    if not independent:
        return ByPerson("only the new area itself says that the child is there")
    if not live:
        return ByPerson("nothing is known to be live for the child")
    kept = sorted(status.value for status in live if not policy.release(status, evidence).pre_authorised)
    if kept:
        return ByPerson(f"the policy leaves it to a person for: {', '.join(kept)}")
    return ByPolicy(frozenset(live), evidence)


@dataclass(frozen=True, slots=True)
class Glass:
    """A break-glass event of another front door, with what our own record says to it."""

    handover: str
    to_area: str
    by: str
    """The member whose person broke it."""
    live: frozenset[LiveStatus]
    """What is live by our own record, the breaker's words left out."""
    vouched: bool
    """Somebody other than the breaker has signed that the child is there."""


def judge_glass(glass: Glass, handover: bytes | None, reader: str, directory: Directory) -> str | None:
    """Why a history is not given on a broken glass, as a stable code, or None where it is. Pure.

    The breaker must be the front door that asks, for the area and handover that it names; somebody else must have
    signed that the child is there; and what is live by our own record must be what the policy allows it for.
    """
    door = directory.front_door(glass.to_area)
    if handover is None or glass.handover != handover.hex():
        return "not-released"
    if door is None or door.id != reader or glass.by != reader:
        return "not-the-new-front-door"
    if not glass.vouched:
        return "not-concerned"
    allowed = any(rule.break_glass for rule in directory.policy.releases if rule.live in glass.live)
    return None if allowed else "glass-not-for-this-plan"


def evidence_of(read: Read, policy: Policy) -> MoveEvidence | None:
    """What kind of evidence of a move an event is, by its type's rule."""
    try:
        return policy.rule(read.type).move_evidence
    except NoRuleError:
        return None


def glass_in(read: Read, record: Iterable[Read], on: date, *, vouched: bool) -> Glass | None:
    """What a break-glass event says, beside what our own record says; None for any other event."""
    if read.type != GLASS_BROKEN:
        return None
    details = read.document["details"]
    return Glass(
        handover=str(details.get("handover_ref")),
        to_area=str(details.get("to_area")),
        by=read.author,
        live=live_in(record, on, not_by=read.author),
        vouched=vouched,
    )
