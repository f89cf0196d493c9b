"""A router's desk for each test, on the directory that all of them share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import RouterDesk, a_desk, a_wide_directory
from tests.support.directory import World


@pytest.fixture(scope="session")
def wide() -> World:
    """Three front doors and those who work beside them."""
    return a_wide_directory()


@pytest.fixture
def desk(tmp_path: Path, wide: World) -> Iterator[RouterDesk]:
    """A router that has seen nothing yet."""
    made = a_desk(tmp_path, wide)
    yield made
    made.store.close()
