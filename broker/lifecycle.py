"""How a process of ours settles once it is up, and how it stops: take no more, finish within a limit, abandon."""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_COLLECT_AFTER: Final = (50_000, 20, 50)

# Found before any fork. Not "is the parent process 1": in a container ``handrail up`` is process 1 itself.
_PARENT: Final = os.getpid()
_prctl: Final = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def settle_memory() -> None:
    """What is loaded now stays: the collector of cycles leaves it alone from here on, and looks at the rest less often.

    A batch of messages makes tens of thousands of objects that go by themselves; by default the collector would walk
    through what is alive, directory, tables and all, at every 700 of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


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
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != _PARENT:
            os._exit(1)  # it died in between, and nobody would tell
