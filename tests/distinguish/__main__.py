"""``python -m tests.distinguish [RUNS] [WORKERS]``: the long form; writes ``docs/withheld.md``."""

import sys
from datetime import UTC, datetime

from tests.distinguish.measuring import judge, play_many
from tests.distinguish.page import CONTROL, LIMIT, PAGE, write

_CONTROL_RUNS = 40


def main() -> int:
    """Play, guess, write; 1 if the attacker does better than it may, or the control worse."""
    runs, workers = (int(one) for one in (sys.argv[1:] + ["1000", "2"][len(sys.argv) - 1 :])[:2])
    on = judge(play_many(runs, hidden=True, workers=workers))
    off = judge(play_many(_CONTROL_RUNS, hidden=False, first=100_000, workers=workers))
    write(on, off, datetime.now(UTC).date())
    print(
        f"withheld: {on.right} of {on.runs}, bound {on.bound:.3f}; openly: {off.right} of {off.runs}; {PAGE}"
    )
    return int(on.bound >= LIMIT or off.right / off.runs <= CONTROL)


if __name__ == "__main__":
    sys.exit(main())
