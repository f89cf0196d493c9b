"""What happens to one child, said by one member after the other."""

from datetime import datetime, timedelta
from typing import Any, Final

from tests.support.events import CUMBERLAND, WESTMORLAND, a_document
from tests.support.postroom import PostRoom
from tests.support.turning import Stopped

HERE: Final[dict[str, Any]] = {"residence": {"gss": CUMBERLAND}}
THERE: Final[dict[str, Any]] = {"acting_area": WESTMORLAND, "residence": {"gss": WESTMORLAND}}


class Diary:
    """Says one thing after the other, five minutes apart."""

    def __init__(self, room: PostRoom, clock: Stopped) -> None:
        self._room, self._clock, self._number = room, clock, 0

    def says(self, who: str, kind: str, where: dict[str, Any] = HERE, /, **details: Any) -> datetime:
        """A member publishes it, and everybody takes it; gives when."""
        self._number += 1
        self._clock.now += timedelta(minutes=5)
        document = a_document(kind, n=self._number, details=details, **where)
        self._room[who].publish(document)
        self._room.settle()
        return self._clock.now
