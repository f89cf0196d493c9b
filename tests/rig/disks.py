"""A small disk of its own under a folder that is already there, and a way to fill it to the last byte."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_BALLAST: Final = "ballast"
_CHUNK: Final = 4096


def why_not(folder: Path) -> str | None:
    """Why no small disk can be had here, or None."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "a small file system can be mounted by root only"
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"this machine forbids mounting: {tried.stderr.strip()[:200]}"
    subprocess.run(["umount", folder], check=True)
    return None


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Move what is in ``folder`` onto a file system of that size, mounted there while the block runs."""
    aside = folder.with_name(folder.name + ".aside")
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", folder], check=True
    )
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> None:
    """Leave no byte."""
    with (disk / _BALLAST).open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * _CHUNK)
        except OSError:
            return


def free(disk: Path) -> None:
    """Somebody has cleaned up."""
    (disk / _BALLAST).unlink()
