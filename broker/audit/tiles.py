"""The log on disk in the layout of C2SP tlog-tiles: static files that anyone can check with any tool.

``tile/<L>/<N>`` holds 256 hashes of level 8L, ``tile/entries/<N>`` 256 entries, ``....p/<W>`` the first W of a tile that
is not full. A file is whole or not there: written beside, flushed, renamed, and the folder flushed. What a crash
leaves behind lies beyond the signed head, and is written again with the same bytes.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from broker.crypto.tree import HASH_BYTES, Subtree, leaf_hash, perfect_root
from broker.durable import sync_folder, write_whole
from broker.errors import TamperedError, UnavailableError
from broker.progress import Progress, quiet

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
MOST_BYTES: Final = 0xFFFF
"""The longest entry that a bundle can hold."""
_LENGTH: Final = 2
_ENTRIES: Final = "entries"
_CACHED: Final = 512


class TileError(TamperedError):
    """A tile is missing, cut short or does not follow from the tiles below it."""


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Where a tile lies: ``tile/0/x001/x234/067`` or ``tile/0/x001/x234/067.p/8``."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as a bundle's bytes."""
    return b"".join(len(entry).to_bytes(_LENGTH, "big") + entry for entry in entries)


def unbundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises TileError."""
    entries, at = [], 0
    while at < len(data):
        end = at + _LENGTH + int.from_bytes(data[at : at + _LENGTH], "big")
        if end > len(data):
            raise TileError("a bundle of entries is cut short")
        entries.append(data[at + _LENGTH : end])
        at = end
    return entries


class Tiles:
    """The tiles below one folder, for a tree of ``size`` leaves. One writer, which the caller sees to."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self.size = size
        self._read = lru_cache(maxsize=_CACHED)(self._read_level)

    @property
    def subtree(self) -> Subtree:
        """The hashes of perfect subtrees, read from disk. Raises TileError."""
        return self._subtree

    def append(self, entries: Sequence[bytes]) -> None:
        """Add entries; durable on return. All of it is there or, after a crash, as good as nothing.

        Raises:
            UnavailableError: the disk took no write; ``size`` is what it was.
        """
        try:
            fresh = list(self._changed(entries))
            folders = {self._write(path, data) for path, data in fresh}
            for folder in sorted(folders):
                sync_folder(folder)
        except OSError as error:
            raise UnavailableError(f"the log's disk took no write: {error.strerror}") from error
        self.size += len(entries)
        self._read.cache_clear()
        for path, _ in fresh:
            if not path.parent.name.endswith(".p"):
                shutil.rmtree(path.with_name(path.name + ".p"), ignore_errors=True)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """The entries from ``start`` to ``end``, which are in the tree. Raises TileError."""
        for number in range(start // WIDTH, -(-end // WIDTH)):
            first = number * WIDTH
            found = self._bundle(number, min(WIDTH, self.size - first))
            yield from found[max(0, start - first) : end - first]

    def verify(self) -> None:
        """Every hash follows from the entries. Raises TileError, naming the tile that does not."""
        self.verify_hashes()
        for number in range(self.bundles):
            self.verify_entries(number)

    def verify_hashes(self, progress: Progress = quiet) -> None:
        """Every hash of a level follows from the level below, down to the leaves. Raises TileError.

        That the leaves are the hashes of the entries is ``verify_entries``' affair, but for the bundle that is not full:
        the next append writes on it.
        """
        level, below = 0, self._level(0)
        whole = len(below)
        while below:
            above = self._level(level + 1)
            for number, width in enumerate(below):
                hashes = self._read_level(level, number, width)
                if level == 0:
                    progress(number + 1, whole)
                if width < WIDTH:
                    continue
                at = number // WIDTH
                if self._read(level + 1, at, above[at])[number % WIDTH] != perfect_root(hashes):
                    upper = tile_path(level + 1, at, above[at])
                    raise TileError(f"{tile_path(level, number)} is not what {upper} says of it")
            level, below = level + 1, above
        if self.size % WIDTH:
            self.verify_entries(self.size // WIDTH)

    @property
    def bundles(self) -> int:
        """How many bundles hold the entries."""
        return -(-self.size // WIDTH)

    def verify_entries(self, number: int) -> None:
        """The leaves of one tile are the hashes of its entries. Raises TileError."""
        width = min(WIDTH, self.size - number * WIDTH)
        if [leaf_hash(entry) for entry in self._bundle(number, width)] != self._read_level(0, number, width):
            raise TileError(f"{tile_path(0, number, width)} is not what its entries give")

    def _level(self, level: int) -> list[int]:
        """The widths of a level's tiles."""
        count = self.size >> (level * HEIGHT)
        full, rest = divmod(count, WIDTH)
        return [WIDTH] * full + ([rest] if rest else [])

    def _changed(self, entries: Sequence[bytes]) -> Iterator[tuple[Path, bytes]]:
        """The files that these entries change or make, lowest first."""
        first = self.size // WIDTH
        held = self._bundle(first, self.size % WIDTH) if self.size % WIDTH else []
        pending = [*held, *entries]
        for start in range(0, len(pending), WIDTH):
            some = pending[start : start + WIDTH]
            yield self._folder / tile_path(_ENTRIES, first + start // WIDTH, len(some)), bundle(some)
        level, before, fresh = 0, self.size, [leaf_hash(entry) for entry in entries]
        while fresh:
            first = before // WIDTH
            width = before % WIDTH
            hashes = [*(self._read_level(level, first, width) if width else ()), *fresh]
            above = []
            for start in range(0, len(hashes), WIDTH):
                part = hashes[start : start + WIDTH]
                path = self._folder / tile_path(level, first + start // WIDTH, len(part))
                yield path, b"".join(part)
                if len(part) == WIDTH:
                    above.append(perfect_root(part))
            level, before, fresh = level + 1, before // WIDTH, above

    def _write(self, path: Path, data: bytes) -> Path:
        if not path.parent.is_dir():
            self._make(path.parent)
        write_whole(path, data, sync=False)
        return path.parent

    def _make(self, folder: Path) -> None:
        """Make a folder, and have each new name on the way down survive a power cut."""
        missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
        for one in reversed(missing):
            one.mkdir(mode=0o700, exist_ok=True)
            sync_folder(one.parent)

    def _subtree(self, level: int, index: int) -> bytes:
        row, within = divmod(level, HEIGHT)
        first = index << within
        number, place = divmod(first, WIDTH)
        have = (self.size >> (row * HEIGHT)) - number * WIDTH
        hashes = self._read(row, number, min(WIDTH, have))
        return perfect_root(hashes[place : place + (1 << within)])

    def _read_level(self, level: int, number: int, width: int) -> list[bytes]:
        data = self._find(level, number, width)[: width * HASH_BYTES]
        if len(data) != width * HASH_BYTES:
            raise TileError(f"{tile_path(level, number, width)} is cut short")
        return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]

    def _bundle(self, number: int, width: int) -> list[bytes]:
        found = unbundle(self._find(_ENTRIES, number, width))[:width]
        if len(found) != width:
            raise TileError(f"{tile_path(_ENTRIES, number, width)} is cut short")
        return found

    def _find(self, level: int | str, number: int, width: int) -> bytes:
        """A tile of at least this width: a fuller one was written by an append whose head was never signed."""
        full = self._folder / tile_path(level, number)
        partials = full.with_name(full.name + ".p")
        for path in (full, partials / str(width)):
            with contextlib.suppress(FileNotFoundError):
                return path.read_bytes()
        wider = sorted(int(path.name) for path in partials.glob("*") if path.name.isdigit())
        for found in wider:
            if found > width:
                return (partials / str(found)).read_bytes()
        raise TileError(f"{tile_path(level, number, width)} is missing")
