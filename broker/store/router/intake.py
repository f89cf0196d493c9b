"""Where authors' chains stand, and what was refused: kept with its bytes, so that nothing is lost by a refusal."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last message of an author in one lane."""

    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A refused message. ``state`` is ``waiting``, ``retry`` or ``done``."""

    entry: int
    member: str
    code: str
    sentence: str
    subject: str
    body: bytes
    at_ms: int
    state: str
    verified: bool


class Intake:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def head(self, author: str, lane: str) -> ChainHead | None:
        """The head of a chain, or None before its first message."""
        row = self._c.execute(
            sa.select(t.chains).where(t.chains.c.author == author, t.chains.c.lane == lane)
        ).first()
        return None if row is None else ChainHead(row.sequence, row.digest)

    def advance(self, author: str, lane: str, head: ChainHead) -> None:
        """The chain has gone on."""
        statement = insert(t.chains).values(
            author=author, lane=lane, sequence=head.sequence, digest=head.digest
        )
        self._c.execute(
            statement.on_conflict_do_update(
                index_elements=["author", "lane"], set_={"sequence": head.sequence, "digest": head.digest}
            )
        )

    def quarantine(self, row: QuarantineRow) -> None:
        """Keep a refused message; ``entry`` is given by the store."""
        self._c.execute(
            t.quarantine.insert().values(
                member=row.member,
                code=row.code,
                sentence=row.sentence,
                subject=row.subject,
                body=row.body,
                at_ms=row.at_ms,
                state=row.state,
                verified=row.verified,
            )
        )

    def quarantined_since(self, member: str, since_ms: int) -> int:
        """How many messages of a member were put into quarantine since then."""
        count = self._c.scalar(
            sa.select(sa.func.count())
            .select_from(t.quarantine)
            .where(t.quarantine.c.member == member, t.quarantine.c.at_ms >= since_ms)
        )
        return int(count or 0)

    def in_quarantine(self, state: str | None = None) -> list[QuarantineRow]:
        """What lies in quarantine, oldest first; bodies included."""
        query = sa.select(t.quarantine).order_by(t.quarantine.c.entry)
        if state is not None:
            query = query.where(t.quarantine.c.state == state)
        return [QuarantineRow(**row._mapping) for row in self._c.execute(query).all()]  # noqa: SLF001

    def set_quarantine_state(self, entry: int, state: str) -> bool:
        """Mark an entry; False if there is none."""
        done = self._c.execute(t.quarantine.update().where(t.quarantine.c.entry == entry).values(state=state))
        return bool(done.rowcount)
