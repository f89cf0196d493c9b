"""One-time keys of hidden handovers: one's own, with their secret; and another's, as the endorsers vouch for them."""

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


class Hidden:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def of(self, handover: bytes) -> HiddenRow | None:
        """What is known of one handover that is hidden, or None."""
        row = self._c.execute(sa.select(t.hidden).where(t.hidden.c.handover == handover)).first()
        return None if row is None else HiddenRow(**row._mapping)  # noqa: SLF001  the library's own interface

    def save(self, row: HiddenRow) -> None:
        """Write it, new or changed."""
        written = insert(t.hidden).values(**asdict(row))
        changed = {name: written.excluded[name] for name in asdict(row) if name != "handover"}
        self._c.execute(written.on_conflict_do_update(index_elements=["handover"], set_=changed))
