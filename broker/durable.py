"""Files that a power cut leaves whole: the old bytes or the new ones, never a part."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes, *, mode: int = 0o600, sync: bool = True) -> None:
    """Replace a file so that a reader, or a power cut, finds the old bytes or the new ones.

    With ``sync`` the file's name, too, is durable on return; without it the caller syncs the folder once for many.

    Raises:
        OSError: the disk refuses.
    """
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
