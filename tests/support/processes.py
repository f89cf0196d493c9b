"""Our own programs as processes, each with its log in a file; stopped with the block."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HANDRAIL: Final = Path(sys.executable).with_name("handrail")
_STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """One process. ``log`` is what it wrote to standard error so far."""

    process: subprocess.Popen[str]
    path: Path

    @property
    def log(self) -> str:
        """Everything that it logged."""
        return self.path.read_text()


@contextmanager
def program(log: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """``handrail ARGUMENTS``, from the moment that it says ``ready`` until the block ends; it must end well."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [HANDRAIL, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(env or {})},
        )
    try:
        assert process.stdout is not None
        assert "ready" == process.stdout.readline().strip(), log.read_text()
        yield Running(process, log)
    finally:
        process.terminate()
        code = process.wait(_STOP_S)
        if process.stdout:
            process.stdout.close()
    assert 0 == code, log.read_text()
