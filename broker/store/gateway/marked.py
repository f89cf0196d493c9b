"""Which children a marker of domestic abuse was about: by token, until this member's own person lifts it."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t


class Marked:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def keep(self, tokens: Collection[bytes], at_ms: int) -> None:
        """A marker was about the child with these tokens."""
        for token in tokens:
            self._c.execute(insert(t.marked).values(token=token, at_ms=at_ms).on_conflict_do_nothing())

    def forget(self, tokens: Collection[bytes]) -> None:
        """It counts no more."""
        self._c.execute(t.marked.delete().where(t.marked.c.token.in_(tokens)))

    def any_of(self, tokens: Collection[bytes]) -> bool:
        """Whether a marker that counts was about the child with any of these tokens."""
        return self._c.scalar(sa.select(sa.exists().where(t.marked.c.token.in_(tokens)))) or False
