"""The processes of an exchange, each its own, each started again when it dies; what it dies of is written down."""

import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from broker.faults import GAPS
from tests.rig.living import forks, live

_STOP_S: Final = 40.0
_PASSES: Final = 4
"""A process dies when it passes its gap for the n-th time; n by chance, up to this."""
_EVENTS: Final = 60
"""The same for the authors, who pass theirs at every event: between two deaths there must be a load."""
ANY_MOMENT: Final = 0
"""Stands for a gap's number where a process was killed at a moment of ours."""
SERVER: Final = "server"


@dataclass(slots=True)
class Deaths:
    """Kills by kind of process, gap and name; and ends that nobody ordered."""

    kills: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    unordered: list[str] = field(default_factory=list)
    armed: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Which process is going to die at which gap."""

    @property
    def rounds(self) -> int:
        """All kills."""
        return sum(self.kills.values())

    def at(self, kind: str, gap: int) -> int:
        """Kills of one kind of process at one gap."""
        return sum(count for (whose, where, _), count in self.kills.items() if (whose, where) == (kind, gap))

    def neediest(self, kind: str, name: str, gaps: tuple[int, ...]) -> int:
        """The gap among these that has had, and is about to have, the fewest kills; of several, this process's own."""
        coming = Counter(self.armed.values())
        return min(
            gaps, key=lambda gap: (self.at(kind, gap) + coming[kind, gap], self.kills[kind, gap, name])
        )


@dataclass(slots=True)
class Part:
    """One process. ``kind`` says which gaps it passes, and ``numbers`` which of them it is killed at."""

    name: str
    kind: str
    command: list[str]
    log: Path
    deaths: Deaths
    numbers: tuple[int, ...] = ()
    passes: int = _PASSES
    process: ForkServerProcess | None = None
    fault: int | None = None
    began: float = 0.0

    def start(self, *, armed: bool, chance: random.Random) -> None:
        """Start it; ``armed``: to die at the gap that needs it most."""
        self.deaths.armed.pop(self.name, None)
        self.fault = fault = None
        if armed and self.numbers:
            self.fault = self.deaths.neediest(self.kind, self.name, self.numbers)
            self.deaths.armed[self.name] = (self.kind, self.fault)
            fault = f"{self.kind}:{self.fault}:{chance.randint(1, self.passes)}"
        self._said.unlink(missing_ok=True)
        self.process = forks.Process(
            target=live, args=(self.command, self.log, self._said, fault), name=self.name, daemon=True
        )
        self.process.start()
        self.began = time.monotonic()

    @property
    def _said(self) -> Path:
        return self.log.with_suffix(".said")

    @property
    def ready(self) -> bool:
        """Whether it has said so."""
        return self._said.exists() and b"ready" in self._said.read_bytes()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        assert self.process.pid is not None
        return self.process.pid

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def look(self) -> bool:
        """Whether it lives; notes how it died."""
        assert self.process is not None
        code = self.process.exitcode
        if code is None:
            return True
        if code == -signal.SIGKILL and self.fault is not None:
            self.deaths.kills[self.kind, self.fault, self.name] += 1
        else:
            self.deaths.unordered.append(f"{self.name}: exit {code}: {_last_line(self.log)}")
        self.process.close()
        return False

    def kill(self) -> None:
        """End it as a crash would, at this very moment."""
        assert self.process is not None
        self.process.kill()
        self.process.join()
        self.process.close()
        self.deaths.kills[self.kind, ANY_MOMENT, self.name] += 1
        self.process = None

    def stop(self) -> None:
        """Ask it to end, and wait."""
        assert self.process is not None
        self.process.terminate()
        self.process.join(_STOP_S)
        self.process.kill()
        self.process.join()
        self.process.close()
        self.process = None


def parts_of(
    data: Path, homes: Mapping[str, Path], folder: Path, deaths: Deaths, rate: float, matters: int
) -> list[Part]:
    """Router, gateways, audit log, board's node and authors of one exchange."""
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    # The authors publish in their own process: gaps 4 and 5 are theirs, the others the running gateway's.
    received = tuple(number for number in GAPS["gateway"] if number not in {4, 5})
    authors = ["authors", str(folder), str(rate), str(matters)]
    return [
        Part("router", "router", ["router", "--data", str(data)], logs / "router.log", deaths, tuple(GAPS["router"])),
        *(
            Part(name, "gateway", ["gateway", "run", "--home", str(home)], logs / f"{name}.log", deaths, received)
            for name, home in homes.items()
            if name != "board"
        ),
        Part("log", "log", ["log", "run", "--data", str(data)], logs / "log.log", deaths, tuple(GAPS["log"])),
        Part("board", "board", ["board", "run", "--home", str(homes["board"])], logs / "board.log", deaths, tuple(GAPS["board"])),
        Part("authors", "gateway", authors, logs / "authors.log", deaths, (4, 5), _EVENTS),
    ]  # fmt: skip


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
