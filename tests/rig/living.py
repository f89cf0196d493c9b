"""What one process of the rig runs: the same command as in life, begun from a process that has loaded its modules already.

Only the start is shorter so: a kill is a kill of a process of its own. Loading is most of a start, and a rig starts
more than a thousand.
"""

import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from broker.faults import FAULT
from tests.rig import authors

_LOADED: Final = (
    "tests.rig.living",
    "broker.cli.main",
    "broker.cli.router",
    "broker.audit.cli",
    "broker.board.cli",
    "broker.telemetry.process",
    "broker.wiring",
    "adapters.gateway.commands.gateway",
    "adapters.gateway.run",
)

forks: Final = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(list(_LOADED))


def live(command: Sequence[str], log: Path, said: Path, fault: str | None) -> None:
    """Be that process: ``handrail COMMAND``, or ``authors FOLDER RATE MATTERS``. Standard output goes to ``said``."""
    for path, number in ((said, 1), (log, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    if fault is not None:
        os.environ[FAULT] = fault
    if command[0] == "authors":
        authors.main(Path(command[1]), float(command[2]), int(command[3]))
        return
    # Imported here: the rig itself needs none of it.
    from broker.audit.cli import log as log_commands
    from broker.cli import main

    program, arguments = (log_commands, command[1:]) if command[0] == "log" else (main, command)
    program(list(arguments), prog_name="handrail")
