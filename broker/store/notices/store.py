"""Notices, kept so that each rung is told once, across restarts. Each method is one transaction of its own."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.engine import open_sqlite, writing
from broker.store.notices import tables as t

NOTICES: Final = "notices.db"
"""The file's name in a member's home."""
_N = t.notices
_KEY = (_N.c.about, _N.c.kind, _N.c.due_ms, _N.c.rung)


@dataclass(frozen=True, slots=True)
class Notice:
    """One rung of one member that is to be told, or was told, of one thing owed."""

    about: bytes
    kind: str
    due_ms: int
    rung: str
    member: str
    contact: str
    role: str
    urgent: bool
    created_ms: int
    sent_ms: int | None = None
    reported_ms: int | None = None
    attempts: int = 0
    next_ms: int = 0
    fault: str | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str | None = None
    seen_reported_ms: int | None = None

    @property
    def key(self) -> tuple[bytes, str, int, str]:
        """What makes it this notice and no other."""
        return self.about, self.kind, self.due_ms, self.rung


class NoticeStore:
    """One file. Several processes may hold it: who sends, and commands."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path, "notices")

    def add(self, notices: Iterable[Notice]) -> None:
        """Write these; one that is there stays as it was. Raises UnavailableError."""
        rows = [asdict(one) for one in notices]
        if rows:
            with writing(self._engine) as connection:
                connection.execute(insert(_N).on_conflict_do_nothing(), rows)

    def drop(self, notices: Iterable[Notice]) -> None:
        """What was owed has been done before anybody was told: nobody need be. Raises UnavailableError."""
        with writing(self._engine) as connection:
            for one in notices:
                connection.execute(_N.delete().where(*_is(one), _N.c.sent_ms.is_(None)))

    def all(self) -> list[Notice]:
        """Every notice, by due time and rung."""
        return self._read(sa.select(_N).order_by(_N.c.due_ms, _N.c.created_ms))

    def of(self, abouts: Collection[bytes]) -> list[Notice]:
        """The notices about these."""
        return self._read(sa.select(_N).where(_N.c.about.in_(list(abouts))))

    def waiting(self) -> list[Notice]:
        """Not sent yet, longest due first."""
        return self._read(sa.select(_N).where(_N.c.sent_ms.is_(None)).order_by(_N.c.due_ms))

    def unreported(self) -> list[Notice]:
        """Sent, and the router has not been told."""
        return self._read(sa.select(_N).where(_N.c.sent_ms.is_not(None), _N.c.reported_ms.is_(None)))

    def seen_unreported(self) -> list[Notice]:
        """Acknowledged by a person, and the router has not been told; only what it knows of at all."""
        return self._read(
            sa.select(_N).where(
                _N.c.acknowledged_ms.is_not(None), _N.c.seen_reported_ms.is_(None), _N.c.reported_ms > 0
            )
        )

    def last_sent(self, contact: str) -> int | None:
        """When this contact was last sent anything."""
        with self._engine.connect().execution_options(reading=True) as connection:
            found: int | None = connection.scalar(
                sa.select(sa.func.max(_N.c.sent_ms)).where(_N.c.contact == contact)
            )
        return found

    def sent(self, notices: Iterable[Notice], at_ms: int) -> None:
        """These have gone out. Raises UnavailableError."""
        self._set(notices, sent_ms=at_ms, fault=None)

    def failed(self, notices: Iterable[Notice], fault: str, next_ms: int) -> None:
        """These could not be sent; they are tried again from then on. Raises UnavailableError."""
        self._set(notices, fault=fault, next_ms=next_ms, attempts=_N.c.attempts + 1)

    def reported(self, notices: Iterable[Notice], at_ms: int) -> None:
        """The router has been told, durably. Raises UnavailableError."""
        self._set(notices, reported_ms=at_ms)

    def seen_reported(self, notices: Iterable[Notice], at_ms: int) -> None:
        """The router knows that these were acknowledged, durably. Raises UnavailableError."""
        self._set(notices, seen_reported_ms=at_ms)

    def acknowledge(self, notices: Iterable[Notice], by: str, at_ms: int) -> None:
        """A person has seen these. Raises UnavailableError."""
        self._set(notices, acknowledged_ms=at_ms, acknowledged_by=by)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _set(self, notices: Iterable[Notice], **values: object) -> None:
        with writing(self._engine) as connection:
            for one in notices:
                connection.execute(_N.update().where(*_is(one)).values(**values))

    def _read(self, query: sa.Select[tuple[object, ...]]) -> list[Notice]:
        with self._engine.connect().execution_options(reading=True) as connection:
            return [Notice(**row) for row in connection.execute(query).mappings()]


def _is(notice: Notice) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(column == value for column, value in zip(_KEY, notice.key, strict=True))
