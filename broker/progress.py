"""How far a long step has come, for whoever waits for it: a person at a terminal, or a reader of logs."""

import sys
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import structlog

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, of how many), as often as one likes."""
Tells: TypeAlias = Callable[[str], Progress]
"""Called with what is being done, which begins now."""

_log = structlog.get_logger()
_QUIET_S: Final = 0.5
"""Of what is done sooner nothing is said."""
_PARTS: Final = 5


def quiet(_done: int, _total: int) -> None:
    """Nobody waits."""


def untold(_what: str) -> Progress:
    """Nobody waits for anything."""
    return quiet


def say_progress(what: str) -> Progress:
    """Progress on standard error: one line that grows on a terminal, a line for each fifth elsewhere."""
    terminal = sys.stderr.isatty()

    def say(percent: int) -> None:
        line = f"\r{what} ... {percent:3d} %" if terminal else f"{what} ... {percent} %\n"
        sys.stderr.write(line + "\n" if terminal and percent == 100 else line)  # noqa: PLR2004  all of it
        sys.stderr.flush()

    return _stepwise(say, 100 if terminal else _PARTS)


def log_progress(what: str) -> Progress:
    """Progress as log lines, one for each fifth: for a program that nobody watches."""
    return _stepwise(lambda percent: _log.info("under-way", what=what, percent=percent), _PARTS)


def _stepwise(say: Callable[[int], None], parts: int) -> Progress:
    began, shown = time.monotonic(), -1

    def tell(done: int, total: int) -> None:
        nonlocal shown
        part = parts * done // max(total, 1)
        late = time.monotonic() - began > _QUIET_S
        if part > shown and (shown >= 0 or late):
            shown = part
            say(100 * part // parts)

    return tell
