"""The processes of an exchange, each its own, each started again when it dies; what it dies of is written down."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from broker.faults import FAULT, GAPS

HANDRAIL: Final = Path(sys.executable).with_name("handrail")
_STOP_S: Final = 40.0
_PASSES: Final = 8
"""A process dies when it passes its gap for the n-th time; n by chance, up to this."""


@dataclass(slots=True)
class Deaths:
    """Kills by place: ``router 3`` at a gap, ``router`` at any moment; and ends that nobody ordered."""

    kills: Counter[str] = field(default_factory=Counter)
    unordered: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """All kills."""
        return sum(self.kills.values())

    def fewest(self, kind: str, numbers: tuple[int, ...]) -> int:
        """The gap among these that has had the fewest kills."""
        return min(numbers, key=lambda number: self.kills[f"{kind} {number}"])


@dataclass(slots=True)
class Part:
    """One process. ``kind`` says which gaps it passes, and ``numbers`` which of them it is killed at."""

    name: str
    kind: str
    command: list[str]
    log: Path
    deaths: Deaths
    numbers: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    fault: int | None = None
    began: float = 0.0
    ready: bool = False

    def start(self, *, armed: bool, chance: random.Random) -> None:
        """Start it; ``armed``: to die at the gap that needs it most."""
        self.fault = self.deaths.fewest(self.kind, self.numbers) if armed and self.numbers else None
        environment = {**os.environ, **self.environment}
        environment.pop(FAULT, None)
        if self.fault is not None:
            environment[FAULT] = f"{self.kind}:{self.fault}:{chance.randint(1, _PASSES)}"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, env=environment)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.began, self.ready = time.monotonic(), False

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def look(self) -> bool:
        """Whether it lives; notes that it has said it is ready, and how it died."""
        assert self.process is not None
        assert self.process.stdout is not None
        if not self.ready and (said := self.process.stdout.read()):
            self.ready = b"ready" in said
        code = self.process.poll()
        if code is None:
            return True
        self.process.stdout.close()
        if code == -signal.SIGKILL and self.fault is not None:
            self.deaths.kills[f"{self.kind} {self.fault}"] += 1
        else:
            self.deaths.unordered.append(f"{self.name}: exit {code}: {_last_line(self.log)}")
        return False

    def kill(self) -> None:
        """End it as a crash would, at this very moment; False if it had died by itself."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.fault = None
            if self.process.stdout:
                self.process.stdout.close()
            self.deaths.kills[self.kind] += 1
            self.process = None

    def stop(self) -> int:
        """Ask it to end, and wait; gives its exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            code = self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        with suppress(AttributeError):
            self.process.stdout.close()  # type: ignore[union-attr]
        self.process = None
        return code


def parts_of(data: Path, homes: Mapping[str, Path], folder: Path, deaths: Deaths, rate: float) -> list[Part]:
    """Router, gateways, board's node and authors of one exchange."""
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    # The authors publish in their own process: gaps 4 and 5 are theirs, the others the running gateway's.
    received = tuple(number for number in GAPS["gateway"] if number not in {4, 5})
    authors = [sys.executable, "-m", "tests.rig.authors", str(folder), str(rate)]
    return [
        Part("router", "router", [str(HANDRAIL), "router", "--data", str(data)], logs / "router.log", deaths, tuple(GAPS["router"])),
        *(
            Part(name, "gateway", [str(HANDRAIL), "gateway", "run", "--home", str(home)], logs / f"{name}.log", deaths, received)
            for name, home in homes.items()
            if name != "board"
        ),
        Part("board", "board", [str(HANDRAIL), "board", "run", "--home", str(homes["board"])], logs / "board.log", deaths, tuple(GAPS["board"])),
        Part("authors", "gateway", authors, logs / "authors.log", deaths, (4, 5)),
    ]  # fmt: skip


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
