"""Where a test has no bus: what a board's questions would put on the trail, kept here instead."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from broker.board import recording
from broker.board.node import BoardHome
from broker.bus.publisher import Outgoing


@contextmanager
def unsafe_no_bus() -> Iterator[list[Outgoing]]:
    """Everything is taken at once; gives what was. How the real bus takes it, ``test_questions_logged`` tells."""
    taken: list[Outgoing] = []
    numbers = itertools.count(1)

    def publish(_home: BoardHome, messages: Sequence[Outgoing]) -> list[int]:
        taken.extend(messages)
        return [next(numbers) for _ in messages]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "publish", publish)
        yield taken
