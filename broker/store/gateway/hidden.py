"""One-time keys of hidden handovers: one's own, another's as endorsers vouch for it, and what an endorser was asked."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t


@dataclass(frozen=True, slots=True)
class HiddenRow:
    """One hidden handover. ``own``: this is the side that may know, and ``secret`` holds the vault's wrapped keys."""

    handover: bytes
    own: bool
    ticket: bytes
    """One's own ticket; or the other's, with its endorsements."""
    secret: bytes = b""
    acceptance: bytes = b""
    """The other side's acceptance, signed with the one-time key."""
    child: bytes = b""
    """One's own: the child, as the router names it here."""
    evidence: bytes = b""
    """One's own: the move that the endorsers were shown."""
    refused: str = ""
    """One's own: ``[member code]`` of each endorser that would not vouch for them, a line each."""


@dataclass(frozen=True, slots=True)
class EndorsingRow:
    """One ticket that an endorser was asked to vouch for. ``ticket`` is its SHA-256."""

    ticket: bytes
    handover: bytes
    key_id: str
    asker: str
    evidence: bytes
    """The event that was shown; empty where none could be read."""
    author: str
    """Who signed that."""
    code: str
    """Why not; empty where it vouches."""
    at_ms: int
    by: str = ""
    """The person who decided, where one did."""
    because: str = ""
    request: bytes = b""
    """The signed ticket."""


class Hidden:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def of(self, handover: bytes) -> HiddenRow | None:
        """What is known of one handover that is hidden, or None."""
        row = self._c.execute(sa.select(t.hidden).where(t.hidden.c.handover == handover)).first()
        return None if row is None else HiddenRow(**row._mapping)  # noqa: SLF001  the library's own interface

    def own(self) -> list[HiddenRow]:
        """All of one's own."""
        asked = sa.select(t.hidden).where(t.hidden.c.own.is_(sa.true()))
        return [HiddenRow(**row._mapping) for row in self._c.execute(asked).all()]  # noqa: SLF001

    def endorsing(self, ticket: bytes) -> EndorsingRow | None:
        """What became of one ticket, by its SHA-256."""
        row = self._c.execute(sa.select(t.endorsings).where(t.endorsings.c.ticket == ticket)).first()
        return None if row is None else EndorsingRow(**row._mapping)  # noqa: SLF001

    def endorsings(self) -> list[EndorsingRow]:
        """All that an endorser was asked, oldest first."""
        asked = sa.select(t.endorsings).order_by(t.endorsings.c.at_ms, t.endorsings.c.ticket)
        return [EndorsingRow(**row._mapping) for row in self._c.execute(asked).all()]  # noqa: SLF001

    def shown_before(self, evidence: bytes, handover: bytes, key_id: str) -> bool:
        """Whether other keys of this handover were vouched for on that move."""
        e = t.endorsings.c
        asked = sa.select(e.ticket).where(
            e.evidence == evidence, e.handover == handover, e.key_id != key_id, e.code == ""
        )
        return self._c.scalar(asked) is not None

    def keep_endorsing(self, row: EndorsingRow) -> None:
        """Write down what was asked and answered, new or decided anew."""
        written = insert(t.endorsings).values(**asdict(row))
        changed = {name: written.excluded[name] for name in asdict(row) if name != "ticket"}
        self._c.execute(written.on_conflict_do_update(index_elements=["ticket"], set_=changed))

    def save(self, row: HiddenRow) -> None:
        """Write it, new or changed."""
        written = insert(t.hidden).values(**asdict(row))
        changed = {name: written.excluded[name] for name in asdict(row) if name != "handover"}
        self._c.execute(written.on_conflict_do_update(index_elements=["handover"], set_=changed))
