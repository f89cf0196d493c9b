"""An opened index: sorted inward codes for each outward code, beside them the authority. Mapped, not read."""

import bisect
import json
import mmap
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from adapters.areas.answers import Answer, Found, Malformed, NotEngland, Terminated, Unknown
from adapters.areas.columns import FORM, INWARD, MAGIC, NO_AUTHORITY, PREFIX
from broker.errors import ConfigurationError
from schemas.ids import GssCode

_REMEDY: Final = "Delete it: the packaged data is compiled again at the next use; import an ONSPD file again."
_COUNTRIES: Final = {
    "W": "Wales",
    "S": "Scotland",
    "N": "Northern Ireland",
    "L": "the Channel Islands",
    "M": "the Isle of Man",
}


class PostcodeIndex:
    """Look-ups touch a few pages of the mapped file; nothing else is held but the outward codes."""

    def __init__(self, header: Mapping[str, Any], columns: memoryview) -> None:
        count = header["count"]
        numbers = columns.cast("H")
        self._inward = numbers[:count]
        self._authority = numbers[count : 2 * count]
        self._ended = numbers[2 * count :] if header["ends"] else None
        self._outward: dict[str, tuple[int, int]] = {
            code: (first, last) for code, first, last in header["outward"]
        }
        self.authorities: tuple[str, ...] = tuple(header["authorities"])
        # Judged once: a look-up has a few millionths of a second.
        self._places = tuple(
            GssCode(code) if code.startswith("E") else _COUNTRIES[code[0]] for code in self.authorities
        )
        self.source: str = header["source"]
        self.as_of: str = header["as_of"]
        self.count: int = count

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map an index file and check it whole: a flipped bit would tell the wrong area of a child.

        Raises:
            ConfigurationError: it is missing, damaged, or of another version.
        """
        try:
            with path.open("rb") as file:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:  # an empty file cannot be mapped
            raise ConfigurationError(f"{path} is empty. {_REMEDY}") from error
        if bytes(data[:8]) != MAGIC:
            raise ConfigurationError(f"{path} is not a postcode index of this version. {_REMEDY}")
        if len(data) < PREFIX or int.from_bytes(data[8:12], "big") != zlib.crc32(data[12:]):
            raise ConfigurationError(f"{path} is damaged or cut short. {_REMEDY}")
        length = int.from_bytes(data[12:16], "big")
        header = json.loads(bytes(data[PREFIX : PREFIX + length]))
        return cls(header, data[-(-(PREFIX + length) // 8) * 8 :])

    def lookup(self, text: str) -> Answer:
        """The authority of a postcode in any spelling. Never raises."""
        squeezed = "".join(text.split())
        # Upper case alone would turn letters of other alphabets into ours.
        if not squeezed.isascii():
            return Malformed()
        squeezed = squeezed.upper()
        outward, inward = squeezed[:-3], squeezed[-3:]
        span, key = self._outward.get(outward), INWARD.get(inward)
        if span is not None and key is not None:
            at = bisect.bisect_left(self._inward, key, *span)
            if at < span[1] and self._inward[at] == key:
                return self._answer(f"{outward} {inward}", at)
        elif FORM.fullmatch(squeezed) is None:
            return Malformed()
        return Unknown(f"{outward} {inward}", self.as_of)

    def _answer(self, postcode: str, at: int) -> Answer:
        number = self._authority[at]
        if number == NO_AUTHORITY:
            return Unknown(postcode, self.as_of, listed=True)
        place = self._places[number]
        if not isinstance(place, GssCode):
            return NotEngland(postcode, place)
        if self._ended is not None and (month := self._ended[at]):
            return Terminated(postcode, place, f"{month // 12:04d}-{month % 12 + 1:02d}")
        return Found(postcode, place, self.as_of)
