"""These tests have no bus."""

from collections.abc import Iterator

import pytest

from broker.bus.publisher import Outgoing
from tests.support.own_trail import unsafe_no_bus


@pytest.fixture(autouse=True)
def no_bus() -> Iterator[list[Outgoing]]:
    """What the questions put on the trail."""
    with unsafe_no_bus() as taken:
        yield taken
