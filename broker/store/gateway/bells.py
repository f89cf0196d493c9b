"""Bells: whoever waits for a commit in a home is woken by it, and need not look again and again.

A listener has a FIFO in the home's folder ``bells``; whoever has committed writes a byte into each. They hold nothing and
promise nothing: who was not woken looks by himself a little later. A listener that was killed leaves its FIFO behind;
nobody reads from that any more, and the next who rings takes it away.
"""

import errno
import os
import select
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

_DRAINED: Final = 4096


class Bell:
    """One listener's. Use it as a context manager; ``fileno`` becomes readable when somebody rings."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / token_hex(8)
        self._fd = -1

    def __enter__(self) -> Self:
        folder = self._path.parent
        unheard = folder / f".{self._path.name}"
        # Without one (a file system that has none) there is only looking now and then.
        with suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.mkfifo(unheard, 0o600)
            # Open for writing too: else it would look rung for good once somebody has rung and gone.
            self._fd = os.open(unheard, os.O_RDWR | os.O_NONBLOCK)
            # Named last: whoever found it before somebody listens would take it away.
            unheard.rename(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._path.unlink(missing_ok=True)
            self._fd = -1

    def fileno(self) -> int:
        """The file to wait for, or -1 where there is none."""
        return self._fd

    def wait(self, seconds: float) -> None:
        """Until somebody rings, or so long."""
        select.select([self._fd] if self._fd >= 0 else [], [], [], seconds)
        self.silence()

    def silence(self) -> None:
        """What has rung so far has been heard."""
        if self._fd >= 0:
            with suppress(BlockingIOError):
                os.read(self._fd, _DRAINED)


def ring(folder: Path) -> None:
    """Wake all who listen. Never waits and never fails."""
    try:
        paths = list(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if not path.name.startswith("."):
            _ring_one(path)


def _ring_one(path: Path) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nobody listens
            path.unlink(missing_ok=True)
        return
    try:
        with suppress(OSError):  # full of bells that were not heard yet: one more changes nothing
            os.write(handle, b"\0")
    finally:
        os.close(handle)
