"""What a member was told of handovers: the newest word on each."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """The newest word on a handover."""

    handover: bytes
    child: bytes | None
    number: int
    body: bytes
    verify_sent: bool


class Handovers:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def save_handover(self, row: HandoverRow) -> None:
        """Keep the newest word on a handover; an older one changes nothing."""
        statement = insert(t.handovers).values(
            handover=row.handover, child=row.child, number=row.number, body=row.body, verify_sent=False
        )
        self._c.execute(
            statement.on_conflict_do_update(
                index_elements=["handover"],
                set_={"child": row.child, "number": row.number, "body": row.body},
                where=t.handovers.c.number < row.number,
            )
        )

    def handovers(self, only: Collection[bytes] | None = None) -> list[HandoverRow]:
        """The handovers that this member was told of, all or ``only`` these, newest word first."""
        asked = sa.select(t.handovers).order_by(t.handovers.c.number.desc())
        if only is not None:
            asked = asked.where(t.handovers.c.handover.in_(only))
        return [HandoverRow(**row._mapping) for row in self._c.execute(asked).all()]  # noqa: SLF001

    def handovers_about(self, children: Collection[bytes]) -> list[HandoverRow]:
        """The handovers of a child that has these handles, newest word first."""
        asked = sa.select(t.handovers).where(t.handovers.c.child.in_(list(children)))
        rows = self._c.execute(asked.order_by(t.handovers.c.number.desc())).all()
        return [HandoverRow(**row._mapping) for row in rows]  # noqa: SLF001

    def handovers_like(self, prefix: str) -> list[HandoverRow]:
        """The handovers whose id, in hexadecimal digits of either case, begins so."""
        begins = sa.func.hex(t.handovers.c.handover).startswith(prefix.upper(), autoescape=True)
        found = self._c.execute(sa.select(t.handovers).where(begins)).all()
        return [HandoverRow(**row._mapping) for row in found]  # noqa: SLF001

    def verify_sent(self, handover: bytes) -> bool:
        """Note that the whole history was checked and said so; False if it had been said."""
        done = self._c.execute(
            t.handovers.update()
            .where(t.handovers.c.handover == handover, t.handovers.c.verify_sent.is_(False))
            .values(verify_sent=True)
        )
        return bool(done.rowcount)
