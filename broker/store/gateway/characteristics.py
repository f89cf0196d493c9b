"""What a front door keeps of its children's characteristics: sealed, by a name that only its own keys make."""

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t


class Characteristics:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def of(self, name: bytes) -> bytes | None:
        """What is kept under a name, sealed; None: nothing."""
        kept: bytes | None = self._c.scalar(
            sa.select(t.characteristics.c.sealed).where(t.characteristics.c.name == name)
        )
        return kept

    def keep(self, name: bytes, sealed: bytes) -> None:
        """Keep it in place of what was there."""
        written = insert(t.characteristics).values(name=name, sealed=sealed)
        self._c.execute(
            written.on_conflict_do_update(index_elements=["name"], set_={"sealed": written.excluded.sealed})
        )

    def forget(self, name: bytes | None = None) -> int:
        """Erase what is kept under a name, or everything; gives how much there was."""
        chosen = t.characteristics.delete()
        if name is not None:
            chosen = chosen.where(t.characteristics.c.name == name)
        return self._c.execute(chosen).rowcount
