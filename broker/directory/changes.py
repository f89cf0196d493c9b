"""Every change of the directory as a function from one version to the next. Pure: no keys, files or clocks."""

from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from broker.directory.duties import AreaCalendar
from broker.directory.errors import ChangeRefusedError
from broker.directory.publishing import Lifetimes
from schemas.codes.cases import ClockStart
from schemas.directory import OLDER_VERSION_GOOD_FOR, AreaEntry, Directory, PastVersion, digest_of
from schemas.ids import MemberId
from schemas.members import DutyContact, KeyUse, Member, PublishedKey, RootSet, RouterEntry, Unit
from schemas.policy import Policy

_REMEMBERED: Final = OLDER_VERSION_GOOD_FOR + timedelta(days=5)


def next_version(current: Directory, now: datetime, life: Lifetimes, **changes: Any) -> Directory:
    """The version after ``current`` with those fields changed, checked as a whole.

    Raises:
        ChangeRefusedError: the outcome would contradict itself.
    """
    past = (*current.past, PastVersion(version=current.version, superseded_at=now))
    fields: dict[str, Any] = {name: getattr(current, name) for name in Directory.model_fields}
    fields |= {
        "version": current.version + 1,
        "previous": digest_of(current.to_bytes()).hex(),
        "issued_at": now,
        "expires_at": now + life.directory,
        "past": tuple(entry for entry in past if entry.superseded_at > now - _REMEMBERED),
    }
    try:
        return Directory(**(fields | changes))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ChangeRefusedError(f"the directory {first['msg']}") from error


def with_member(
    current: Directory, member: Member, areas: tuple[AreaEntry, ...], now: datetime, life: Lifetimes
) -> Directory:
    """Admit a member, and the areas that it brings.

    Raises:
        ChangeRefusedError: an id, key or front door would be there twice.
    """
    known = {area.gss for area in current.areas}
    fresh = tuple(area for area in areas if area.gss not in known)
    return next_version(
        current, now, life, members=(*current.members, member), areas=(*current.areas, *fresh)
    )


def with_rotated_member(
    current: Directory, member_id: str, fresh: tuple[PublishedKey, ...], now: datetime, life: Lifetimes
) -> Directory:
    """Give a member new keys; its old ones stay good for the overlap.

    Raises:
        ChangeRefusedError: no such member, or it has left.
    """
    member = taking_part(current, member_id)
    keys = (*(_ending(key, now + life.overlap) for key in member.keys), *fresh)
    return _replacing(current, member, now, life, keys=keys)


def with_rotated_router(
    current: Directory, sign: PublishedKey, kem: PublishedKey, now: datetime, life: Lifetimes
) -> Directory:
    """Give the router new keys; its old ones stay good for the overlap."""
    until = now + life.overlap
    router = RouterEntry(
        sign_keys=(*(_ending(key, until) for key in current.router.sign_keys), sign),
        kem_keys=(*(_ending(key, until) for key in current.router.kem_keys), kem),
    )
    return next_version(current, now, life, router=router)


def with_revoked_key(
    current: Directory, key_id: str, reason: str, now: datetime, life: Lifetimes
) -> Directory:
    """Revoke one key of a member or of the router, at once.

    Raises:
        ChangeRefusedError: no such key, or it is revoked already.
    """
    key = current.key(key_id)
    if key is None:
        raise ChangeRefusedError(f"no key {key_id} was ever published")
    if key.revoked_at is not None:
        raise ChangeRefusedError(f"key {key_id} was revoked at {key.revoked_at:%Y-%m-%d %H:%M} UTC")
    member = current.member(key.owner)
    if member is not None:
        keys = tuple(_revoked(each, now, reason) if each == key else each for each in member.keys)
        return _replacing(current, member, now, life, keys=keys)
    held = current.router
    router = RouterEntry(
        sign_keys=tuple(_revoked(each, now, reason) if each == key else each for each in held.sign_keys),
        kem_keys=tuple(_revoked(each, now, reason) if each == key else each for each in held.kem_keys),
    )
    return next_version(current, now, life, router=router)


def with_revoked_member(
    current: Directory, member_id: str, reason: str, now: datetime, life: Lifetimes
) -> Directory:
    """Put a member out, at once, with all its keys.

    Raises:
        ChangeRefusedError: no such member, or it has left.
    """
    member = taking_part(current, member_id)
    keys = tuple(key if key.revoked_at is not None else _revoked(key, now, reason) for key in member.keys)
    return _replacing(current, member, now, life, keys=keys, left_on=now.date(), left_because=reason)


def with_roots(current: Directory, roots: RootSet, now: datetime, life: Lifetimes) -> Directory:
    """Name other roots. Enough of the old and of the new ones have to sign it."""
    return next_version(current, now, life, roots=roots)


def with_clock(current: Directory, gss: str, start: ClockStart, now: datetime, life: Lifetimes) -> Directory:
    """Let an area's own clock start at another moment.

    Raises:
        ChangeRefusedError: no member serves the area.
    """
    if current.area(gss) is None:
        raise ChangeRefusedError(f"no member serves an area {gss}")
    areas = tuple(
        area.model_copy(update={"clock_start": start}) if area.gss == gss else area for area in current.areas
    )
    return next_version(current, now, life, areas=areas)


def with_calendar(
    current: Directory,
    gss: str,
    calendar: AreaCalendar,
    now: datetime,
    life: Lifetimes,
) -> Directory:
    """Publish an area's school terms, which of the policy's local clocks it keeps, and its own numbers for cues.

    Raises:
        ChangeRefusedError: no member serves the area, or the policy has no such local clock or cue.
    """
    if current.area(gss) is None:
        raise ChangeRefusedError(f"no member serves an area {gss}")
    policy = current.policy
    unknown = sorted(set(calendar.local_clocks) - {clock.key for clock in policy.clocks if clock.local})
    if unknown:
        raise ChangeRefusedError(f"the policy has no local clock {', '.join(unknown)}")
    known = set() if policy.cues is None else {cue.key for cue in policy.cues.rules}
    strange = sorted({cue.key for cue in calendar.cues} - known)
    if strange:
        raise ChangeRefusedError(f"the policy has no cue {', '.join(strange)}")
    changed = {"terms": calendar.terms, "local_clocks": calendar.local_clocks, "cues": calendar.cues}
    areas = tuple(area.model_copy(update=changed) if area.gss == gss else area for area in current.areas)
    return next_version(current, now, life, areas=areas)


def with_contacts(
    current: Directory, member_id: str, contacts: tuple[DutyContact, ...], now: datetime, life: Lifetimes
) -> Directory:
    """Publish whom to reach at a member, by hour and rung.

    Raises:
        ChangeRefusedError: no such member, or it has left.
    """
    member = taking_part(current, member_id)
    return _replacing(current, member, now, life, duty_contacts=contacts)


def with_standby(
    current: Directory, member_id: str, user: str | None, now: datetime, life: Lifetimes
) -> Directory:
    """Give a front door a standby that signs in to the bus as ``user``; None: take it away.

    Raises:
        ChangeRefusedError: no such member, or it is no front door.
    """
    return _replacing(current, taking_part(current, member_id), now, life, standby_user=user)


def with_unit(
    current: Directory, member_id: str, unit: Unit, key: PublishedKey, now: datetime, life: Lifetimes
) -> Directory:
    """Give a member a unit with a key of its own for some of its areas.

    Raises:
        ChangeRefusedError: no such member, or it serves none of these areas.
    """
    member = taking_part(current, member_id)
    if not set(unit.areas) or not set(unit.areas) <= set(member.areas):
        raise ChangeRefusedError(f"member {member_id} does not serve all areas of that unit")
    return _replacing(current, member, now, life, units=(*member.units, unit), keys=(*member.keys, key))


def with_endorsers(
    current: Directory, members: tuple[MemberId, ...], threshold: int, now: datetime, life: Lifetimes
) -> Directory:
    """Name the protection endorsers, and how many of them it takes.

    Raises:
        ChangeRefusedError: one is no member, or so many can never be.
    """
    for member_id in members:
        taking_part(current, member_id)
    return next_version(current, now, life, endorsers=members, endorser_threshold=threshold)


def with_policy(current: Directory, policy: Policy, now: datetime, life: Lifetimes) -> Directory:
    """Put another sharing policy in force."""
    return next_version(current, now, life, policy=policy)


def live_keys(member: Member, at: datetime) -> tuple[PublishedKey, ...]:
    """A member's keys that are good at that moment, signing keys first."""
    return tuple(
        sorted(
            (key for key in member.keys if key.usable(at)),
            key=lambda key: (key.use is not KeyUse.SIGN, key.not_before, key.key_id),
        )
    )


def taking_part(current: Directory, member_id: str) -> Member:
    """A member that has not left; raises ChangeRefusedError."""
    member = current.member(member_id)
    if member is None:
        raise ChangeRefusedError(f"there is no member {member_id}")
    if member.left_on is not None:
        raise ChangeRefusedError(f"member {member_id} left on {member.left_on}")
    return member


def _replacing(
    current: Directory, member: Member, now: datetime, life: Lifetimes, **changes: Any
) -> Directory:
    fields = {name: getattr(member, name) for name in Member.model_fields}
    changed = Member(**(fields | changes))
    members = tuple(changed if each.id == member.id else each for each in current.members)
    return next_version(current, now, life, members=members)


def _ending(key: PublishedKey, until: datetime) -> PublishedKey:
    return key.model_copy(update={"not_after": until}) if key.not_before < until < key.not_after else key


def _revoked(key: PublishedKey, now: datetime, reason: str) -> PublishedKey:
    return key.model_copy(update={"revoked_at": now, "revoked_because": reason})
