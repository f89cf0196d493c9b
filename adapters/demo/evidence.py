"""The last act: the board asks its own node, takes an answer away in a file, and shows that nobody need believe it.

Every step is the command that a board officer would type.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adapters.demo.asking import asked, run, typed
from adapters.demo.cast import Plot
from adapters.demo.stage import Stage
from adapters.demo.teller import Teller

_TOLD: Final = 3
"""So many lines of what is proven are shown."""
_HEAD_S: Final = 60.0
_COVERED: Final = r"the (\d+) entries at this node"
_NEWER: Final = r"(\d+) newer entries"


@dataclass(slots=True)
class Evidence:
    """What the board was answered, and what became of the file."""

    stage: Stage
    plot: Plot
    teller: Teller
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    verified: bool = False
    """The export, checked offline, was proven."""
    caught: str = ""
    """What was said of a copy with one letter changed; empty where it passed."""

    target: int = 0
    """How many entries the head must cover."""

    def perform(self) -> None:
        """Play it. Raises StageError where the log did not sign in time, or the board was not answered."""
        self.teller.act("The board asks, and need not be believed")
        child = ("--nhs", self.plot.child.nhs_number)
        for key, narrowed in (("Q1", child), ("Q3", ())):
            answer = self.answers[key] = json.loads(asked(self.stage, "ask", key, *narrowed, "--json"))
            self.teller.say(f"{key}, {answer['title']}: {' '.join(answer['summary'])}")
        with self.teller.waiting("waiting for a signed head of the log that two members have witnessed ..."):
            self.stage.wait(self._covered, "a head that covers the trail", _HEAD_S)
        file, keys = self.stage.data / "evidence.json", self.stage.data / "keys"
        asked(self.stage, "export", str(file), *child)
        keys.write_text(run("handrail", "log", "keys", "--data", str(self.stage.data)).stdout)
        checked = run("handrail-verify", str(file), "--key", str(keys))
        self.verified = checked.returncode == 0
        self.teller.say("The answer goes into a file, and a program that knows nothing of Handrail reads it:")
        for line in checked.stdout.splitlines()[: _TOLD + 1]:
            self.teller.say(f"  {line}")
        self._tamper(file, keys)

    def holds(self) -> bool:
        """Whether both questions were answered from what happened, the file was proven, and its changed copy was not."""
        told = all(answer["measured"] and answer["rows"] for answer in self.answers.values())
        return told and self.verified and bool(self.caught)

    def _tamper(self, file: Path, keys: Path) -> None:
        copy = file.with_name("changed.json")
        document = json.loads(file.read_bytes())
        leaf = next(entry["leaf"] for entry in document["entries"] if "leaf" in entry)
        middle = len(leaf) // 2
        changed = leaf[:middle] + ("A" if leaf[middle] != "A" else "B") + leaf[middle + 1 :]
        copy.write_bytes(file.read_bytes().replace(leaf.encode(), changed.encode(), 1))
        checked = run("handrail-verify", str(copy), "--key", str(keys))
        said = checked.stdout.splitlines()
        if checked.returncode == 1:
            self.caught = said[1].removeprefix("- ")
        self.teller.say(f"A copy with one letter changed: {' '.join(said[:2])}")

    def _covered(self) -> bool:
        """Whether the newest head that counts covers what was at the board's node when this was first asked."""
        done = typed(self.stage, "verify")
        if done.returncode:
            return False
        covered, newer = (
            int(found[1]) if (found := re.search(pattern, done.stdout)) else 0
            for pattern in (_COVERED, _NEWER)
        )
        self.target = self.target or covered + newer
        return covered >= self.target
