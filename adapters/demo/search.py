"""Looking for words in files, as a thief of the broker's disk would: plain, wide, in base64 and in hexadecimal."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hit:
    """A word that was found, in which file and in which form. Shows the form and file, not the word."""

    word: str
    path: Path
    form: str


def find(words: Iterable[str | bytes], files: Iterable[Path], *, but: Iterable[bytes] = ()) -> list[Hit]:
    """Every word that stands in one of the files in any form, the given public bytes taken out first."""
    wanted = [(word, form, needle) for word in words for form, needle in _forms(word)]
    hits = []
    for path in files:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # a new version on its way into its place, which is searched
        for public in but:
            content = content.replace(public, b"")
        hits += [Hit(str(word), path, form) for word, form, needle in wanted if needle in content]
    return hits


def files_under(*folders: Path) -> list[Path]:
    """All files there, at any depth."""
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def told_to_all(path: Path) -> bool:
    """Whether this is the directory, in one of its versions: it lists every member to everybody, whoever has the child."""
    return path.name == "directory.bin" or path.parent.name == "directories"


def _forms(word: str | bytes) -> Iterator[tuple[str, bytes]]:
    plain = word.encode() if isinstance(word, str) else word
    yield "plain", plain
    yield "hexadecimal", plain.hex().encode()
    yield "hexadecimal", plain.hex().upper().encode()
    if isinstance(word, str):
        yield "upper case", word.upper().encode()
        yield "UTF-16", word.encode("utf-16-le")
    # Base64 has three alignments; the characters that depend on the neighbours are left out.
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + plain)
        first, last = -(-shift * 8 // 6), (shift + len(plain)) * 8 // 6
        yield "base64", text[first:last]
