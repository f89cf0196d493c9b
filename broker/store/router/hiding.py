"""What the router keeps so that a hidden family stays hidden: protections, one-time keys, and veiled audit entries."""

from dataclasses import asdict, dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t
from broker.store.router.transaction import Transaction
from schemas import canonical

_SLOT = "relay slot"


@dataclass(frozen=True, slots=True)
class Protection:
    """Somebody has marked a child as in danger from domestic abuse. Kept by record, so that it goes with it (P10)."""

    origin: bytes
    event: bytes
    by: str
    since_ms: int
    hold_until_ms: int
    """Until then nothing automatic is said to a side that the child has left."""
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class OneTimeRow:
    """One hidden handover's one-time keys, and what the side that was left has been told."""

    handover: bytes
    owner: str
    """The front door that holds the keys; empty until it has asked."""
    ticket: bytes = b""
    endorsements: bytes = b""
    """Canonical list of ``[endorser, endorsement]``."""
    asked: bool = False
    """A person of the new area wants the old one asked for the history before the hold is over."""
    told_ms: int | None = None
    told: bytes = b""
    """The words last told, to know whether there are others now."""
    ticket_told: bool = False
    released: bytes | None = None
    """The event by which a person of the old area let the history go."""
    acceptance: bytes = b""
    acceptance_told: bool = False
    child: bytes = b""
    """The opening by which the ticket's child is known to whoever knows its tokens; empty in one of before."""

    @property
    def given(self) -> tuple[tuple[str, bytes], ...]:
        """The endorsements so far, each with its endorser."""
        return (
            tuple((one[0], one[1]) for one in canonical.decode(self.endorsements))
            if self.endorsements
            else ()
        )


@dataclass(frozen=True, slots=True)
class SlipKeyRow:
    """A slip key that waits for the first event with a slip under it that its board may see."""

    n: int
    author: str
    board: str
    setup: bytes

    @property
    def fields(self) -> dict[str, object]:
        """As the audit entry has them."""
        return {"author": self.author, "board": self.board, "setup": self.setup}


_NOWHERE: Final = (frozenset[str](), frozenset[str]())


class Hiding:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self._hidden: dict[str, dict[bytes, tuple[frozenset[str], frozenset[str]]]] = transaction.memory()
        self._slip_keys: dict[str, list[SlipKeyRow]] = transaction.memory()

    def areas_left(self, child: bytes) -> frozenset[str]:
        """All areas of a child's hidden handovers, both ends; where it is now is the caller's to leave out."""
        return frozenset().union(*self._all().get(child, _NOWHERE))

    def areas_reached(self, child: bytes) -> frozenset[str]:
        """The areas that a hidden handover of the child leads to: another that it has left may not know of them."""
        return self._all().get(child, _NOWHERE)[1]

    def informed(self, child: bytes, area: str) -> frozenset[str]:
        """The areas of which a person where the child is has said that they may know that it has gone there."""
        h = t.handovers.c
        rows = self._t.now.execute(
            sa.select(h.from_area)
            .join(t.one_time, t.one_time.c.handover == h.handover)
            .where(h.child == child, h.to_area == area, h.withheld.is_(sa.false()))
        ).all()
        return frozenset(row.from_area for row in rows)

    def children(self) -> frozenset[bytes]:
        """Every child that some area must not find."""
        return frozenset(self._all())

    def changed(self) -> None:
        """A handover was hidden, or is hidden no more."""
        self._hidden.clear()

    def _all(self) -> dict[bytes, tuple[frozenset[str], frozenset[str]]]:
        """By child: from where its hidden handovers lead, and to where."""
        if "all" not in self._hidden:
            found: dict[bytes, tuple[set[str], set[str]]] = {}
            h = t.handovers.c
            query = sa.select(h.child, h.from_area, h.to_area).where(h.withheld.is_(sa.true()))
            for row in self._t.now.execute(query).all():
                left, reached = found.setdefault(row.child, (set(), set()))
                left.add(row.from_area)
                reached.add(row.to_area)
            self._hidden["all"] = {
                child: (frozenset(left), frozenset(reached)) for child, (left, reached) in found.items()
            }
        return self._hidden["all"]

    def protect(self, new: Protection) -> None:
        """A marker: it counts from here on, and lengthens the hold."""
        written = insert(t.protections).values(**asdict(new))
        later = sa.func.max(t.protections.c.hold_until_ms, written.excluded.hold_until_ms)
        self._t.now.execute(
            written.on_conflict_do_update(
                index_elements=["origin"],
                set_={
                    "event": written.excluded.event,
                    "by": written.excluded.by,
                    "hold_until_ms": later,
                    "lifted": sa.false(),
                },
            )
        )

    def protections_of(self, child: bytes) -> list[Protection]:
        """The markers that count for a child, under whichever of its records they came."""
        rows = self._t.now.execute(
            sa.select(t.protections)
            .join(t.records, t.records.c.origin == t.protections.c.origin)
            .where(t.records.c.child == child, t.protections.c.lifted.is_(sa.false()))
        ).all()
        return [Protection(**row._mapping) for row in rows]  # noqa: SLF001  the library's own interface

    def lift(self, child: bytes) -> None:
        """A person says that the child need not be hidden."""
        origins = sa.select(t.records.c.origin).where(t.records.c.child == child)
        self._t.now.execute(
            t.protections.update().where(t.protections.c.origin.in_(origins)).values(lifted=True)
        )

    def one_time(self, handover: bytes) -> OneTimeRow | None:
        """What is kept of one hidden handover."""
        row = self._t.now.execute(sa.select(t.one_time).where(t.one_time.c.handover == handover)).first()
        return None if row is None else OneTimeRow(**row._mapping)  # noqa: SLF001

    def save(self, row: OneTimeRow) -> None:
        """Write it, new or changed."""
        written = insert(t.one_time).values(**asdict(row))
        self._t.now.execute(
            written.on_conflict_do_update(
                index_elements=["handover"],
                set_={name: written.excluded[name] for name in asdict(row) if name != "handover"},
            )
        )

    def waiting(self) -> list[OneTimeRow]:
        """Every hidden handover, in the order of their random ids."""
        rows = self._t.now.execute(sa.select(t.one_time).order_by(t.one_time.c.handover)).all()
        return [OneTimeRow(**row._mapping) for row in rows]  # noqa: SLF001

    def given_to(self, reader: str, number: int) -> bytes | None:
        """The child that a recorded delivery was about."""
        d = t.deliveries.c
        return self._t.now.scalar(sa.select(d.child).where(d.reader == reader, d.number == number))

    def disclosed(self, child: bytes, since_ms: int) -> list[tuple[bytes, str, str, int]]:
        """Event, author, reader and time of everything that anybody was given about a child since then."""
        d = t.deliveries.c
        rows = self._t.now.execute(
            sa.select(d.event_id, d.author, d.reader, d.taken_ms)
            .where(d.child == child, d.taken_ms >= since_ms)
            .order_by(d.taken_ms, d.reader, d.number)
        ).all()
        return [(row.event_id, row.author, row.reader, row.taken_ms) for row in rows]

    def told_of_passing(self, child: bytes) -> tuple[frozenset[str], frozenset[str]]:
        """The areas that hidden handovers of a child lead from: those told that it was taken on, and those not."""
        h, o = t.handovers.c, t.one_time.c
        rows = self._t.now.execute(
            sa.select(h.from_area, o.acceptance_told)
            .join(t.one_time, o.handover == h.handover)
            .where(h.child == child, h.withheld.is_(sa.true()))
        ).all()
        told = frozenset(row.from_area for row in rows if row.acceptance_told)
        return told, frozenset(row.from_area for row in rows) - told

    def slot(self, now: int) -> bool:
        """Whether a new slot of the grid has begun since this was asked last; noted with the transaction."""
        last = self._t.now.scalar(sa.select(t.counters.c.value).where(t.counters.c.name == _SLOT))
        if last is not None and last >= now:
            return False
        written = insert(t.counters).values(name=_SLOT, value=now)
        self._t.now.execute(
            written.on_conflict_do_update(index_elements=["name"], set_={"value": written.excluded.value})
        )
        return last is not None

    def keep_slip_key(self, author: str, board: str, setup: bytes) -> None:
        """A slip key came; it goes into the trail with the first event that its board may see. The same again is one."""
        k = t.slip_keys.c
        known = sa.select(k.n).where(k.author == author, k.board == board, k.setup == setup)
        if self._t.now.scalar(known) is None:
            self._slip_keys.pop(author, None)
            self._t.now.execute(t.slip_keys.insert().values(author=author, board=board, setup=setup))

    def slip_keys_of(self, author: str) -> list[SlipKeyRow]:
        """An author's slip keys that wait, oldest first."""
        if author not in self._slip_keys:
            rows = self._t.reading.execute(
                sa.select(t.slip_keys).where(t.slip_keys.c.author == author).order_by(t.slip_keys.c.n)
            ).all()
            self._slip_keys[author] = [SlipKeyRow(**row._mapping) for row in rows]  # noqa: SLF001
        return list(self._slip_keys[author])

    def slip_key_told(self, row: SlipKeyRow) -> None:
        """It is in the trail."""
        self._slip_keys.pop(row.author, None)
        self._t.now.execute(t.slip_keys.delete().where(t.slip_keys.c.n == row.n))

    def veil(self, boards: str, body: bytes) -> None:
        """Keep an audit entry for the next block that goes to these boards."""
        self._t.now.execute(t.veiled.insert().values(boards=boards, body=body))

    def take_veiled(self, most_bytes: int) -> tuple[str, list[bytes]]:
        """The oldest entries for one set of boards, as many as fit; they are taken away."""
        first = self._t.now.execute(sa.select(t.veiled).order_by(t.veiled.c.n).limit(1)).first()
        if first is None:
            return "", []
        rows = self._t.now.execute(
            sa.select(t.veiled).where(t.veiled.c.boards == first.boards).order_by(t.veiled.c.n)
        ).all()
        taken: list[sa.Row[tuple[int, str, bytes]]] = []
        size = 0
        for row in rows:
            size += len(row.body) + 5
            if taken and size > most_bytes:
                break
            taken.append(row)
        self._t.now.execute(t.veiled.delete().where(t.veiled.c.n.in_([row.n for row in taken])))
        return first.boards, [row.body for row in taken]

    def asked_in(self, handover: bytes) -> frozenset[bytes] | None:
        """The events that were ever ordered for a handover; None where nothing was, not even an empty history."""
        o = t.orders.c
        orders = self._t.now.scalars(sa.select(o.order_id).where(o.handover == handover)).all()
        if not orders:
            return None
        e = t.order_events.c
        return frozenset(self._t.now.scalars(sa.select(e.event_id).where(e.order_id.in_(orders))))
