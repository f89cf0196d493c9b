"""A room with a real router and real gateways."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postroom import PostRoom, a_postroom


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PostRoom]:
    """Everybody of the cast, nothing sent yet."""
    made = a_postroom(tmp_path)
    yield made
    made.close()
