"""The packaged postcodes, compiled once for all tests of this folder, and what the two compilers said meanwhile."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.areas import PostcodeIndex, default_index
from adapters.areas.cli import areas


@dataclass(frozen=True)
class Compiled:
    """A cache folder in which two processes met, and the end of each."""

    folder: Path
    said: tuple[tuple[int, str, str], ...]
    """Exit code, output, errors."""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """The cache after two processes asked for the index at the same moment and found none."""
    folder = tmp_path_factory.mktemp("areas") / "not" / "there"
    script = "from broker.cli import main; main(['areas', 'lookup', 'CA3 8NA'])"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ | {"HANDRAIL_CACHE": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=120) for process in both]
    return Compiled(
        folder, tuple((process.returncode, *end) for process, end in zip(both, ends, strict=True))
    )


@pytest.fixture(scope="session")
def packaged(compiled: Compiled) -> PostcodeIndex:
    """The index of the packaged data."""
    [path] = compiled.folder.glob("*.idx")
    return PostcodeIndex.open(path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of this test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HANDRAIL_CACHE", str(folder))
    return folder


@pytest.fixture
def full_cache(cache: Path, compiled: Compiled) -> Path:
    """A cache folder that has the index of the packaged data."""
    cache.mkdir()
    for path in compiled.folder.glob("*.idx"):
        (cache / path.name).hardlink_to(path)
    default_index(_no_compiling)
    return cache


def _no_compiling(done: int, total: int) -> None:
    pytest.fail(f"compiled again: {done} of {total}")


@pytest.fixture
def run() -> Callable[..., Result]:
    """The command, from the outside."""
    return lambda *words: CliRunner().invoke(areas, words)
