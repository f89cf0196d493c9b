"""Where the router's time goes: what its thread is doing each time that a clock of its processor time rings."""

import signal
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

from tests.bench.oversize import Place

_EVERY_S: Final = 0.001
_BATCHES: Final = 24
_STEPS: Final = (
    ("broker/crypto/keys.py", "signature_holds", "authors' signatures checked"),
    ("broker/crypto/keys.py", "sign", "notes signed, one a reader"),
    ("sqlalchemy/", "", "the database"),
    ("store/router/transaction.py", "write", "the database"),
    ("schemas/canonical.py", "", "canonical bytes read and written"),
    ("broker/routing/judging.py", "judge", "form, hashes and openings checked"),
    ("broker/routing/controls.py", "take", "receipts judged, passed on, entered"),
    ("broker/routing/desk.py", "", "numbers, notes and entries made"),
    ("broker/routing/events.py", "", "decided who is told"),
)
"""Where in the code, in which function of it (empty: any), what a person calls it. The innermost that fits counts."""
_REST: Final = "all else"


def shares() -> list[tuple[str, str]]:
    """The steps of taking a batch with its receipts, and what part of the thread's processor time each has."""
    found: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        found[_step(frame)] += 1

    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        place = Place(Path(folder), 0)
        batches = [place.traffic() for _ in range(_BATCHES)]
        signal.signal(signal.SIGPROF, look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)
        for batch in batches:
            place.take(batch)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return [
        (f"of taking a batch: {step}", f"{count / found.total():.0%}") for step, count in found.most_common()
    ]


def _step(frame: FrameType | None) -> str:
    while frame is not None:
        for place, function, step in _STEPS:
            if place in frame.f_code.co_filename and function in {"", frame.f_code.co_name}:
                return step
        frame = frame.f_back
    return _REST
