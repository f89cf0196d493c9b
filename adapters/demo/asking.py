"""The board's own commands, typed by its auditors: where a child is protected, a second one approves first."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from adapters.demo.stage import Stage, StageError

AUDITOR: Final = "Casey Example"
SECOND_AUDITOR: Final = "Noor Specimen"
_PURPOSE: Final = "demonstration of a case audit"
_NEEDS_APPROVAL: Final = "second auditor"


def asked(stage: Stage, command: str, *arguments: str) -> str:
    """What a question to the board's node prints. Raises StageError where it is not answered."""
    asking = (command, *arguments, "--purpose", _PURPOSE, "--by", AUDITOR)
    done = typed(stage, *asking)
    if done.returncode and _NEEDS_APPROVAL in done.stderr:
        request = done.stderr.rsplit(" ", 1)[-1].strip().rstrip(".")
        typed(stage, "approve", request, "--by", SECOND_AUDITOR, "--why", "the case audit was agreed")
        done = typed(stage, *asking)
    if done.returncode:
        raise StageError(f"the board was not answered: {done.stderr.strip()}")
    return done.stdout


def typed(stage: Stage, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command of the board's, whatever comes of it."""
    return run("handrail", "audit", command, *arguments, "--home", str(stage.homes["board"]))


def run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One of our programs, from beside our own Python."""
    path = str(Path(sys.executable).with_name(program))
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
