"""Telling the story while it happens: one line a step with the time it took, a moving sign while something is waited for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Teller:
    """Prints to one console; time counts from its making, in seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._begun = time.monotonic()
        self._acts = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._begun

    def act(self, title: str) -> None:
        """A new part of the story, numbered from 0."""
        self.console.print(f"\n[bold]{self._acts}. {escape(title)}[/bold]")
        self._acts += 1

    def say(self, text: str) -> None:
        """Something has happened."""
        self.console.print(f"[dim]{self.elapsed:5.1f} s[/dim]  {escape(text)}", highlight=False)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Something takes a moment: shown as moving on a terminal, and not at all in a file."""
        with self.console.status(escape(text)):
            yield
