"""Callers who come while one is at work share the next turn: for what costs little more for many than for one."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Final, Generic, TypeVar

from broker.errors import RejectedError

T = TypeVar("T")

_MOST: Final = 256
"""So many share a turn at most."""


@dataclass(slots=True)
class Call(Generic[T]):
    """What one caller wants done, and how it ended."""

    what: T
    done: bool = False
    error: BaseException | None = None

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """A refusal inside is this caller's alone: it keeps nobody back who shares the turn."""
        try:
            yield
        except RejectedError as error:
            self.error = error


class Together(Generic[T]):
    """Does what callers of any thread want, in the order in which they came; those that come at once, at once."""

    def __init__(self, carry_out: Callable[[Sequence[Call[T]]], None]) -> None:
        """``carry_out`` gets at least one call. What it raises, all of them raise."""
        self._carry_out = carry_out
        self._turn = Lock()
        self._waiting: deque[Call[T]] = deque()

    @property
    def waiting(self) -> int:
        """How many callers wait for their turn."""
        return len(self._waiting)

    def do(self, what: T) -> None:
        """Returns when it is done: by this thread, or by another whose turn it shared."""
        call = Call(what)
        self._waiting.append(call)
        with self._turn:
            while not call.done:
                self._take_turn()
        if call.error is not None:
            raise call.error

    def _take_turn(self) -> None:
        calls = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
        try:
            self._carry_out(calls)
        except BaseException as error:  # noqa: BLE001  handed on to those whom it concerns, this thread among them
            for call in calls:
                call.error = error
        finally:
            for call in calls:
                call.done = True
