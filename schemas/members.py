"""Members of the exchange, the router and the roots, with their keys and between when these are good.

The parts of a directory; ``schemas.directory`` puts them together.
"""

import base64
import binascii
from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.base import AwareDatetime, Date, Line, Wire
from schemas.codes.members import MemberKind
from schemas.ids import GssCode, KeyId, MemberId, UnitId

MAX_ROOTS: Final = 16
ROUTER: Final = "router"


def _read_octets(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PydanticCustomError("base64", "is not base64") from error


def _write_octets(value: bytes) -> str:
    return base64.b64encode(value).decode()


Octets = Annotated[
    bytes, BeforeValidator(_read_octets), PlainSerializer(_write_octets, return_type=str, when_used="json")
]
"""Bytes; in JSON as base64."""
NatsUser = Annotated[str, StringConstraints(pattern=r"^U[A-Z2-7]{55}$")]


def broken(rule: str, why: str) -> PydanticCustomError:
    """The error of a rule of the directory."""
    return PydanticCustomError(rule, "{why}", {"why": why})


class KeyUse(StrEnum):
    """What a key is for."""

    SIGN = "sign"
    KEM = "kem"


class Algorithm(StrEnum):
    """What a key computes."""

    ED25519 = "ed25519"
    HYBRID = "mlkem768-x25519"
    P256 = "p256"


class PublishedKey(Wire):
    """A public key, whose it is, what for, and between when."""

    key_id: KeyId
    owner: MemberId | Literal["router"]
    unit: UnitId | None = None
    use: KeyUse
    algorithm: Algorithm
    public: Octets
    not_before: AwareDatetime
    not_after: AwareDatetime
    """From then on nothing new is signed by it or sealed to it."""
    revoked_at: AwareDatetime | None = None
    revoked_because: Line | None = None

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if self.key_id != KeyId.of(self.public):
            raise broken("key-id", "has a key id that is not its fingerprint")
        if (self.use is KeyUse.SIGN) != (self.algorithm is Algorithm.ED25519):
            raise broken("key-use", "has a use that its algorithm is not for")
        if self.not_before >= self.not_after:
            raise broken("key-times", "ends before it begins")
        return self

    def usable(self, at: datetime) -> bool:
        """Whether it was good at that moment; a revocation counts from its own time."""
        return self.not_before <= at < self.not_after and (self.revoked_at is None or at < self.revoked_at)


class RootKey(Wire):
    """An Ed25519 key that signs directories."""

    key_id: KeyId
    public: Octets

    @model_validator(mode="after")
    def _is_what_it_says(self) -> Self:
        if self.key_id != KeyId.of(self.public):
            raise broken("key-id", "has a key id that is not its fingerprint")
        return self


class RootSet(Wire):
    """Who signs directories, and how many of them it takes."""

    threshold: int = Field(ge=1)
    keys: tuple[RootKey, ...] = Field(min_length=1, max_length=MAX_ROOTS)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if len({key.key_id for key in self.keys}) != len(self.keys):
            raise broken("root-twice", "names a root twice")
        if self.threshold > len(self.keys):
            raise broken("threshold", "asks for more signatures than there are roots")
        return self

    def public_of(self, key_id: str) -> bytes | None:
        """The public bytes of a root, or None."""
        return next((key.public for key in self.keys if key.key_id == key_id), None)


class DutyContact(Wire):
    """Whom to reach at a member: in which hours, on which rung of the ladder, by role and not by name."""

    hours: Literal["day", "night", "holiday"]
    rung: Literal["worker", "team_manager", "service_manager", "head_of_service"]
    role: Line
    contact: Line


class Unit(Wire):
    """A part of a member with keys and staff of its own, such as a force's team for one area."""

    id: UnitId
    name: Line
    areas: tuple[GssCode, ...] = ()


class Member(Wire):
    """An organisation in the exchange."""

    id: MemberId
    kind: MemberKind
    name: Line
    legal_entity: Line | None = None
    areas: tuple[GssCode, ...] = Field(min_length=1)
    front_door: bool = False
    units: tuple[Unit, ...] = ()
    keys: tuple[PublishedKey, ...]
    nats_user: NatsUser
    """Public key of the member's user on the bus."""
    standby_user: NatsUser | None = None
    """Public key of the bus user of a front door's standby gateway; None: it has none."""
    duty_contacts: tuple[DutyContact, ...] = ()
    data_protection_contact: Line | None = None
    dpia_reference: Line
    """Where the member's impact assessment is kept."""
    sharing_agreement: Line
    """Which information-sharing agreement it signed."""
    joined_on: Date
    left_on: Date | None = None
    left_because: Line | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if any(key.owner != self.id for key in self.keys):
            raise broken("key-owner", f"{self.id} lists a key that is not its own")
        if self.front_door and self.kind is not MemberKind.SOCIAL_CARE:
            raise broken("front-door", f"{self.id} is a front door and not children's social care")
        if self.standby_user is not None and not self.front_door:
            raise broken("standby", f"{self.id} has a standby and is not a front door")
        if not {key.unit for key in self.keys} - {None} <= {unit.id for unit in self.units}:
            raise broken("key-unit", f"{self.id} lists a key of a unit that it does not have")
        return self

    @cached_property
    def acting_areas(self) -> frozenset[GssCode]:
        """The areas that it may act for."""
        return frozenset(self.areas).union(*(unit.areas for unit in self.units))

    @property
    def bus_users(self) -> tuple[NatsUser, ...]:
        """Its users on the bus: its gateway's, and its standby's if it has one."""
        return (self.nats_user,) if self.standby_user is None else (self.nats_user, self.standby_user)

    def active(self, on: date | None = None) -> bool:
        """Whether it takes part that day; without a day, whether no leaving date is set."""
        if on is None:
            return self.left_on is None
        return self.joined_on <= on and (self.left_on is None or on < self.left_on)

    def sign_key(self, at: datetime) -> PublishedKey | None:
        """The newest usable signing key, or None."""
        return newest(self.keys, KeyUse.SIGN, at)

    def kem_key(self, at: datetime) -> PublishedKey | None:
        """The newest usable key to seal to that is no unit's own, or None."""
        return newest(tuple(key for key in self.keys if key.unit is None), KeyUse.KEM, at)

    def unit_keys(self, areas: Collection[str], at: datetime) -> tuple[PublishedKey, ...]:
        """The newest usable key to seal to of each unit that serves one of these areas."""
        found = (
            newest(tuple(key for key in self.keys if key.unit == unit.id), KeyUse.KEM, at)
            for unit in self.units
            if not set(areas).isdisjoint(unit.areas)
        )
        return tuple(key for key in found if key is not None)


def newest(keys: tuple[PublishedKey, ...], use: KeyUse, at: datetime) -> PublishedKey | None:
    """The usable key of that use that began last, or None."""
    fits = [key for key in keys if key.use is use and key.usable(at)]
    return max(fits, key=lambda key: (key.not_before, key.key_id), default=None)


class LogEntry(Wire):
    """The audit log: the name that its heads bear, and the key that signs them."""

    origin: Annotated[str, StringConstraints(pattern=r"^[a-z0-9./-]{1,100}$")]
    key: RootKey


class RouterEntry(Wire):
    """The routing service's keys: it signs notes and orders, and sensitive openings are sealed to it."""

    sign_keys: tuple[PublishedKey, ...]
    kem_keys: tuple[PublishedKey, ...]

    @model_validator(mode="after")
    def _are_its_own(self) -> Self:
        if any(key.owner != ROUTER for key in (*self.sign_keys, *self.kem_keys)):
            raise broken("key-owner", "the router lists a key that is not its own")
        return self

    def sign_key(self, at: datetime) -> PublishedKey | None:
        """The newest usable signing key, or None."""
        return newest(self.sign_keys, KeyUse.SIGN, at)

    def kem_key(self, at: datetime) -> PublishedKey | None:
        """The newest usable key to seal to, or None."""
        return newest(self.kem_keys, KeyUse.KEM, at)
