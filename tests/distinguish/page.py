"""``docs/withheld.md``: what was searched and what an attacker guessed, as the last long run had it."""

from datetime import date
from pathlib import Path
from typing import Final

from tests.distinguish.measuring import GRID_MS, Measured
from tests.distinguish.story import DECIDES_H, MORE
from tests.distinguish.world import CLOCKS, DURHAM, LANCASHIRE, NAMES, PACE

PAGE: Final = Path(__file__).parents[2] / "docs" / "withheld.md"
LIMIT: Final = 0.58
CONTROL: Final = 0.95


def write(on: Measured, off: Measured, today: date) -> None:
    """Write the page."""
    PAGE.write_text(page(on, off, today))


def page(on: Measured, off: Measured, today: date) -> str:
    """The page's text."""
    rows = "\n".join(_row(name, one) for name, one in (("withheld", on), ("told openly (the control)", off)))
    areas = "\n".join(
        f"| {NAMES[area]} | {len(MORE[area]) + 1} | {len(NAMES[area])} | {CLOCKS[area].value.replace('_', ' ')} "
        f"| {PACE[area].low:g} to {PACE[area].high:g} s | {DECIDES_H[area][0]:g} to {DECIDES_H[area][1]:g} h |"
        for area in (DURHAM, LANCASHIRE)
    )
    return f"""# Can the side that was left guess where a hidden family went?

Made by `python -m tests.distinguish 1000 2` on {today:%d %B %Y}; the same in short is in the suite.

One story, played on real gateways and the real router with a clock of its own: a plan, an incident, a flight, an open report by somebody who knows of no danger, a flag, an acceptance, the end of the hold, a release, late papers. In
each run the family goes to one of two areas that differ in everything that could show:

| Area | Members who write | Length of its name | Its own clock starts | Its machines answer within | Its people accept after |
|---|---|---|---|---|---|
{areas}

The attacker keeps all that the old front door, its school, health provider, police and board were sent, store and log: number, kind, size, time, sender, order and ids of every delivery, every table and file, one-time keys and
endorsements, each entry of the audit trail. Two of them are trained, a logistic regression over all features and the best single one, on four fifths of the runs, and guess the fifth that they have not seen; the better one counts.

| Destination | Runs | Features that vary | Logistic regression right | Best single feature right | Better one | 95 % upper bound (Wilson) |
|---|---|---|---|---|---|---|
{rows}

Asked for: below {LIMIT:.0%} at the upper end where it is withheld, above {CONTROL:.0%} where it is told. Slots of the relay's grid were {GRID_MS // 60_000} minutes apart in these runs, a quarter of an hour by default.

## Searched byte by byte
In [test_hidden_move.py](../tests/distinguish/test_hidden_move.py) and, over real processes with the dates of a real calendar, [test_refuge.py](../tests/acceptance/test_refuge.py): every file of the old side's homes (databases, write-ahead
logs, custody), all that the bus brought it, the audit trail as its board has it, its process's log, and all that an insider can open. Looked for: code and name of the new area, names, ids, keys, key ids and units of its members,
refuge postcode and new school, plain, in 16 bits a character, in hexadecimal, and in base64 at each alignment. Nothing was found; told openly, the same search finds them in bus, database and trail.
The directory lists every member to everybody and is the same whoever has the child: it is left out.
"""


def _row(name: str, one: Measured) -> str:
    better = one.right / one.runs
    return (
        f"| {name} | {one.runs} | {one.looked_at} | {one.logistic / one.runs:.1%} | {one.single / one.runs:.1%} "
        f"| {better:.1%} | {one.bound:.1%} |"
    )
