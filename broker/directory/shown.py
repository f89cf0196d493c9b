"""The directory and its policy as text for people and as values for machines."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from broker.directory.changes import live_keys
from broker.directory.issue import soon
from schemas.directory import Directory
from schemas.members import Member
from schemas.policy import Policy
from schemas.rules import TypeRule


def directory_text(directory: Directory, now: datetime) -> Iterator[str]:
    """Who takes part, with which keys, and what needs an operator before long."""
    state = "expired: no change of trust rests on it" if directory.expires_at <= now else "in force"
    yield f"Directory {directory.version}, issued {_day(directory.issued_at)}, until {_day(directory.expires_at)}, {state}"
    roots = ", ".join(key.key_id for key in directory.roots.keys)
    yield f"Signed by {directory.roots.threshold} of {len(directory.roots.keys)} roots: {roots}"
    yield f"Policy: {directory.policy.name}, adopted {directory.policy.adopted_on}, {len(directory.policy.rules)} rules"
    yield f"Impact assessment: {directory.governance.impact_assessment}"
    yield f"Sharing agreement: {directory.governance.sharing_agreement}"
    endorsers = ", ".join(directory.endorsers)
    yield (
        f"Protection endorsers: {directory.endorser_threshold} of {endorsers}"
        if endorsers
        else "Protection endorsers: none, so no history is handed on where the destination is withheld"
    )
    yield "Sealed services: not built"
    for area in directory.areas:
        yield f"Area {area.gss} {area.name}: clock from {area.clock_start.value}, shown beside notified"
    for member in directory.members:
        yield from _member_text(member, now)
    for line in soon(directory, now):
        yield f"Soon: {line}"


def _member_text(member: Member, now: datetime) -> Iterator[str]:
    door = ", front door" if member.front_door else ""
    left = f", LEFT {member.left_on}: {member.left_because}" if member.left_on else ""
    yield f"{member.id}  {member.name} ({member.kind.value}{door}) {' '.join(member.areas)}{left}"
    yield f"    impact assessment: {member.dpia_reference}; agreement: {member.sharing_agreement}"
    usable = live_keys(member, now)
    for key in usable:
        yield f"    {key.use.value} {key.key_id} {key.algorithm.value} until {_day(key.not_after)}"
    if not usable and member.left_on is None:
        yield "    no usable key: rotate"


def directory_value(directory: Directory, now: datetime) -> dict[str, Any]:
    """The same for machines; public keys are in ``directory.bin``."""
    return {
        "version": directory.version,
        "issued_at": directory.issued_at.isoformat(),
        "expires_at": directory.expires_at.isoformat(),
        "roots": {
            "threshold": directory.roots.threshold,
            "key_ids": [key.key_id for key in directory.roots.keys],
        },
        "policy": {"name": directory.policy.name, "rules": len(directory.policy.rules)},
        "areas": [area.model_dump(mode="json") for area in directory.areas],
        "members": [
            {
                "id": member.id,
                "kind": member.kind.value,
                "name": member.name,
                "areas": list(member.areas),
                "front_door": member.front_door,
                "left_on": None if member.left_on is None else member.left_on.isoformat(),
                "dpia_reference": member.dpia_reference,
                "sharing_agreement": member.sharing_agreement,
                "keys": [
                    {
                        "key_id": key.key_id,
                        "use": key.use.value,
                        "algorithm": key.algorithm.value,
                        "not_after": key.not_after.isoformat(),
                        "usable": key.usable(now),
                        "revoked_because": key.revoked_because,
                    }
                    for key in member.keys
                ],
            }
            for member in directory.members
        ],
        "soon": list(soon(directory, now)),
    }


def policy_text(policy: Policy, event_type: str | None = None) -> Iterator[str]:
    """The rules in sentences; one type's only, if named.

    Raises:
        NoRuleError: there is no rule for the type.
    """
    yield f"{policy.name}, adopted {policy.adopted_on}, in words: {policy.document}"
    if not event_type:
        yield f"bands of children's characteristics on the slips of front doors: {_bands_text(policy)}"
    for rule in (policy.rule(event_type),) if event_type else policy.rules:
        yield from _rule_text(rule)


def _bands_text(policy: Policy) -> str:
    rule = policy.board_bands
    return "boards hold none" if rule is None else f"decided {rule.decided_on}, {rule.document}"


def _rule_text(rule: TypeRule) -> Iterator[str]:
    yield f"{rule.event_type} (class {rule.event_class.name.lower()}, {rule.urgency.name} or sooner)"
    yield f"    from: {', '.join(rule.publishers)}"
    doors = ", ".join(rule.front_doors) or "none"
    yield f"    front doors of: {doors}" + ("; a person decides on others" if rule.grant_by_person else "")
    for reader in rule.readers:
        parts = ", ".join(part.name.lower() for part in reader.parts)
        yield f"    {reader.kind.value} of {', '.join(reader.areas)} reads {parts}: {reader.why}"
    yield f"    if involved and confirmed: {', '.join(rule.admits) or 'nobody'}"
    later = f", later {rule.basis_when_commenced.value}" if rule.basis_when_commenced else ""
    yield f"    purpose {rule.purpose.value}; basis {rule.basis.value}{later}; passing on: {rule.onward.value}"
    since = f"; duty in force from {rule.in_force_from}" if rule.in_force_from else ""
    yield f"    source: {', '.join(rule.source)}{since}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
