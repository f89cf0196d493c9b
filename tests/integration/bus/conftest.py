"""One running exchange for a test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.exchange import Exchange, exchange


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Exchange]:
    """The cast of ``SEATS``; the server runs, no service does."""
    async with exchange(tmp_path) as running:
        yield running
