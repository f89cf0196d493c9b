"""``python -m tests.model --examples N`` or ``--hours H``: the long form of the model, with new random lives each time."""

import argparse
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.flights import Flights
from tests.model.machine import Lives
from tests.model.play import table
from tests.model.tour import missing, pairs, tour

_AT_ONCE = 50
"""Examples between two looks at the clock."""
_FLIGHT_STEPS = 16
"""A step of a flight is an hour or a week, and each of its slots is played."""


def main() -> None:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument(
        "--hours", type=float, default=0.0, help="play until then, whatever the number of examples"
    )
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument(
        "--flights", type=int, default=0, help="play so many flights of a hidden family instead"
    )
    parser.add_argument(
        "--tour", action="store_true", help="every stage and verb of every kind, no random lives"
    )
    asked = parser.parse_args()
    if asked.tour:
        tour()
        print(f"{table()}\n{len(pairs()) - len(missing())} of {len(pairs())} (kind, stage, verb) visited")
        return
    if asked.flights:
        run_state_machine_as_test(Flights, settings=_chosen(asked.flights, min(asked.steps, _FLIGHT_STEPS)))
        print(f"{asked.flights} flights, nothing broken")
        return
    until = time.monotonic() + asked.hours * 3600
    played = 0
    while played < asked.examples or time.monotonic() < until:
        chosen = _chosen(_AT_ONCE if asked.hours else asked.examples, asked.steps)
        run_state_machine_as_test(Lives, settings=chosen)
        played += chosen.max_examples
        print(f"{played} lives, nothing broken", flush=True)
    print(table())
    print(*(f"{count:>8}  {crash}" for crash, count in sorted(Lives.crashes.items())), sep="\n")


def _chosen(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


if __name__ == "__main__":
    main()
