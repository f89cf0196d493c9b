"""Where authors' chains stand, and what was refused: kept with its bytes, so that nothing is lost by a refusal."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t
from broker.store.router.transaction import Transaction
from schemas.wire import Lane

_HEADS = sa.select(t.chains).where(t.chains.c.author.in_(sa.bindparam("authors", expanding=True)))
_new_head = insert(t.chains)
_ADVANCE = _new_head.on_conflict_do_update(
    index_elements=["author", "lane"],
    set_={"sequence": _new_head.excluded.sequence, "digest": _new_head.excluded.digest},
)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last message of an author in one lane."""

    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A refused message. ``state`` is ``waiting``, ``retry``, ``done`` or ``expired``; the last two have no body."""

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

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self._heads: dict[tuple[str, str], ChainHead | None] = transaction.memory()

    def read_ahead(self, authors: Collection[str]) -> None:
        """Have the heads of these authors' chains at hand."""
        places = [(author, lane.value) for author in authors for lane in Lane]
        missing = {place for place in places if place not in self._heads}
        if missing:
            self._heads.update(dict.fromkeys(missing))
            asked = sorted({author for author, _ in missing})
            for row in self._t.reading.execute(_HEADS, {"authors": asked}).all():
                if (row.author, row.lane) in missing:
                    self._heads[row.author, row.lane] = ChainHead(row.sequence, row.digest)

    def head(self, author: str, lane: str) -> ChainHead | None:
        """The head of a chain, or None before its first message."""
        self.read_ahead([author])
        return self._heads[author, lane]

    def advance(self, author: str, lane: str, head: ChainHead) -> None:
        """The chain has gone on."""
        self._heads[author, lane] = head
        row = {"author": author, "lane": lane, "sequence": head.sequence, "digest": head.digest}
        self._t.keep(_ADVANCE, row, key=(author, lane))

    def holes(self, author: str, lane: str) -> list[tuple[int, int]]:
        """The places of a chain that have not come although a later one has: first and last of each run."""
        rows = self._t.now.execute(
            sa.select(t.chain_holes.c.first, t.chain_holes.c.last).where(
                t.chain_holes.c.author == author, t.chain_holes.c.lane == lane
            )
        ).all()
        return [(row.first, row.last) for row in rows]

    def open_hole(self, author: str, lane: str, first: int, last: int) -> None:
        """These places were jumped over."""
        self._t.now.execute(t.chain_holes.insert().values(author=author, lane=lane, first=first, last=last))

    def fill_hole(self, author: str, lane: str, hole: tuple[int, int], sequence: int) -> None:
        """One of the places has come after all; what is left of the run stays open."""
        first, last = hole
        self._t.now.execute(
            t.chain_holes.delete().where(
                t.chain_holes.c.author == author, t.chain_holes.c.lane == lane, t.chain_holes.c.first == first
            )
        )
        for start, end in ((first, sequence - 1), (sequence + 1, last)):
            if start <= end:
                self.open_hole(author, lane, start, end)

    def quarantine(self, row: QuarantineRow) -> None:
        """Keep a refused message; ``entry`` is given by the store."""
        self._t.now.execute(
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
        count = self._t.now.scalar(
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
        return [QuarantineRow(**row._mapping) for row in self._t.now.execute(query).all()]  # noqa: SLF001

    def set_quarantine_state(self, entry: int, state: str) -> bool:
        """Mark an entry; False if there is none."""
        done = self._t.now.execute(
            t.quarantine.update().where(t.quarantine.c.entry == entry).values(state=state)
        )
        return bool(done.rowcount)

    def still_refused(self, entry: int, code: str, sentence: str) -> None:
        """An entry was judged again and must go on waiting, perhaps for another reason."""
        self._t.now.execute(
            t.quarantine.update()
            .where(t.quarantine.c.entry == entry)
            .values(state="waiting", code=code, sentence=sentence)
        )

    def empty(self, entry: int, state: str) -> None:
        """The bytes of an entry go, overwritten; that it was refused stays."""
        self._t.now.execute(
            t.quarantine.update().where(t.quarantine.c.entry == entry).values(state=state, body=b"")
        )

    def waiting_since(self, before_ms: int, most: int) -> list[int]:
        """Entries whose bytes have waited since before then, oldest first."""
        return list(
            self._t.now.scalars(
                sa.select(t.quarantine.c.entry)
                .where(t.quarantine.c.at_ms < before_ms, t.quarantine.c.body != b"")
                .order_by(t.quarantine.c.entry)
                .limit(most)
            )
        )

    def count_flood(self, member: str, at_ms: int) -> None:
        """One more refused message of a member that was not kept."""
        statement = insert(t.floods).values(member=member, since_ms=at_ms, count=1)
        self._t.now.execute(
            statement.on_conflict_do_update(index_elements=["member"], set_={"count": t.floods.c.count + 1})
        )

    def floods_since(self, before_ms: int) -> list[tuple[str, int, int]]:
        """Take up the counts that began before then: member, since when, how many. They begin anew."""
        rows = self._t.now.execute(
            t.floods.delete()
            .where(t.floods.c.since_ms <= before_ms)
            .returning(t.floods.c.member, t.floods.c.since_ms, t.floods.c.count)
        ).all()
        return sorted((row[0], row[1], row[2]) for row in rows)
