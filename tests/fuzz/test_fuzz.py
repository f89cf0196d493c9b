"""The short form of the fuzzing: every input that was ever found, and a short search through every target at once."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import ALL, EVERYTHING, TARGETS

ROOT = Path(__file__).parents[2]
_SECONDS = 10
INPUTS = Path(__file__).parent / "inputs"
FOUND = sorted(path for path in INPUTS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_each_seed_holds(name: str) -> None:
    """The search begins where nothing is broken."""
    seeds = list(TARGETS[name].seeds())

    assert seeds
    for seed in seeds:
        TARGETS[name].holds(seed)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_holds_now(path: Path) -> None:
    TARGETS[path.parent.name].holds(path.read_bytes())


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not built for this platform or Python"
)
def test_a_short_search_through_every_target_finds_nothing(tmp_path: Path) -> None:
    """In a process of its own: the code is instrumented there, and a crash is a crash of that process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", ALL, "--seconds", str(_SECONDS), "--inputs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    runs = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)

    assert 0 == done.returncode, done.stderr[-3000:]
    assert runs is not None
    assert int(runs.group(1)) > len(list(EVERYTHING.seeds()))
