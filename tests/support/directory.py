"""A directory with real keys: two front doors, a health provider, a school, police and a board. All fictitious."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import nkeys

from broker.crypto.keys import KemKey, SigningKey
from broker.directory.publishing import Lifetimes, published_kem, published_sign, root_set
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import AreaEntry, Directory, Governance, Member, RootSet, RouterEntry
from schemas.ids import GssCode, MemberId
from schemas.policy import Policy
from schemas.wire import Kem

NOW: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CUMBERLAND: Final = GssCode("E06000063")
WESTMORLAND: Final = GssCode("E06000064")
AREAS: Final = (CUMBERLAND, WESTMORLAND)


@dataclass(frozen=True, slots=True)
class Seat:
    """One member with its private keys."""

    member: Member
    sign: SigningKey
    kem: KemKey
    nats_seed: bytes

    @property
    def id(self) -> MemberId:
        """The member's id."""
        return self.member.id


@dataclass(frozen=True, slots=True)
class World:
    """A directory and every private key behind it. ``seats`` by the names below, such as ``cumberland``."""

    directory: Directory
    seats: Mapping[str, Seat]
    router_sign: SigningKey
    router_kem: KemKey
    roots: tuple[SigningKey, ...]
    token_secret: bytes

    @property
    def root_set(self) -> RootSet:
        """The roots as the directory names them."""
        return self.directory.roots

    def __getitem__(self, name: str) -> Seat:
        """A seat by its name."""
        return self.seats[name]

    def public_of(self, key_id: str) -> bytes | None:
        """The public bytes of any published key."""
        return self.directory.public_of(key_id)

    def having(self, **changes: object) -> "World":
        """The same world with other values in its directory, checked again."""
        whole = {name: getattr(self.directory, name) for name in Directory.model_fields}
        return replace(self, directory=Directory(**(whole | changes)))

    def having_member(self, name: str, **changes: object) -> "World":
        """The same world with one member changed, checked again."""
        old = self.seats[name]
        whole = {field: getattr(old.member, field) for field in Member.model_fields}
        member = Member(**(whole | changes))
        members = tuple(member if each.id == member.id else each for each in self.directory.members)
        seats = {**self.seats, name: replace(old, member=member)}
        return replace(self.having(members=members), seats=seats)


SEATS: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "cumberland": (MemberKind.SOCIAL_CARE, (CUMBERLAND,)),
    "westmorland": (MemberKind.SOCIAL_CARE, (WESTMORLAND,)),
    "health": (MemberKind.HEALTH_PROVIDER, AREAS),
    "school": (MemberKind.SCHOOL, (CUMBERLAND,)),
    "education": (MemberKind.EDUCATION, (CUMBERLAND,)),
    "police": (MemberKind.POLICE, AREAS),
    "board": (MemberKind.BOARD, AREAS),
}


def a_seat(
    kind: MemberKind,
    areas: tuple[GssCode, ...],
    *,
    now: datetime = NOW,
    seed: int = 0,
    kem: Kem = Kem.MLKEM768_X25519,
    name: str = "Example member",
) -> Seat:
    """A member with fresh keys; the same ``seed`` gives the same member."""
    noise = random.Random(seed).randbytes
    member_id = MemberId.new(noise)
    sign, receive = SigningKey(noise(32)), KemKey.generate(kem, noise(32 if kem is Kem.P256 else 96))
    nats_seed = nkeys.encode_seed(noise(32), nkeys.PREFIX_BYTE_USER)
    life = Lifetimes()
    member = Member(
        id=member_id,
        kind=kind,
        name=name,
        areas=areas,
        front_door=kind is MemberKind.SOCIAL_CARE,
        keys=(
            published_sign(sign, member_id, now, life.sign),
            published_kem(receive, member_id, now, life.kem),
        ),
        nats_user=nkeys.from_seed(nats_seed).public_key.decode(),
        dpia_reference="example only",
        sharing_agreement="example only",
        joined_on=now.date(),
    )
    return Seat(member, sign, receive, nats_seed)


def a_directory(
    *,
    now: datetime = NOW,
    seed: int = 1,
    p256: frozenset[str] = frozenset(),
    policy: Policy | None = None,
    roots: int = 3,
    threshold: int = 2,
) -> World:
    """Version 1 with the members of ``SEATS``; those named in ``p256`` have P-256 keys to receive with.

    Keys are good from an hour before ``now``.
    """
    noise = random.Random(seed).randbytes
    since, life = now - timedelta(hours=1), Lifetimes()
    seats = {
        name: a_seat(
            kind,
            areas,
            now=since,
            seed=int.from_bytes(noise(6), "big"),
            kem=Kem.P256 if name in p256 else Kem.MLKEM768_X25519,
            name=f"Example {name}",
        )
        for name, (kind, areas) in SEATS.items()
    }
    root_keys = tuple(SigningKey(noise(32)) for _ in range(roots))
    router_sign, router_kem = SigningKey(noise(32)), KemKey.generate(Kem.MLKEM768_X25519, noise(96))
    directory = Directory(
        version=1,
        issued_at=since,
        expires_at=since + life.directory,
        previous=None,
        governance=Governance(
            impact_assessment="example only", policy_document="example only", sharing_agreement="example only"
        ),
        roots=root_set(root_keys, threshold),
        router=RouterEntry(
            sign_keys=(published_sign(router_sign, "router", since, life.sign),),
            kem_keys=(published_kem(router_kem, "router", since, life.kem),),
        ),
        areas=tuple(AreaEntry(gss=gss, name=f"Example {gss}") for gss in AREAS),
        members=tuple(seat.member for seat in seats.values()),
        policy=policy or default_policy(),
    )
    return World(directory, seats, router_sign, router_kem, root_keys, noise(32))
