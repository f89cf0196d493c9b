"""One search for all places: a word as it stands, in any case, in base64, hex or UTF-16, and packed by zlib or gzip."""

import base64
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.support.zeros import without_most_zeros

_PACKED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_UNPACKED_MOST: Final = 1 << 16
_SHORTEST: Final = 8
_PIECE: Final = 16 << 20
_OVERLAP: Final = 4096


def spellings(word: bytes, text: str | None = None) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """How it may be written: those for which case counts, and those in small letters for which it does not."""
    exact = {form for data in _cased(word, text) for shift in range(3) for form in _base64(data, shift)}
    folded = {word.lower(), word.hex().encode()}
    if text is not None:
        folded |= {text.lower().encode("utf-16-le"), text.lower().encode("utf-16-be")}
    return frozenset(exact), frozenset(folded)


def _cased(word: bytes, text: str | None) -> set[bytes]:
    return {word} if text is None else {word, text.lower().encode(), text.upper().encode()}


def _base64(word: bytes, shift: int) -> Iterator[bytes]:
    """What stays the same of its base64, whatever stands before and behind it."""
    before = -(-shift * 8 // 6)
    whole = (shift + len(word)) * 8 // 6
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(bytes(shift) + word + bytes(3))[before:whole]


class Search:
    """Looks for the same words in whatever it is given."""

    def __init__(self, words: Mapping[str, str | bytes]) -> None:
        self._spelt = {
            name: spellings(word, None) if isinstance(word, bytes) else spellings(word.encode(), word)
            for name, word in words.items()
        }

    def found(self, data: bytes) -> frozenset[str]:
        """The names of the words that are in it, also inside what is packed in it."""
        found = self._plain(without_most_zeros(data))
        whole = memoryview(data)
        unpacked = (
            _unpacked(whole[at.start() : at.start() + _UNPACKED_MOST]) for at in _PACKED.finditer(data)
        )
        # All at once: what looks packed by chance is small and frequent.
        found |= self._plain(b"\n".join(one for one in unpacked if len(one) >= _SHORTEST))
        return found

    def _plain(self, data: bytes) -> frozenset[str]:
        small = data.lower()
        return frozenset(
            name
            for name, (exact, folded) in self._spelt.items()
            if any(form in data for form in exact) or any(form in small for form in folded)
        )

    def in_files(self, folder: Path, *, but: Iterable[bytes] = ()) -> dict[str, frozenset[str]]:
        """What each file under a folder holds, the given public bytes taken out of it first."""
        seen = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                for public in but:
                    data = data.replace(public, b"")
                if found := self.found(data):
                    seen[str(path.relative_to(folder))] = found
        return seen

    def in_memory(self, pid: int) -> frozenset[str]:
        """What a process's readable memory holds, all of it."""
        return frozenset[str]().union(*(self.found(piece) for piece in memory(pid)))


def memory(pid: int) -> Iterator[bytes]:
    """Every readable byte of a process, in pieces that overlap."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in maps:
            place, rights, *_ = line.split()
            if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(edge, 16) for edge in place.split("-"))
            for at in range(start, end, _PIECE):
                try:
                    file.seek(at)
                    yield file.read(min(end, at + _PIECE + _OVERLAP) - at)
                except (OSError, ValueError, OverflowError):
                    break  # reserved and never used, or given back meanwhile


def _unpacked(data: memoryview) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _UNPACKED_MOST)
    except zlib.error:
        return b""
