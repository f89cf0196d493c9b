"""How a process of ours stops: take no more, finish within a limit, abandon."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """Set ``stop`` at the first SIGTERM or SIGINT; a second one takes its default effect and kills."""
    loop = asyncio.get_running_loop()
    watched = (signal.SIGTERM, signal.SIGINT)

    def first() -> None:
        stop.set()
        for number in watched:
            loop.remove_signal_handler(number)

    for number in watched:
        loop.add_signal_handler(number, first)
    try:
        yield
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


def die_with_parent() -> None:
    """Ask the kernel to send this process SIGTERM when its parent dies. A no-op where that is not offered.

    Called between fork and exec, so that a killed ``handrail up`` leaves no orphan holding its ports.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:
            os._exit(1)
