"""Where the files of a run lie, and what of its memory is looked through for garbage."""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108  folders of our own are made in it
_ROOM_BYTES: Final = 2 << 30


def pytest_configure() -> None:
    """In memory where there is room, for this process and all that it starts.

    Everything here is written to last through a power cut, so on a disk a run waits for most of its time. No test cuts the
    power: who is killed leaves the same files behind in memory as on a disk, and what must be on the disk before a
    promise is looked for in the system calls. A folder that is asked for with ``TMPDIR`` is taken.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and _fits(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def _fits(folder: Path) -> bool:
    """Whether a run has room there, and programs may be started from it; containers mostly forbid that."""
    startable = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return startable and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > _ROOM_BYTES


def pytest_collection_finish() -> None:
    """What was loaded and collected stays to the end; to look for garbage in it again and again takes a fifth of a run."""
    gc.freeze()
