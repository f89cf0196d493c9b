"""The page ``docs/isolation.md``: who tried what, and how much of it the server refused."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.isolation.doors import Deed, doors
from tests.isolation.trying import BOARDS, PARTIES, Trial, tries, wait_for_each_other
from tests.support.exchange import exchange

PAGE: Final = Path(__file__).parents[2] / "docs" / "isolation.md"
_HEAD: Final = """# Isolation: who tried what, and how much of it the server refused

Made by `python -m tests.isolation` on a real server; `make test` tries the same. Each party holds its real keys and tries
every subject of the bus: its own, every other member's, the board's, the router's, the administrator's and the server's. The
list is made from the streams and durables that exist; what is whose is written by hand, so that a right too many is found. A
cell says how many were refused of those that are not the party's, *own* how many it may use and could. Everything was
looked at before and after: no message, no acknowledgement, no setting and no durable had changed.

"""
_TAIL: Final = """
Nobody could listen to anything but answers to their own questions ({ears} patterns tried by each). A chosen reply subject brings
nothing to anybody else, whatever answers it: `tests/integration/bus/test_permissions.py`. Who gets no connection at all (no certificate,
another authority's, a strange key, an old TLS): `tests/integration/bus/test_signing_in.py`. Who sends what is too long, or takes in more than
it reads, is cut off and harms nobody else: `tests/isolation/test_crowding.py`.
"""


async def tried(folder: Path) -> Mapping[str, Trial]:
    """Everybody tries, in one exchange."""
    async with exchange(folder) as it:
        await wait_for_each_other(it)
        all_doors = doors(it.members, BOARDS)
        return {party: await tries(it, party, all_doors) for party in PARTIES}


def table(trials: Mapping[str, Trial]) -> str:
    """One row for each deed, one column for each party."""
    rows = [f"| | {' | '.join(trials)} |", f"|---|{'---|' * len(trials)}"]
    rows += [
        f"| {deed.value} | {' | '.join(_cell(trial, party, deed) for party, trial in trials.items())} |"
        for deed in Deed
    ]
    return "\n".join(rows) + "\n"


def _cell(trial: Trial, party: str, deed: Deed) -> str:
    others = [door for door in trial.tried if door.deed is deed and party not in door.owners]
    own = [door for door in trial.tried if door.deed is deed and party in door.owners]
    refused = [door for door in others if door not in trial.let_in]
    used = [door for door in own if door not in trial.kept_out]
    parts = [f"{len(refused)} of {len(others)} refused"] if others else []
    parts += [f"own: {len(used)} of {len(own)}"] if own else []
    return ", ".join(parts)


def write() -> None:
    """Let everybody try, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        trials = asyncio.run(tried(Path(folder)))
    patterns = {trial.listened for trial in trials.values()}
    PAGE.write_text(_HEAD + table(trials) + _TAIL.format(ears=min(patterns)), "utf-8")
