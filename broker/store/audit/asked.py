"""What was asked of this node, and who approved that a question about a protected child be answered. No projection."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.answers import Answers
from broker.store.audit.rows import Asked
from schemas import canonical


@dataclass(frozen=True, slots=True)
class Request:
    """A question about protected children that waits, or waited, for a second auditor. ``children``: which, as a digest."""

    question: int
    asker: str
    asked: str
    children: bytes
    approver: str | None
    why: str | None
    until_ms: int | None


class AskedWork(Answers):
    """Works inside one transaction; durable when that commits."""

    def write_down(self, at_ms: int, asker: str, purpose: str, asked: str, shown: int) -> int:
        """Record a question and give its number. Only once it is durable may the answer be shown."""
        row = {"at_ms": at_ms, "asker": asker, "purpose": purpose, "asked": asked, "shown": shown}
        statement = t.questions.insert().values(**row).returning(t.questions.c.question)
        return int(self._c.execute(statement).scalar_one())

    def next_logged(self) -> int:
        """The number of the next question's entry: from 1, without gaps."""
        return int(self._c.scalar(sa.select(sa.func.max(t.logged.c.number))) or 0) + 1

    def keep_logged(self, question: int, number: int, body: bytes) -> None:
        """A question's entry of the log, which the trail does not have yet."""
        self._c.execute(t.logged.insert().values(question=question, number=number, body=body))

    def unlogged(self) -> list[tuple[int, int, bytes]]:
        """Question, number and entry of those that the trail does not have yet, in order."""
        c = t.logged.c
        query = sa.select(c.question, c.number, c.body).where(c.sequence.is_(None)).order_by(c.number)
        return [(row.question, row.number, row.body) for row in self._c.execute(query)]

    def is_logged(self, question: int, sequence: int) -> None:
        """The trail has it, as its message of that number."""
        c = t.logged.c
        self._c.execute(t.logged.update().where(c.question == question).values(sequence=sequence))

    def logged(self, questions: Collection[int]) -> dict[int, tuple[int | None, bytes]]:
        """By question: the message on the trail that it is, if any yet, and the entry."""
        query = sa.select(t.logged).where(t.logged.c.question.in_(sorted(questions)))
        return {row.question: (row.sequence, row.body) for row in self._c.execute(query)}

    def questions(self) -> list[Asked]:
        """Every question put to this node, oldest first."""
        rows = self._c.execute(sa.select(t.questions).order_by(t.questions.c.question)).all()
        return [Asked(row.question, row.at_ms, row.asker, row.purpose, row.asked, row.shown) for row in rows]

    def pieces(self, key: str) -> dict[str, list[list[bytes]]]:
        """Into which pieces the answers to one question have cut what it counts, by family; none before the first."""
        body = self._c.scalar(sa.select(t.pieces.c.body).where(t.pieces.c.key == key))
        if body is None:
            return {}
        width, families = canonical.decode(body)
        return {
            name: [[one[at : at + width] for at in range(0, len(one), width)] for one in joined]
            for name, joined in families.items()
        }

    def keep_pieces(self, key: str, pieces: Mapping[str, Sequence[Sequence[bytes]]]) -> None:
        """Another answer has cut them further."""
        self._c.execute(t.pieces.delete().where(t.pieces.c.key == key))
        # End to end, since a canonical value has an end to its items: the things of one question have ids of one length.
        joined = {name: [b"".join(one) for one in some] for name, some in pieces.items()}
        width = next((len(one[0]) for some in pieces.values() for one in some), 0)
        self._c.execute(t.pieces.insert().values(key=key, body=canonical.encode([width, joined])))

    def answered(self, asked: str) -> tuple[int, str] | None:
        """When a question in these words was answered last, and what ``keep_answer`` was given then."""
        row = self._c.execute(sa.select(t.answered).where(t.answered.c.asked == asked)).one_or_none()
        return None if row is None else (row.at_ms, row.rows)

    def keep_answer(self, asked: str, at_ms: int, rows: str) -> None:
        """It is answered now."""
        self._c.execute(t.answered.delete().where(t.answered.c.asked == asked))
        self._c.execute(t.answered.insert().values(asked=asked, at_ms=at_ms, rows=rows))

    def request(self, question: int, asker: str, asked: str, children: bytes) -> None:
        """A question waits for a second auditor."""
        self._c.execute(
            t.requests.insert().values(question=question, asker=asker, asked=asked, children=children)
        )

    def requests(self, question: int | None = None) -> list[Request]:
        """Requests, oldest first; or the one of this number."""
        query = sa.select(t.requests).order_by(t.requests.c.question)
        if question is not None:
            query = query.where(t.requests.c.question == question)
        return [Request(*row) for row in self._c.execute(query)]

    def approve(self, question: int, approver: str, why: str, until_ms: int) -> None:
        """A second auditor says that it may be answered, until then."""
        self._c.execute(
            t.requests.update()
            .where(t.requests.c.question == question)
            .values(approver=approver, why=why, until_ms=until_ms)
        )

    def is_approved(self, asker: str, asked: str, children: bytes, at_ms: int) -> bool:
        """Whether this very question, by this person, about these children may be answered now."""
        c = t.requests.c
        query = sa.select(c.question).where(
            c.asker == asker, c.asked == asked, c.children == children, c.until_ms > at_ms
        )
        return self._c.scalar(query.limit(1)) is not None
