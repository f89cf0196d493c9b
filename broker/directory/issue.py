"""The one who changes the directory: decides by ``changes``, has the roots sign, keeps it, hands it out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from broker.bus.render import render
from broker.clock import Entropy
from broker.crypto.certificates import issue as issue_certificate
from broker.crypto.certificates import make_authority
from broker.crypto.directories import Refuse, judge_directory
from broker.crypto.keyring import new_keys, save_key
from broker.crypto.keys import SigningKey
from broker.crypto.storage import make_private_folder
from broker.directory import changes
from broker.directory.differences import differences
from broker.directory.duties import AreaCalendar
from broker.directory.errors import AlreadyThereError, ChangeRefusedError
from broker.directory.files import keep, locked, read_current, read_current_bytes
from broker.directory.homes import (
    add_keys,
    hand_out,
    make_access,
    make_log_home,
    make_member_home,
    make_router_home,
    make_shared_secret,
    make_standby_home,
)
from broker.directory.inventory import inventory_of
from broker.directory.layout import Layout
from broker.directory.publishing import Lifetimes, log_entry, published_kem, published_sign, root_set
from broker.directory.roots import load_roots, make_roots, sign_with_roots
from broker.durable import write_whole
from schemas.base import Line
from schemas.codes.cases import ClockStart
from schemas.codes.members import MemberKind
from schemas.directory import AreaEntry, Directory, Governance, RouterEntry
from schemas.ids import GssCode, KeyId, MemberId, UnitId
from schemas.members import Algorithm, DutyContact, KeyUse, Member, PublishedKey, Unit
from schemas.policy import Policy
from schemas.wire import Kem

UNSIGNED = "none: not for real people's data"
"""Stands where a reference to an impact assessment or agreement is missing."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that is signed, kept and handed out."""

    directory: Directory
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """What an operator says of a member that is to join."""

    kind: MemberKind
    name: str
    areas: tuple[AreaEntry, ...]
    front_door: bool = False
    p256: bool = False
    dpia_reference: str = UNSIGNED
    sharing_agreement: str = UNSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Changes the directory of one exchange. One change at a time; each is whole or did not happen."""

    layout: Layout
    now: datetime
    entropy: Entropy
    passphrase: str | None = None
    """Of the roots' keys."""
    life: Lifetimes = field(default_factory=Lifetimes)

    def init(self, policy: Policy, governance: Governance, *, roots: int, threshold: int) -> Changed:
        """Make an exchange without members.

        Raises:
            AlreadyThereError: there is one.
            ChangeRefusedError: more signatures asked for than roots.
        """
        if not 1 <= threshold <= roots:
            raise ChangeRefusedError(f"{threshold} signatures of {roots} roots are impossible")
        make_private_folder(self.layout.data)
        with locked(self.layout):
            if self.layout.current.exists() or self.layout.roots.exists():
                raise AlreadyThereError(f"{self.layout.directory} holds a directory already")
            keys = make_roots(self.layout.roots, roots, entropy=self.entropy, passphrase=self.passphrase)
            make_shared_secret(self.layout, self.entropy)
            self._make_bus()
            first = self._first(keys, threshold, policy, governance)
            return self._put_in_force(None, first)

    def add_member(self, new: NewMember) -> tuple[Changed, MemberId]:
        """Admit a member and make its home on this machine.

        Raises:
            ChangeRefusedError: the area has a front door, or the like.
        """
        with locked(self.layout):
            current = read_current(self.layout)
            self._refuse_early(current, new)
            member_id = MemberId.new(self.entropy)
            sign, kem, user = make_member_home(
                self.layout, member_id, Kem.P256 if new.p256 else Kem.MLKEM768_X25519, self.now, self.entropy
            )
            member = Member(
                id=member_id,
                kind=new.kind,
                name=new.name,
                areas=tuple(area.gss for area in new.areas),
                front_door=new.front_door,
                keys=(
                    published_sign(sign, member_id, self.now, self.life.sign),
                    published_kem(kem, member_id, self.now, self.life.kem),
                ),
                nats_user=user.public,
                dpia_reference=new.dpia_reference,
                sharing_agreement=new.sharing_agreement,
                joined_on=self.now.date(),
            )
            changed = changes.with_member(current, member, new.areas, self.now, self.life)
            return self._put_in_force(current, changed), member_id

    def add_unit(self, member_id: str, name: str, areas: tuple[GssCode, ...]) -> tuple[Changed, UnitId]:
        """Give a member on this machine a unit with a key of its own, for some of its areas.

        Raises:
            ChangeRefusedError: no such member here, or it does not serve these areas.
        """
        _require_line(name)
        with locked(self.layout):
            current = read_current(self.layout)
            member, keys = self._here(current, member_id)
            unit = Unit(id=UnitId.new(self.entropy), name=name, areas=areas)
            fresh = self._unit_key(member, keys, unit.id)
            changed = changes.with_unit(current, member_id, unit, fresh, self.now, self.life)
            return self._put_in_force(current, changed), unit.id

    def set_endorsers(self, members: tuple[MemberId, ...], threshold: int) -> Changed:
        """Name the protection endorsers; raises ChangeRefusedError."""
        return self._change(lambda now: changes.with_endorsers(now, members, threshold, self.now, self.life))

    def set_standby(self, member_id: str, folder: Path) -> Changed:
        """Make the home of a front door's standby in ``folder``, or bring it up to date with new keys.

        Raises:
            ChangeRefusedError: no front door of that id on this machine.
        """
        with locked(self.layout):
            current = read_current(self.layout)
            member, keys = self._here(current, member_id)
            if not member.front_door:
                raise ChangeRefusedError(f"member {member_id} is no front door: nobody orders anything of it")
            user = make_standby_home(keys.parent, folder, self.layout.tls, self.now, self.entropy)
            if user == member.standby_user:
                return Changed(current, ())
            changed = changes.with_standby(current, member_id, user, self.now, self.life)
            return self._put_in_force(current, changed)

    def remove_standby(self, member_id: str) -> Changed:
        """Let a front door's standby sign in no more; raises ChangeRefusedError."""
        return self._change(lambda now: changes.with_standby(now, member_id, None, self.now, self.life))

    def _unit_key(self, member: Member, keys: Path, unit: UnitId) -> PublishedKey:
        _, receive = new_keys(_kem_of(member.keys), self.entropy)
        save_key(keys, receive, entropy=self.entropy)
        return published_kem(receive, member.id, self.now, self.life.kem, unit=unit)

    def _here(self, current: Directory, member_id: str) -> tuple[Member, Path]:
        member = changes.taking_part(current, member_id)
        home = self.layout.home(member.id)
        if not home.is_dir():
            raise ChangeRefusedError(f"the home of member {member_id} is not on this machine")
        return member, home / "keys"

    def rotate_member(self, member_id: str) -> Changed:
        """Give a member on this machine new keys; raises ChangeRefusedError for one that is not here or has left."""
        with locked(self.layout):
            current = read_current(self.layout)
            member, keys = self._here(current, member_id)
            sign, kem = add_keys(keys, _kem_of(member.keys), self.entropy)
            fresh = (
                published_sign(sign, member.id, self.now, self.life.sign),
                published_kem(kem, member.id, self.now, self.life.kem),
                *(self._unit_key(member, keys, unit.id) for unit in member.units),
            )
            changed = changes.with_rotated_member(current, member_id, fresh, self.now, self.life)
            return self._put_in_force(current, changed)

    def rotate_router(self) -> Changed:
        """Give the router new keys."""
        with locked(self.layout):
            current = read_current(self.layout)
            sign, kem = add_keys(self.layout.router / "keys", Kem.MLKEM768_X25519, self.entropy)
            changed = changes.with_rotated_router(
                current,
                published_sign(sign, "router", self.now, self.life.sign),
                published_kem(kem, "router", self.now, self.life.kem),
                self.now,
                self.life,
            )
            return self._put_in_force(current, changed)

    def add_log(self) -> Changed:
        """Give an exchange from before there was a log its audit service. Raises ChangeRefusedError where it has one."""
        with locked(self.layout):
            current = read_current(self.layout)
            if current.log is not None:
                raise ChangeRefusedError(
                    f"this exchange has a log, {current.log.origin}; its key never changes"
                )
            log = log_entry(make_log_home(self.layout, self.now, self.entropy))
            changed = changes.next_version(current, self.now, self.life, log=log)
            return self._put_in_force(current, changed)

    def rotate_roots(self, *, roots: int, threshold: int) -> Changed:
        """Make new roots; enough of the old ones sign them in. The old keys stay in the folder, unused."""
        if not 1 <= threshold <= roots:
            raise ChangeRefusedError(f"{threshold} signatures of {roots} roots are impossible")
        with locked(self.layout):
            current = read_current(self.layout)
            folder = self.layout.roots / f"from-{current.version + 1:06}"
            fresh = make_roots(folder, roots, entropy=self.entropy, passphrase=self.passphrase)
            changed = changes.with_roots(current, root_set(fresh, threshold), self.now, self.life)
            return self._put_in_force(current, changed)

    def revoke_key(self, key_id: KeyId, reason: str) -> Changed:
        """Revoke a key at once; raises ChangeRefusedError."""
        return self._change(lambda now: changes.with_revoked_key(now, key_id, reason, self.now, self.life))

    def revoke_member(self, member_id: str, reason: str) -> Changed:
        """Put a member out at once; raises ChangeRefusedError."""
        return self._change(
            lambda now: changes.with_revoked_member(now, member_id, reason, self.now, self.life)
        )

    def set_clock(self, gss: str, start: ClockStart) -> Changed:
        """Say which moment starts an area's own clock; raises ChangeRefusedError."""
        return self._change(lambda now: changes.with_clock(now, gss, start, self.now, self.life))

    def set_calendar(self, gss: str, calendar: AreaCalendar) -> Changed:
        """Publish an area's school terms, local clocks and numbers for cues; raises ChangeRefusedError."""
        return self._change(lambda now: changes.with_calendar(now, gss, calendar, self.now, self.life))

    def set_contacts(self, member_id: str, contacts: tuple[DutyContact, ...]) -> Changed:
        """Publish whom to reach at a member; raises ChangeRefusedError."""
        return self._change(lambda now: changes.with_contacts(now, member_id, contacts, self.now, self.life))

    def adopt_policy(self, policy: Policy) -> Changed:
        """Put another sharing policy in force."""
        return self._change(lambda now: changes.with_policy(now, policy, self.now, self.life))

    def sign_again(self) -> Changed:
        """Sign the same content anew, before it expires."""
        return self._change(lambda now: changes.next_version(now, self.now, self.life))

    def settle(self) -> None:
        """Give every home, and the bus's configuration, the directory in use. Safe to repeat after a crash."""
        signed = read_current_bytes(self.layout)
        directory = read_current(self.layout)
        hand_out(self.layout, directory, signed)
        write_whole(self.layout.configuration, render(inventory_of(directory, self.layout)).encode())

    def _change(self, decide: Callable[[Directory], Directory]) -> Changed:
        with locked(self.layout):
            current = read_current(self.layout)
            return self._put_in_force(current, decide(current))

    def _put_in_force(self, current: Directory | None, changed: Directory) -> Changed:
        signed = sign_with_roots(changed, current, _roots_below(self.layout, self.passphrase))
        judgement = judge_directory(signed.to_bytes(), current, changed.roots, self.now)
        if isinstance(judgement, Refuse):
            raise ChangeRefusedError(f"{judgement.code}: {judgement.sentence}")
        lines = differences(current, changed)
        # A crash before this line: keys in a home that no directory names; harmless.
        keep(self.layout, signed, changed.version, lines, self.now)
        # A crash here: homes and bus are one version behind until the next change or 'handrail directory apply'.
        self.settle()
        return Changed(changed, lines)

    def _make_bus(self) -> None:
        make_private_folder(self.layout.nats)
        make_authority(self.layout.tls, "Handrail bus", self.now)
        issue_certificate(self.layout.tls, self.layout.tls, "localhost", self.now, server=True)
        make_access(self.layout.admin, self.layout.tls, "admin", self.now, self.entropy)
        make_access(self.layout.system, self.layout.tls, "system", self.now, self.entropy)

    def _first(
        self, keys: tuple[SigningKey, ...], threshold: int, policy: Policy, governance: Governance
    ) -> Directory:
        sign, kem = make_router_home(self.layout, self.now, self.entropy)
        log = make_log_home(self.layout, self.now, self.entropy)
        return Directory(
            version=1,
            issued_at=self.now,
            expires_at=self.now + self.life.directory,
            previous=None,
            governance=governance,
            roots=root_set(keys, threshold),
            router=RouterEntry(
                sign_keys=(published_sign(sign, "router", self.now, self.life.sign),),
                kem_keys=(published_kem(kem, "router", self.now, self.life.kem),),
            ),
            log=log_entry(log),
            policy=policy,
        )

    def _refuse_early(self, current: Directory, new: NewMember) -> None:
        """Before any key is made: what the directory as a whole would refuse as well."""
        for text in (new.name, new.dpia_reference, new.sharing_agreement):
            _require_line(text)
        if not new.areas:
            raise ChangeRefusedError("a member serves at least one area")
        if new.front_door and new.kind is not MemberKind.SOCIAL_CARE:
            raise ChangeRefusedError("only children's social care can be a front door")
        taken: list[GssCode] = [area.gss for area in new.areas if current.front_door(area.gss)]
        if new.front_door and taken:
            raise ChangeRefusedError(f"area {taken[0]} has a front door already")


def _kem_of(keys: tuple[PublishedKey, ...]) -> Kem:
    kems = [key for key in keys if key.use is KeyUse.KEM]
    newest = max(kems, key=lambda key: key.not_before)
    return Kem.P256 if newest.algorithm is Algorithm.P256 else Kem.MLKEM768_X25519


def _require_line(text: str) -> None:
    try:
        TypeAdapter(Line).validate_python(text)
    except ValidationError as error:
        raise ChangeRefusedError("a name or reference must be one line of at most 300 characters") from error


def _roots_below(layout: Layout, passphrase: str | None) -> tuple[SigningKey, ...]:
    found = [*load_roots(layout.roots, passphrase=passphrase)]
    for folder in sorted(layout.roots.glob("from-*")):
        found.extend(load_roots(folder, passphrase=passphrase))
    return tuple(found)


def soon(directory: Directory, now: datetime, within: timedelta = timedelta(days=14)) -> tuple[str, ...]:
    """What needs an operator before long: the directory or a member's only key is about to expire."""
    lines = [
        f"keys of {member.id} expire soon: run 'handrail directory rotate --member {member.id}'"
        for member in directory.members
        if member.active() and not (member.sign_key(now + within) and member.kem_key(now + within))
    ]
    if not (directory.router.sign_key(now + within) and directory.router.kem_key(now + within)):
        lines.append("keys of the router expire soon: run 'handrail directory rotate --router'")
    if directory.expires_at <= now + within:
        lines.append(
            f"the directory expires on {directory.expires_at:%Y-%m-%d}: run 'handrail directory sign'"
        )
    return tuple(lines)
