"""Where the index lies, and when it is compiled: once, at the first use, with progress."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.areas.columns import MAGIC
from adapters.areas.index import PostcodeIndex
from adapters.areas.sources import Faults, onspd_columns, packaged_columns, packaged_version
from broker.errors import ConfigurationError
from broker.progress import Progress, say_progress

IMPORTED: Final = "postcodes-imported.idx"
_RELEASE: Final = re.compile(r"ONSPD_([A-Z]{3})_(20[0-9]{2})", re.IGNORECASE)


def cache_folder() -> Path:
    """``$HANDRAIL_CACHE``, else ``~/.cache/handrail``."""
    named = os.environ.get("HANDRAIL_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "handrail"


def default_index(progress: Progress | None = None) -> PostcodeIndex:
    """The imported index if there is one, else that of the packaged data, compiled now if it is not there.

    Raises:
        ConfigurationError: no data, a damaged index, or a cache folder that cannot be written.
    """
    folder = cache_folder()
    if _exists(folder / IMPORTED):
        return PostcodeIndex.open(folder / IMPORTED)
    version = packaged_version()
    # The form of the file is in its name: a newer program makes its own and never trips over an older one's.
    path = folder / f"postcodes-{version}-{MAGIC.decode().lower()}.idx"
    if not _exists(path):
        with _alone(folder):
            if not _exists(path):  # else another process made it while we waited
                columns = packaged_columns(progress or say_progress("Compiling the postcode index (once)"))
                columns.write(path, source=f"ONS, packaged as {version}", as_of=version)
    return PostcodeIndex.open(path)


def import_onspd(source: Path, progress: Progress) -> tuple[PostcodeIndex, Faults]:
    """Compile an ONS Postcode Directory CSV and use it from now on.

    Raises:
        ConfigurationError: it cannot be read or has no postcodes, or the cache folder cannot be written.
    """
    faults = Faults()
    path = cache_folder() / IMPORTED
    with _alone(path.parent):
        onspd_columns(source, faults, progress).write(
            path, source=f"ONSPD {source.name}", as_of=_release(source)
        )
    return PostcodeIndex.open(path), faults


def _release(source: Path) -> str:
    """The month in the name that ONS gives the file, else the day of the file."""
    if named := _RELEASE.search(source.name):
        try:
            return time.strftime("%Y-%m", time.strptime(f"{named[1]} {named[2]}", "%b %Y"))
        except ValueError:
            pass
    return datetime.fromtimestamp(source.stat().st_mtime, UTC).date().isoformat()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a folder that may not be searched, a name too long
        raise _unusable(path.parent, error) from error


def _unusable(folder: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot use the cache folder {folder}: {error.strerror}. Set HANDRAIL_CACHE to one that can be written"
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process compiles, the others wait for it. The lock ends with its process, however that ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "postcodes.lock").open("w")
    except OSError as error:
        raise _unusable(folder, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
