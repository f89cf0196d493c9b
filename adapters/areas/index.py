"""The index file: sorted inward codes for each outward code, beside them the authority. Mapped, not read.

Layout: 8 bytes magic, 4 bytes length of a JSON header, the header, padding to 8, then per postcode two unsigned
16-bit numbers in two columns (inward code; authority), then for terminated postcodes a third column of months.
"""

import bisect
import hashlib
import json
import mmap
import os
import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypeAlias

from broker.errors import ConfigurationError
from schemas.ids import GssCode

MAGIC: Final = b"HRPCIDX2"
NO_AUTHORITY: Final = 0xFFFF
_FORM: Final = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
_COUNTRIES: Final = {
    "W": "Wales",
    "S": "Scotland",
    "N": "Northern Ireland",
    "L": "the Channel Islands",
    "M": "the Isle of Man",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A postcode in use, and its authority in England."""

    code: ClassVar[str] = "found"
    postcode: str
    gss: GssCode
    as_of: str

    @property
    def sentence(self) -> str:
        """What this means, for a person."""
        return f"{self.postcode} is in {self.gss} (data of {self.as_of})."


@dataclass(frozen=True, slots=True)
class Unknown:
    """Well formed, and in no source at hand."""

    code: ClassVar[str] = "unknown"
    postcode: str
    as_of: str
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        return (
            f"{self.postcode} is not in the data of {self.as_of}. Check the spelling; a new or ended postcode"
            " is known after `handrail areas import` of a current ONS Postcode Directory."
        )


@dataclass(frozen=True, slots=True)
class NotEngland:
    """A postcode outside England, or without any authority."""

    code: ClassVar[str] = "not-england"
    postcode: str
    where: str
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        return f"{self.postcode} is in {self.where}; other law applies. Tell that authority's own front door."


@dataclass(frozen=True, slots=True)
class Terminated:
    """A postcode that Royal Mail has ended; its last authority is known."""

    code: ClassVar[str] = "terminated"
    postcode: str
    last_gss: GssCode
    ended: str
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        return (
            f"{self.postcode} ended in {self.ended} (last in {self.last_gss}). Ask for the current postcode."
        )


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not the form of a postcode. The text is not repeated."""

    code: ClassVar[str] = "malformed"
    gss: ClassVar[None] = None

    @property
    def sentence(self) -> str:
        """What to do."""
        return "That is not the form of a UK postcode. Write it like CA3 8NA."


Answer: TypeAlias = Found | Unknown | NotEngland | Terminated | Malformed


@dataclass(frozen=True, slots=True)
class Row:
    """One postcode of a source. ``ended`` is ``YYYY-MM`` or None."""

    outward: str
    inward: int
    authority: str | None
    ended: str | None = None


class PostcodeIndex:
    """An opened index. Look-ups touch a few pages of the mapped file; nothing else is held but the outward codes."""

    def __init__(self, header: Mapping[str, Any], data: mmap.mmap, start: int) -> None:
        count = header["count"]
        view = memoryview(data)
        self._inward = view[start : start + 2 * count].cast("H")
        self._authority = view[start + 2 * count : start + 4 * count].cast("H")
        self._ended = view[start + 4 * count : start + 6 * count].cast("H") if header["ends"] else None
        self._outward: dict[str, tuple[int, int]] = {
            code: (first, last) for code, first, last in header["outward"]
        }
        self._authorities: list[str] = header["authorities"]
        self.source: str = header["source"]
        self.as_of: str = header["as_of"]
        self.count: int = count

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map an index file.

        Raises:
            ConfigurationError: it is missing, damaged, or of another version.
        """
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, ValueError) as error:
            raise ConfigurationError(f"{path} is not a postcode index") from error
        if data[:8] != MAGIC:
            raise ConfigurationError(f"{path} is not a postcode index of this version; delete it")
        length = int.from_bytes(data[8:12], "big")
        header = json.loads(data[12 : 12 + length])
        start = -(-(12 + length) // 8) * 8
        columns = 6 if header["ends"] else 4
        if len(data) != start + columns * header["count"]:
            raise ConfigurationError(f"{path} is cut short; delete it, it is made again")
        return cls(header, data, start)

    def lookup(self, text: str) -> Answer:
        """The authority of a postcode in any spelling."""
        match = _FORM.fullmatch(text.replace(" ", "").upper())
        if match is None:
            return Malformed()
        outward, inward = match.groups()
        postcode = f"{outward} {inward}"
        span = self._outward.get(outward)
        if span is None:
            return Unknown(postcode, self.as_of)
        key = inward_number(inward)
        at = bisect.bisect_left(self._inward, key, span[0], span[1])
        if at == span[1] or self._inward[at] != key:
            return Unknown(postcode, self.as_of)
        return self._answer(postcode, at)

    def _answer(self, postcode: str, at: int) -> Answer:
        number = self._authority[at]
        if number == NO_AUTHORITY:
            return NotEngland(postcode, "no local authority that the source knows")
        authority = self._authorities[number]
        if not authority.startswith("E"):
            return NotEngland(postcode, _COUNTRIES.get(authority[0], "another country"))
        ended = self._ended[at] if self._ended is not None else 0
        if ended:
            return Terminated(postcode, GssCode(authority), f"{ended // 12:04d}-{ended % 12 + 1:02d}")
        return Found(postcode, GssCode(authority), self.as_of)


def inward_number(inward: str) -> int:
    """The inward code (digit, two letters) as a number below 6,760."""
    return int(inward[0]) * 676 + (ord(inward[1]) - 65) * 26 + ord(inward[2]) - 65


def split_postcode(text: str) -> tuple[str, int] | None:
    """Outward code and inward number of a postcode in any spacing, or None."""
    match = _FORM.fullmatch(text.replace(" ", "").upper())
    return None if match is None else (match[1], inward_number(match[2]))


def write_index(path: Path, rows: Iterable[Row], *, source: str, as_of: str) -> int:
    """Write an index whole or not at all; gives the number of postcodes. Later rows of one postcode win."""
    groups: dict[str, dict[int, tuple[int, int]]] = {}
    authorities: dict[str, int] = {}
    ends = False
    for row in rows:
        number = (
            NO_AUTHORITY if row.authority is None else authorities.setdefault(row.authority, len(authorities))
        )
        ended = 0 if row.ended is None else int(row.ended[:4]) * 12 + int(row.ended[5:7]) - 1
        ends = ends or bool(ended)
        groups.setdefault(row.outward, {})[row.inward] = (number, ended)
    inward, authority, months = array("H"), array("H"), array("H")
    outward = []
    for code in sorted(groups):
        first = len(inward)
        for key in sorted(groups[code]):
            number, ended = groups[code][key]
            inward.append(key)
            authority.append(number)
            months.append(ended)
        outward.append([code, first, len(inward)])
    columns = inward.tobytes() + authority.tobytes() + (months.tobytes() if ends else b"")
    header = json.dumps(
        {
            "source": source,
            "as_of": as_of,
            "count": len(inward),
            "ends": ends,
            "authorities": list(authorities),
            "outward": outward,
            "sha256": hashlib.sha256(columns).hexdigest(),
        },
        separators=(",", ":"),
    ).encode()
    content = MAGIC + len(header).to_bytes(4, "big") + header
    content += bytes(-len(content) % 8)
    # A name of its own: two processes may compile at once, the later one wins, and both files are whole.
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with fresh.open("wb") as file:
        file.write(content + columns)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return len(inward)
