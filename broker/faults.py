"""The gaps between durable writes, numbered, and how a process is made to die in one of them.

It exists for the kill rig (``tests/rig``): what a crash means at each gap is tried there, not argued. In normal life
a gap is a call of a function that does nothing. ``HANDRAIL_FAULT=router:3:7`` ends a router, and nothing else, with
SIGKILL when it passes gap 3 for the seventh time; whoever sets a process's environment could end it anyway.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

FAULT: Final = "HANDRAIL_FAULT"

Gap: TypeAlias = Callable[[int], None]
"""Called where a gap is passed, with its number."""

GAPS: Final[Mapping[str, Mapping[int, str]]] = {
    "router": {
        1: "before the transaction commits",
        2: "committed, not acknowledged",
        3: "acknowledged, deliveries not published",
        4: "deliveries published, not marked on disk",
        5: "audit entries published, not marked on disk",
    },
    "gateway": {
        1: "received, not in custody",
        2: "in custody, before the ledger commits",
        3: "in the ledger, not acknowledged",
        4: "publishing, before the outbox commits",
        5: "in the outbox, the author not told",
        6: "taken from the outbox, not on the bus",
        7: "on the bus, not noted as sent",
    },
    "log": {
        1: "tiles written, head not signed",
        2: "head signed, not acknowledged",
        3: "acknowledged, head not published",
    },
    "board": {
        1: "before the entries commit",
        2: "committed, not acknowledged",
    },
}


def no_gap(_number: int) -> None:
    """Nothing dies here."""


def gap_of(part: str) -> Gap:
    """The gaps of one part of this process, as the environment asks. Raises ValueError for a malformed request."""
    asked = os.environ.get(FAULT)
    if not asked:
        return no_gap
    whose, number, times = asked.split(":")
    if whose != part:
        return no_gap
    fatal, last = int(number), int(times)
    passed: Counter[int] = Counter()

    def gap(here: int) -> None:
        passed[here] += 1
        if here == fatal and passed[here] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    return gap
