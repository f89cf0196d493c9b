"""The index file: what is in it, and how it is written, column by column.

Layout: 8 bytes magic, 4 bytes CRC-32 of all that follows, 4 bytes length of a JSON header, the header, padding to 8,
then per postcode two unsigned 16-bit numbers in two columns (inward code; authority), then for a source that knows
which postcodes have ended a third column of months. The checksum finds a damaged disk, not a forger.
"""

import json
import os
import re
import tempfile
import zlib
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import product
from operator import itemgetter
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Final

from broker.errors import ConfigurationError

MAGIC: Final = b"HRPCIDX4"
PREFIX: Final = 16
"""Bytes before the header: magic, checksum, length."""
NO_AUTHORITY: Final = 0xFFFF
FORM: Final = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?|GIR|NPT)([0-9][A-Z]{2})")
"""Outward and inward code; two old outward codes have no digit."""
INWARD: Final = {
    "".join(code): number for number, code in enumerate(product(digits, ascii_uppercase, ascii_uppercase))
}
"""Each inward code as a number, in the order of the alphabet."""

_outward_of = itemgetter(slice(0, 4))
_inward_of = itemgetter(slice(4, 7))


def seven_characters(text: str) -> str | None:
    """The form that directories sort by, ``CA3 8NA`` or ``B1  1AA``; None where the text is no postcode."""
    match = FORM.fullmatch(text.replace(" ", "").upper())
    return None if match is None else f"{match[1]:4}{match[2]}"


class Authorities(dict[str, int]):
    """Numbers the authorities as they come. What is no text, as pandas' NaN, is no authority."""

    def __missing__(self, gss: str) -> int:
        if not isinstance(gss, str) or not gss:
            return NO_AUTHORITY
        self[gss] = number = len(self)
        return number


class Columns:
    """The columns of an index in the making. Work on whole columns at a time keeps 2.7 million rows quick."""

    def __init__(self) -> None:
        self.authorities = Authorities()
        self._outward: list[tuple[str, int, int]] = []
        self._inward = array("H")
        self._authority = array("H")
        self._ended = array("H")

    def extend(self, postcodes: Sequence[str], authorities: Sequence[int], ended: Sequence[int]) -> None:
        """Add postcodes of seven characters, ascending, after all those already here; months count from year 0.

        Raises:
            KeyError: what should be an inward code is none.
            ValueError: the columns are not of one length.
        """
        if not len(postcodes) == len(authorities) == len(ended):
            # Else every later postcode would lie in its neighbour's area.
            raise ValueError("columns of different lengths")
        first = len(self._inward)
        self._inward.extend(map(INWARD.__getitem__, map(_inward_of, postcodes)))
        self._authority.extend(authorities)
        self._ended.extend(ended)
        for outward, count in Counter(map(_outward_of, postcodes)).items():
            self._outward.append((outward.rstrip(), first, first + count))
            first += count

    def write(self, path: Path, *, source: str, as_of: str) -> None:
        """Write the index whole or not at all.

        Raises:
            ConfigurationError: there is nothing to write, or the file cannot be written.
        """
        if not self._inward:
            raise ConfigurationError(f"{source} has no postcode that could be read; nothing was changed")
        ends = any(self._ended)
        header = json.dumps(
            {
                "source": source,
                "as_of": as_of,
                "count": len(self._inward),
                "ends": ends,
                "authorities": list(self.authorities),
                "outward": self._outward,
            },
            separators=(",", ":"),
        ).encode()
        body = header + bytes(-(PREFIX + len(header)) % 8)
        body += self._inward.tobytes() + self._authority.tobytes() + (self._ended.tobytes() if ends else b"")
        checked = _number(len(header)) + body
        _replace(path, MAGIC + _number(zlib.crc32(checked)) + checked)


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _replace(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never a part; a failure leaves nothing behind."""
    fresh: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False) as file:
            fresh = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        if fresh is not None:
            fresh.unlink(missing_ok=True)
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}. Make room, or set HANDRAIL_CACHE to a folder that can be written"
        ) from error
