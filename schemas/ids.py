"""Identifiers that cannot be wrong: each is text that has passed its own rules.

Constructing one checks it; a value of the type needs no second look. All work as pydantic field types and
describe themselves in JSON Schema. Those that point at a person or a home hide themselves in ``repr``.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.errors import MalformedIdentifierError

RandomBytes = Callable[[int], bytes]
"""Returns that many random bytes: ``os.urandom`` in life, ``random.Random(seed).randbytes`` in tests."""

_LONGEST_INPUT: Final = 64
"""Characters; no identifier is longer, and nothing longer reaches a pattern."""


class Identifier(str):
    """Text that passed the rules of its kind. The base of the others; never used itself."""

    __slots__ = ()

    kind: ClassVar[str] = "identifier"
    form: ClassVar[str] = ".+"
    """Regular expression of the canonical spelling, also its JSON Schema pattern."""
    shape: ClassVar[str] = ""
    """The form in words."""
    example: ClassVar[str] = ""
    personal: ClassVar[bool] = False
    """Points at a person or a home: hidden in ``repr``."""

    def __new__(cls, text: str) -> Self:
        """Check ``text``.

        Raises:
            MalformedIdentifierError: it breaks a rule of its kind; the message does not repeat it.
        """
        canonical = cls.canonical(text)
        if len(canonical) > _LONGEST_INPUT or re.fullmatch(cls.form, canonical, re.ASCII) is None:
            raise cls.refuse("form", f"is not {cls.shape}")
        cls.check(canonical)
        return super().__new__(cls, canonical)

    @classmethod
    def canonical(cls, text: str) -> str:
        """The one spelling of ``text``; kinds with a single spelling change nothing."""
        return text

    @classmethod
    def check(cls, text: str) -> None:
        """Apply the rules beyond the form, such as check digits."""

    @classmethod
    def refuse(cls, rule: str, why: str, advice: str = "") -> MalformedIdentifierError:
        """The error for this kind, ready to raise."""
        return MalformedIdentifierError(cls.kind, rule, why, advice or f"Send it as {cls.shape}.")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a checked value or plain text that passes the check."""
        return core_schema.no_info_plain_validator_function(
            cls._from_wire,
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A string with the kind's pattern."""
        described: JsonSchemaValue = {
            "type": "string",
            "pattern": f"^(?:{cls.form})$",
            "description": f"{cls.kind}: {cls.shape}.",
        }
        return described | ({"examples": [cls.example]} if cls.example else {})

    @classmethod
    def _from_wire(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise PydanticCustomError(
                "identifier_type", "{kind} must be text", {"kind": cls.kind, "advice": "Send it as a string."}
            )
        try:
            return cls(value)
        except MalformedIdentifierError as error:
            facts = {"kind": error.kind, "why": error.why, "rule": error.rule, "advice": error.advice}
            raise PydanticCustomError("identifier", "{kind} {why}", facts) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'hidden' if self.personal else str.__repr__(self)})"


class NhsNumber(Identifier):
    """NHS number: ten digits, the last a modulus-11 check digit over weights 10 to 2 [PDS-GET]."""

    __slots__ = ()
    kind = "NHS number"
    form = r"[0-9]{10}"
    shape = "ten digits without spaces"
    example = "9990000018"
    personal = True

    @classmethod
    def check(cls, text: str) -> None:
        """The last digit must be eleven minus the weighted sum modulo eleven; a result of ten is never issued."""
        total = sum(int(digit) * weight for digit, weight in zip(text, range(10, 1, -1), strict=False))
        if (11 - total % 11) % 11 != int(text[9]):
            raise cls.refuse(
                "check-digit",
                "has a wrong check digit",
                "Compare it with the source record; do not correct it by guessing.",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number as people write it, with spaces or hyphens.

        Raises:
            MalformedIdentifierError: as for the constructor.
        """
        return cls(re.sub(r"[ -]", "", text[:_LONGEST_INPUT]))


class Upn(Identifier):
    """Unique pupil number: a check letter, then twelve digits, or eleven digits and a letter when temporary.

    The check letter is the sum of each following digit times its position (2 to 13), modulo 23, in an
    alphabet without I, O and S; a temporary number's last letter counts as its place there [CINV].
    """

    __slots__ = ()
    kind = "UPN"
    form = r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]"
    shape = "a check letter and twelve digits (the last a letter when temporary), letters never I, O or S"
    example = "E909999923001"
    personal = True
    alphabet: ClassVar[str] = "ABCDEFGHJKLMNPQRTUVWXYZ"

    @classmethod
    def check(cls, text: str) -> None:
        """The first letter must be the one that the other twelve characters add up to."""
        values = [cls.alphabet.index(mark) if mark.isalpha() else int(mark) for mark in text[1:]]
        total = sum(value * place for place, value in enumerate(values, start=2))
        if cls.alphabet[total % 23] != text[0]:
            raise cls.refuse(
                "check-letter",
                "has a wrong check letter",
                "Compare it with the school's record; do not correct it by guessing.",
            )

    @property
    def temporary(self) -> bool:
        """Whether a school gave it until the permanent one is found."""
        return self[12].isalpha()


class GssCode(Identifier):
    """Government Statistical Service code of an area: country letter, two digits of kind, six of place [GSS-STR].

    Whether the area exists, and when, is for the area data to say.
    """

    __slots__ = ()
    kind = "GSS code"
    form = r"[EWSN][0-9]{8}"
    shape = "E, W, S or N and eight digits"
    example = "E06000063"

    @property
    def entity(self) -> str:
        """Kind of area: ``E06`` unitary, ``E07`` district, ``E08`` metropolitan, ``E09`` London, ``E10`` county ..."""
        return str(self[:3])


class Postcode(Identifier):
    """UK postcode, kept as ``CA3 8NA``: upper case, one space before the last three characters.

    NHS pseudo-postcodes (``ZZ99 ...``: no fixed abode, address not known, abroad) are accepted: they say something.
    """

    __slots__ = ()
    kind = "postcode"
    form = r"(?:[A-Z]{1,2}[0-9][0-9A-Z]?|GIR) [0-9][ABD-HJLNP-UW-Z]{2}|ZZ99 [0-9][A-Z]{2}"
    shape = "a full UK postcode such as CA3 8NA"
    example = "CA3 8NA"
    personal = True

    @classmethod
    def canonical(cls, text: str) -> str:
        """Upper case, inner spaces removed, one space before the inward part."""
        squeezed = "".join(text[:_LONGEST_INPUT].upper().split())
        if len(squeezed) < 5:  # noqa: PLR2004 - the shortest full postcode
            raise cls.refuse(
                "incomplete",
                "is too short to be a full postcode",
                "Send all of it, or leave it out and send the area code.",
            )
        return f"{squeezed[:-3]} {squeezed[-3:]}"

    @property
    def pseudo(self) -> bool:
        """Whether it is one of the NHS's stand-ins for having no postcode."""
        return self.startswith("ZZ99 ")

    @property
    def compact(self) -> str:
        """Without the space, as postcode directories index it."""
        return self.replace(" ", "")


class Urn(Identifier):
    """Unique reference number of a school in England [CTF18]."""

    __slots__ = ()
    kind = "URN"
    form = r"[1-9][0-9]{5}"
    shape = "six digits, not starting with 0"
    example = "112345"


class DfeNumber(Identifier):
    """DfE establishment number: three digits of local authority, four of establishment [CTF-ONE]."""

    __slots__ = ()
    kind = "DfE number"
    form = r"[0-9]{7}"
    shape = "seven digits, authority then establishment"
    example = "9094000"

    @classmethod
    def canonical(cls, text: str) -> str:
        """``909/4000`` is kept as ``9094000``."""
        return text[:3] + text[4:] if text[3:4] == "/" else text

    @property
    def authority(self) -> str:
        """The DfE number of the local authority."""
        return str(self[:3])


class OdsCode(Identifier):
    """Organisation Data Service code of an NHS organisation or site."""

    __slots__ = ()
    kind = "ODS code"
    form = r"[A-Z0-9]{3,10}"
    shape = "three to ten upper-case letters and digits"
    example = "RTX"


class MemberId(Identifier):
    """An organisation in the exchange. Opaque on purpose: the broker must not learn what it is."""

    __slots__ = ()
    kind = "member id"
    form = r"m-[a-z2-7]{10}"
    shape = "'m-' and ten characters of a-z and 2-7"

    @classmethod
    def new(cls, rng: RandomBytes) -> Self:
        """Draw a fresh one."""
        return cls("m-" + _base32(rng(10)))


class UnitId(Identifier):
    """A part of a member with keys and staff of its own."""

    __slots__ = ()
    kind = "unit id"
    form = r"u-[a-z2-7]{10}"
    shape = "'u-' and ten characters of a-z and 2-7"

    @classmethod
    def new(cls, rng: RandomBytes) -> Self:
        """Draw a fresh one."""
        return cls("u-" + _base32(rng(10)))


class KeyId(Identifier):
    """Fingerprint of a public key: the first eight bytes of its SHA-256, in hexadecimal."""

    __slots__ = ()
    kind = "key id"
    form = r"[0-9a-f]{16}"
    shape = "sixteen lower-case hexadecimal digits"

    @classmethod
    def of(cls, public_key: bytes) -> Self:
        """The id of the key with these raw public bytes."""
        return cls(hashlib.sha256(public_key).hexdigest()[:16])

    @classmethod
    def from_raw(cls, raw: bytes) -> Self:
        """From its eight bytes on the wire."""
        return cls(raw.hex())

    @property
    def raw(self) -> bytes:
        """Its eight bytes on the wire."""
        return bytes.fromhex(self)


class EventId(Identifier):
    """An event's id: a version 7 UUID in lower case, so ids sort by the time they were made."""

    __slots__ = ()
    kind = "event id"
    form = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    shape = "a version 7 UUID in lower case"
    example = "0198f2a0-5c00-7a4b-8c1d-2e3f4a5b6c7d"

    @classmethod
    def new(cls, now: datetime, rng: RandomBytes) -> Self:
        """Make one for this moment. ``now`` must be aware; ``rng`` gives ten bytes."""
        if now.tzinfo is None:
            raise cls.refuse("naive-time", "needs a time with its zone", "Pass an aware datetime.")
        milliseconds = (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        number = int.from_bytes(milliseconds.to_bytes(6, "big") + rng(10), "big")
        number = number & ~(0xF << 76) | (7 << 76)
        number = number & ~(3 << 62) | (2 << 62)
        return cls.from_raw(number.to_bytes(16, "big"))

    @classmethod
    def from_raw(cls, raw: bytes) -> Self:
        """From its sixteen bytes on the wire.

        Raises:
            MalformedIdentifierError: not sixteen bytes, or not a version 7 UUID.
        """
        digits = raw.hex()
        return cls("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))

    @property
    def raw(self) -> bytes:
        """Its sixteen bytes on the wire."""
        return bytes.fromhex(self.replace("-", ""))

    @property
    def made_at(self) -> datetime:
        """When it says it was made, to the millisecond; a claim, not evidence."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int.from_bytes(self.raw[:6], "big"))


def _base32(noise: bytes) -> str:
    """Ten characters of five bits, one from each byte."""
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[byte & 31] for byte in noise)
