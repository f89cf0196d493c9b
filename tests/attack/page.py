"""The page ``docs/attacks.md``: made from what the attacks met, never written by hand."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.attack.liars import LIES, Lie
from tests.attack.stage import a_stage

PAGE: Final = Path(__file__).parents[2] / "docs" / "attacks.md"
_HEAD: Final = """# Attacks, and what they met

Made by `python -m tests.attack`; `tests/attack` holds each row. Bold says what is not prevented.

## Parts that lie

Each liar has its real keys and runs real code. *Within* is the limit by the clock until somebody knows; *measured* is the
time that the check itself took in this run, with everything on one machine.

| Liar | Lie | Met by | How | Within | Measured |
|---|---|---|---|---|---|
"""


def play(lie: Lie, folder: Path) -> tuple[object, float]:
    """Tell one lie in an exchange of its own; gives what was seen and how many seconds it took."""
    stage = a_stage(folder)
    try:
        return lie.tell(stage), stage.seconds
    finally:
        stage.room.close()


def row(lie: Lie) -> str:
    """All of a row but the measured time."""
    return f"| {lie.liar} | {lie.lie} | {lie.by} | {lie.how} | {lie.within} |"


def rows_of(page: str) -> list[str]:
    """The rows on the page, without the measured time."""
    return re.findall(r"^(\| (?:router|front door|member) \|.*\|) \d+ ms \|$", page, flags=re.MULTILINE)


def write() -> None:
    """Tell every lie and write the page."""
    measured: dict[str, float] = {}
    for lie in LIES:
        with tempfile.TemporaryDirectory() as folder:
            seen, measured[lie.lie] = play(lie, Path(folder))
        if seen != lie.seen:
            raise SystemExit(f"{lie.liar} {lie.lie}: saw {seen!r}, not {lie.seen!r}")
    PAGE.write_text(_page(measured), "utf-8")


def _page(measured: Mapping[str, float]) -> str:
    return _HEAD + "\n".join(f"{row(lie)} {measured[lie.lie] * 1000:.0f} ms |" for lie in LIES) + "\n"
