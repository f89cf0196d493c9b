"""A trail whose authors send slips, and the handovers of its children."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from schemas.audit import EntryKind
from schemas.slip import Informed
from tests.support.audit_trail import Trail, an_id
from tests.support.directory import CUMBERLAND, WESTMORLAND

DAY_MS: Final = 24 * 3_600_000
Ask: TypeAlias = Callable[..., list[dict[str, Any]]]
"""Puts a question by its key, narrowed by name, and gives the rows by the names of their columns."""


class Telling(Trail):
    """A trail whose authors send slips."""

    def share(
        self,
        event: str,
        kind: str,
        *,
        author: str = "school",
        code: str | None = None,
        informed: Informed = (),
        **more: Any,
    ) -> int:
        """One event, with its slip for the board."""
        key, setup = self.key(author)
        self.add(EntryKind.SLIP_KEY, **setup)
        slips = [[self.board, self.a_slip(event, author, key, kind, None, code, informed)]]
        return self.taken(event, author=author, **({"slips": slips} | more))

    def move(self, name: str, *steps: str, days: int = 0, **more: Any) -> None:
        """A handover of one child and its steps, each so many days after the one before."""
        for number, step in enumerate(("noticed", *steps)):
            fields = {
                "child": an_id(name),
                "handover": an_id(f"handover {name}"),
                "step": step,
                "state": {"accept": "accepted", "conference-held": "closed"}.get(step, step),
                "from_area": CUMBERLAND,
                "to_area": WESTMORLAND,
                "after_ms": number * days * DAY_MS,
            }
            self.add(EntryKind.HANDOVER, **(fields | more))
