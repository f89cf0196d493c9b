"""One running exchange for a test, and the status command as a person runs it."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.support.exchange import Exchange, a_folder_with_room, exchange

HANDRAIL = Path(sys.executable).with_name("handrail")

Status: TypeAlias = Callable[[Exchange], tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Path]:
    """A folder with as much room as the status calls well; memory may have less, and then it is on the disk."""
    with a_folder_with_room(tmp_path) as folder:
        yield folder


@pytest.fixture
async def it(roomy: Path) -> AsyncIterator[Exchange]:
    """The cast of ``SEATS``; the server runs, no service does."""
    async with exchange(roomy) as running:
        yield running


@pytest.fixture
def status() -> Status:
    """``handrail status --json`` in a process of its own: exit code, and the lines by topic."""

    def ask(it: Exchange) -> tuple[int, dict[str, dict[str, Any]]]:
        done = subprocess.run(
            [HANDRAIL, "status", "--data", it.layout.data, "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "" == done.stderr
        return done.returncode, {line["topic"]: line for line in json.loads(done.stdout)["lines"]}

    return ask
