"""Checking what is on disk: the directory in use with its whole history, or a file that could replace it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from broker.crypto.directories import Refuse, judge_directory, signers_of
from broker.directory.errors import ChangeRefusedError
from broker.directory.files import read_current, read_current_bytes
from broker.directory.layout import Layout
from broker.errors import TamperedError
from schemas.canonical import NotCanonicalError
from schemas.directory import Directory, SignedDirectory
from schemas.reading import MalformedMessageError


class HistoryBrokenError(TamperedError):
    """The directory's history on disk does not lead to the directory in use."""


class FileRefusedError(ChangeRefusedError):
    """A directory file may not replace the one in use."""

    code = "directory-refused"
    advice = "Do not use the file."


def check_file(layout: Layout, file: Path, now: datetime) -> Iterator[str]:
    """Say that ``file`` could replace the directory in use.

    Raises:
        FileRefusedError: it could not, and why.
    """
    current = read_current(layout)
    judgement = judge_directory(file.read_bytes(), current, current.roots, now)
    if isinstance(judgement, Refuse):
        raise FileRefusedError(f"{judgement.code}: {judgement.sentence}")
    same = " (it is the one in use)" if judgement.directory == current else ""
    yield f"Good: version {judgement.directory.version}, signed by {', '.join(sorted(judgement.signers))}{same}"


def check_history(layout: Layout) -> Iterator[str]:
    """Walk from the first version to the one in use: each names the one before and is signed by its roots.

    Raises:
        HistoryBrokenError: one does not.
        DirectoryBrokenError: the directory in use is damaged.
    """
    current = read_current(layout)
    before: tuple[Directory, bytes] | None = None
    for version in range(1, current.version + 1):
        before = _checked(layout.history / f"{version:06}.bin", version, before)
    if before is None or before[1] != SignedDirectory.from_bytes(read_current_bytes(layout)).digest:
        raise HistoryBrokenError("the directory in use is not the last one of the history")
    yield f"Good: {current.version} versions, each signed by enough roots and following from the one before"


def _checked(path: Path, version: int, before: tuple[Directory, bytes] | None) -> tuple[Directory, bytes]:
    try:
        signed = SignedDirectory.from_bytes(path.read_bytes())
        directory = Directory.from_bytes(signed.document)
    except (FileNotFoundError, NotCanonicalError, MalformedMessageError) as error:
        raise HistoryBrokenError(f"{path.name}: {error}") from error
    follows = directory.previous == (None if before is None else before[1].hex())
    if directory.version != version or not follows:
        raise HistoryBrokenError(f"{path.name} does not follow from the version before")
    for roots in (directory.roots, directory.roots if before is None else before[0].roots):
        if len(signers_of(signed, roots)) < roots.threshold:
            raise HistoryBrokenError(f"{path.name} is not signed by enough roots")
    return directory, signed.digest
