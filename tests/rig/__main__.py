"""``python -m tests.rig --rounds 1000``: kills, one a round, until there were so many; then the counts.

It ends well only if every gap has had its kills and nothing is lost, doubled, out of order or missing in the trail.
The table of kills and counts goes into ``docs/faults.md``.
"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tests.rig.conducting import Rig
from tests.rig.page import PAGE, table, write


@click.command()
@click.option("--rounds", default=50, show_default=True)
@click.option("--every", default=100, show_default=True, help="Rounds between two counts.")
@click.option("--least", default=5, show_default=True, help="Kills at every gap, whatever the rounds.")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where it lies; given again, it goes on from there."
)
@click.option("--rate", default=15.0, show_default=True, help="Events a second.")
@click.option(
    "--ack-wait",
    default=20,
    show_default=True,
    help="Seconds until the bus gives on what a dead reader held.",
)
@click.option("--seed", default=1, show_default=True)
@click.option("--page", type=click.Path(path_type=Path), default=PAGE, help="The page that holds the table.")
def main(
    rounds: int,
    every: int,
    least: int,
    folder: Path | None,
    rate: float,
    ack_wait: int,
    seed: int,
    page: Path,
) -> None:
    """Kill everything, again and again, and count."""
    folder = folder or Path(tempfile.mkdtemp(prefix="handrail-rig-"))
    rig = Rig.make(folder, seed=seed, rate=rate, ack_wait_s=ack_wait)
    sys.exit(asyncio.run(_run(rig, rounds, every, least, page)))


async def _run(rig: Rig, rounds: int, every: int, least: int, page: Path) -> int:
    began = time.monotonic()
    me = asyncio.current_task()
    assert me is not None
    # Ended early it still stops its processes and writes down what there was.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, me.cancel)
    async with rig:
        click.echo(f"up after {time.monotonic() - began:.0f} s in {rig.folder}")
        faults: dict[str, Any] = {}
        while (rig.deaths.rounds < rounds or rig.short_of(least)) and not faults:
            goal = min(rounds, rig.deaths.rounds + every)
            await rig.rounds(goal, least if goal == rounds else 0)
            t = time.monotonic()
            waiting = await rig.settle()
            counts = rig.count()
            faults = counts.faults() | ({"waiting": waiting} if waiting else {})
            click.echo(
                f"{rig.deaths.rounds} rounds after {t - began:.0f} s, settled in {time.monotonic() - t:.0f} s"
            )
            click.echo(
                json.dumps({k: v if not isinstance(v, list) else len(v) for k, v in asdict(counts).items()})
            )
            write(page, table(rig.deaths, rig.gaps(), counts))
        for name, found in faults.items():
            click.echo(f"{name}: {len(found)}\n  " + "\n  ".join(found[:10]))
        for line in rig.deaths.unordered[-10:]:
            click.echo(f"unordered: {line}")
    return 1 if faults else 0


if __name__ == "__main__":
    main()
