"""Copies of databases that are in use: whole, of one moment, and readable by themselves."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from broker.errors import ConfigurationError, UnavailableError

_PAGES: Final = 2000
"""So many pages at a time; between two bites the owner may write."""


def copy_database(source: Path, target: Path) -> None:
    """Copy a database while its owner writes; durable on return, mode 0600, and found whole.

    Raises:
        UnavailableError: it could not be copied; nothing lies at ``target``.
        ConfigurationError: what was copied is damaged: the original is.
    """
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)) as original,
            closing(sqlite3.connect(fresh)) as copy,
        ):
            original.backup(copy, pages=_PAGES, sleep=0.005)
            # One file that needs no log beside it; the owner switches it back when it opens it.
            copy.execute("PRAGMA journal_mode=DELETE")
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        fresh.unlink(missing_ok=True)
        raise UnavailableError(f"{source.name} could not be copied: {error}") from error
    if found != "ok":
        fresh.unlink(missing_ok=True)
        raise ConfigurationError(f"{source} is damaged: {found}")
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(target)
