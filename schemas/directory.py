"""The directory: who takes part, with which keys, for which areas, under which policy; signed by the roots.

A directory is canonical JSON, kept as the bytes that were signed. Shape and pure look-ups only: signing and
the judgement whether to trust one are in ``broker.crypto.directories``.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)

from schemas import canonical
from schemas.base import AwareDatetime, Date, Line, Wire
from schemas.calendars import Division, SchoolTerm
from schemas.codes.cases import ClockStart
from schemas.codes.members import MemberKind
from schemas.cues import LocalCue
from schemas.hiding import MAX_ENDORSERS
from schemas.ids import GssCode, MemberId
from schemas.members import (
    MAX_ROOTS,
    ROUTER,
    Algorithm,
    DutyContact,
    KeyUse,
    LogEntry,
    Member,
    Octets,
    PublishedKey,
    RootKey,
    RootSet,
    RouterEntry,
    Unit,
    broken,
)
from schemas.policy import Policy
from schemas.reading import MalformedMessageError, listed, octets, rows, whole

__all__ = [
    "LABEL",
    "OLDER_VERSION_GOOD_FOR",
    "ROUTER",
    "Algorithm",
    "AreaEntry",
    "Directory",
    "DutyContact",
    "Governance",
    "KeyUse",
    "LogEntry",
    "Member",
    "PastVersion",
    "PublishedKey",
    "RootKey",
    "RootSet",
    "RouterEntry",
    "SignedDirectory",
    "Standing",
    "Unit",
    "digest_of",
]

LABEL: Final = "handrail-directory"
"""What each root signs under: the label, and the SHA-256 of the document."""
FILE_VERSION: Final = 1
OLDER_VERSION_GOOD_FOR: Final = timedelta(days=40)
"""How long after being superseded a directory may still have been used to seal an event."""

Sha256Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AreaEntry(Wire):
    """An area that members serve: when it exists, what follows it, which clock and calendar it keeps."""

    gss: GssCode
    name: Line
    valid_from: Date | None = None
    valid_to: Date | None = None
    """The last day it existed."""
    successors: tuple[GssCode, ...] = ()
    clock_start: ClockStart = ClockStart.NOTIFIED
    """Which moment starts its own fifteen working days; *notified* is always shown beside it."""
    calendar: Division = Division.ENGLAND_AND_WALES
    """Whose bank holidays its working days leave out."""
    terms: tuple[SchoolTerm, ...] = Field(default=(), max_length=60)
    """School terms as the area publishes them. None: school days are not known there, and nobody guesses them."""
    local_clocks: tuple[Line, ...] = Field(default=(), max_length=60)
    """Keys of the policy's local clocks that this area keeps."""
    cues: tuple[LocalCue, ...] = Field(default=(), max_length=60)
    """Its own numbers for the policy's cues."""

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without cues where it has none of its own: an area that was signed before them stays what it is."""
        document: dict[str, Any] = handler(self)
        return {name: value for name, value in document.items() if value or name != "cues"}


class PastVersion(Wire):
    """An earlier directory, and since when there is a newer one."""

    version: int = Field(ge=1)
    superseded_at: AwareDatetime


class Governance(Wire):
    """The papers without which there is no exchange."""

    impact_assessment: Line
    policy_document: Line
    sharing_agreement: Line


class Standing(StrEnum):
    """How the directory version that an envelope names stands."""

    CURRENT = "current"
    GOOD = "good"
    """Superseded, but not for longer than forty days; revoked keys are refused all the same."""
    TOO_OLD = "too-old"
    NOT_YET_KNOWN = "not-yet-known"
    """Newer than the one at hand: fetch the directory first."""


class Directory(Wire):
    """One version of who takes part. Look-ups answer from indexes; nothing of it ever changes."""

    format: Literal["1"] = "1"
    version: int = Field(ge=1)
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    """After that no change of trust rests on it; publishing goes on."""
    previous: Sha256Hex | None
    """SHA-256 of the document before; None for the first."""
    past: tuple[PastVersion, ...] = ()
    governance: Governance
    roots: RootSet
    router: RouterEntry
    log: LogEntry | None = None
    """The audit log. None in directories from before there was one; then it is not written."""
    areas: tuple[AreaEntry, ...] = ()
    members: tuple[Member, ...] = ()
    endorsers: tuple[MemberId, ...] = Field(default=(), max_length=MAX_ENDORSERS)
    """Protection endorsers: members who vouch for a front door's one-time keys without saying whose they are (P7)."""
    endorser_threshold: int = Field(default=0, ge=0)
    """How many of them it takes."""
    sealed_services: Octets | None = None
    """Refuges and sensitive services, sealed to front doors. Not built: always None."""
    policy: Policy

    MAX_BYTES: ClassVar[int] = 900_000
    """A directory travels as one message on the bus."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.issued_at >= self.expires_at:
            raise broken("directory-times", "expires before it is issued")
        if (self.version == 1) != (self.previous is None):
            raise broken("previous", "must name the directory before it, unless it is the first")
        for what, ids in (
            ("member", [member.id for member in self.members]),
            ("key", [key.key_id for key in self.all_keys()]),
            ("area", [area.gss for area in self.areas]),
            ("bus user", [user for member in self.members for user in member.bus_users]),
        ):
            if len(set(ids)) != len(ids):
                raise broken("twice", f"lists a {what} twice")
        doors = [
            area for member in self.members if member.front_door and member.active() for area in member.areas
        ]
        if len(set(doors)) != len(doors):
            raise broken("two-front-doors", "has two front doors for one area")
        return self

    @model_validator(mode="after")
    def _endorsers_can_endorse(self) -> Self:
        known = {member.id for member in self.members}
        if len(set(self.endorsers)) != len(self.endorsers) or not known.issuperset(self.endorsers):
            raise broken("endorser", "names a protection endorser twice, or one that is no member")
        if bool(self.endorsers) != bool(self.endorser_threshold) or self.endorser_threshold > len(
            self.endorsers
        ):
            raise broken("endorser-threshold", "asks for more endorsements than there are endorsers, or none")
        return self

    def endorser_keys(self, at: datetime) -> dict[str, str]:
        """The signing keys that protection endorsers can use at that moment, each with its owner."""
        return {
            key.key_id: member.id
            for member in (self.member(one) for one in self.endorsers)
            if member is not None and member.active(at.date())
            for key in member.keys
            if key.use is KeyUse.SIGN and key.usable(at)
        }

    def all_keys(self) -> Iterator[PublishedKey]:
        """Every key of every member and of the router, old ones too."""
        yield from self.router.sign_keys
        yield from self.router.kem_keys
        for member in self.members:
            yield from member.keys

    @cached_property
    def _members(self) -> dict[str, Member]:
        return {member.id: member for member in self.members}

    @cached_property
    def _keys(self) -> dict[str, PublishedKey]:
        return {key.key_id: key for key in self.all_keys()}

    @cached_property
    def _areas(self) -> dict[str, AreaEntry]:
        return {area.gss: area for area in self.areas}

    @cached_property
    def _serving(self) -> dict[tuple[str, MemberKind], tuple[Member, ...]]:
        found: dict[tuple[str, MemberKind], tuple[Member, ...]] = {}
        for member in self.members:
            for area in sorted(member.acting_areas):
                found[area, member.kind] = (*found.get((area, member.kind), ()), member)
        return found

    @cached_property
    def _doors(self) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        for member in self.members:
            if member.front_door and member.kind is MemberKind.SOCIAL_CARE:
                for area in member.areas:
                    found.setdefault(area, []).append(member)
        return found

    def member(self, member_id: str) -> Member | None:
        """A member by its id, also one that has left; None if there never was one."""
        return self._members.get(member_id)

    def key(self, key_id: str) -> PublishedKey | None:
        """A key by its id, whether usable or not; None if it was never published."""
        return self._keys.get(key_id)

    def public_of(self, key_id: str) -> bytes | None:
        """The public bytes of a key, or None; says nothing about whether it is still good."""
        key = self._keys.get(key_id)
        return None if key is None else key.public

    def members_serving(self, area: str, kind: MemberKind, *, on: date | None = None) -> tuple[Member, ...]:
        """The members of a kind that serve an area and take part that day (no day: have no leaving date)."""
        return tuple(member for member in self._serving.get((area, kind), ()) if member.active(on))

    def front_door(self, area: str, *, on: date | None = None) -> Member | None:
        """The member that answers for exactly this area; successors and upper tiers are the caller's to resolve."""
        return next((member for member in self._doors.get(area, ()) if member.active(on)), None)

    def boards(self, area: str, *, on: date | None = None) -> tuple[Member, ...]:
        """The safeguarding partnerships of an area."""
        return self.members_serving(area, MemberKind.BOARD, on=on)

    def area(self, gss: str) -> AreaEntry | None:
        """What the directory says about an area, or None."""
        return self._areas.get(gss)

    def names(self) -> dict[str, str]:
        """What areas and members are called, by code and id."""
        return {str(area.gss): area.name for area in self.areas} | {
            str(member.id): member.name for member in self.members
        }

    def standing_of(self, version: int, at: datetime) -> Standing:
        """How an envelope stands that was sealed by directory ``version``, judged at ``at`` by this one."""
        if version == self.version:
            return Standing.CURRENT
        if version > self.version:
            return Standing.NOT_YET_KNOWN
        for past in self.past:
            if past.version == version:
                fresh = at <= past.superseded_at + OLDER_VERSION_GOOD_FOR
                return Standing.GOOD if fresh else Standing.TOO_OLD
        return Standing.TOO_OLD

    def to_bytes(self) -> bytes:
        """The document: JSON with sorted keys, no blanks, UTF-8."""
        document = self.model_dump(mode="json")
        if self.log is None:
            # As directories were written before there was a log: their signed bytes must stay what they are.
            del document["log"]
        for member in document["members"]:
            if member["standby_user"] is None:
                # The same for members without a standby.
                del member["standby_user"]
        return _canonical_json(document)

    @staticmethod
    def from_bytes(document: bytes) -> "Directory":
        """Read a document.

        Raises:
            MalformedMessageError: too long, not a directory, or not in its one spelling.
        """
        return _read(document)


@lru_cache(maxsize=4)
def _read(document: bytes) -> Directory:
    # Kept for the last few: a process reads the directory in use again and again, and reading a policy takes long.
    if len(document) > Directory.MAX_BYTES:
        raise MalformedMessageError(f"directory: more than {Directory.MAX_BYTES} bytes")
    try:
        directory = Directory.model_validate_json(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise MalformedMessageError(f"directory: {place or 'document'}: {first['msg']}") from error
    if directory.to_bytes() != document:
        raise MalformedMessageError("directory: not in its one spelling")
    return directory


def _canonical_json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(document: bytes) -> bytes:
    """What the roots sign and the next directory names."""
    return hashlib.sha256(document).digest()


@dataclass(frozen=True, slots=True)
class SignedDirectory:
    """``directory.bin``: the document's exact bytes and one COSE_Sign1 over its digest per root. Nothing is verified."""

    document: bytes
    signatures: tuple[bytes, ...]

    @property
    def digest(self) -> bytes:
        """SHA-256 of the document."""
        return digest_of(self.document)

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        return canonical.encode([FILE_VERSION, self.document, list(self.signatures)])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a file; raises NotCanonicalError or MalformedMessageError."""
        version, document, signatures = rows(canonical.decode(data), 3, "directory file")
        if whole(version, "file version") != FILE_VERSION:
            raise MalformedMessageError(f"directory file: version {version!r} is not {FILE_VERSION}")
        return cls(
            octets(document, None, "document"),
            tuple(octets(item, None, "signature") for item in listed(signatures, MAX_ROOTS, "signatures")),
        )
