"""The directory on disk: written whole or not at all, every version kept, changes in words beside it."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from broker.crypto.directories import reopen_directory
from broker.crypto.storage import make_private_folder
from broker.directory.errors import NoDirectoryError
from broker.directory.layout import Layout
from broker.durable import write_whole
from broker.errors import UnavailableError
from schemas.directory import Directory, SignedDirectory


class BusyError(UnavailableError):
    """Somebody else is changing the directory."""


def read_current(layout: Layout) -> Directory:
    """The directory in use.

    Raises:
        NoDirectoryError: there is none.
        DirectoryBrokenError: it is damaged or not signed by its roots.
    """
    return reopen_directory(read_current_bytes(layout))


def read_current_bytes(layout: Layout) -> bytes:
    """The bytes of the directory in use; raises NoDirectoryError."""
    try:
        return layout.current.read_bytes()
    except FileNotFoundError as error:
        raise NoDirectoryError(
            f"there is no directory in {layout.data}; make one with 'handrail directory init --data {layout.data}'"
        ) from error


def keep(
    layout: Layout, signed: SignedDirectory, version: int, changes: tuple[str, ...], now: datetime
) -> None:
    """Put a signed directory into use.

    History first. A crash after it leaves a signed version that nobody uses yet; the next change then makes
    the same version number anew and replaces it, which no one has seen.
    """
    make_private_folder(layout.history)
    entry = {"version": version, "at": now.isoformat(), "changes": changes}
    write_whole(layout.history / f"{version:06}.bin", signed.to_bytes())
    write_whole(
        layout.history / f"{version:06}.json", json.dumps(entry, indent=1, ensure_ascii=False).encode()
    )
    write_whole(layout.current, signed.to_bytes())


def read_history(layout: Layout) -> list[dict[str, Any]]:
    """The changes of every version in use so far, oldest first."""
    version = read_current(layout).version
    pages = [json.loads(path.read_bytes()) for path in sorted(layout.history.glob("*.json"))]
    return [page for page in pages if page["version"] <= version]


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold the directory for one change at a time; raises BusyError."""
    make_private_folder(layout.directory)
    with (layout.directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError("the directory is being changed by another command; try again") from error
        yield
