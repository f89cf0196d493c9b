"""Learning: what a board has published, and which teams of whom have acknowledged it. Names nobody (P12)."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t


@dataclass(frozen=True, slots=True)
class Published:
    """One piece of learning, for one area."""

    event_id: bytes
    area: str
    title: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A team of a reader has it."""

    reader: str
    team: str
    at_ms: int


class Learning:
    """Works inside one transaction of the caller's."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def published(self, one: Published) -> None:
        """The board has published this."""
        row = {"event_id": one.event_id, "area": one.area, "title": one.title, "at_ms": one.at_ms}
        self._c.execute(insert(t.learning).values(**row).on_conflict_do_nothing())

    def every(self) -> list[Published]:
        """All that was published here, newest first."""
        query = sa.select(t.learning).order_by(t.learning.c.at_ms.desc(), t.learning.c.area)
        return [Published(*row) for row in self._c.execute(query)]

    def acknowledge(self, event_id: bytes, reader: str, team: str, at_ms: int) -> bool:
        """A team has said so; False if it had said so before."""
        row = {"event_id": event_id, "reader": reader, "team": team, "at_ms": at_ms}
        statement = insert(t.acknowledged).values(**row).on_conflict_do_nothing()
        return bool(self._c.execute(statement).rowcount)

    def acknowledgements(self, event_id: bytes) -> list[Acknowledged]:
        """Who has it, by reader and team."""
        c = t.acknowledged.c
        query = sa.select(c.reader, c.team, c.at_ms).where(c.event_id == event_id).order_by(c.reader, c.team)
        return [Acknowledged(*row) for row in self._c.execute(query)]
