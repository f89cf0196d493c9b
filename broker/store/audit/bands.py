"""Bands of children's characteristics, as front doors told of them: by record, and inside one transaction."""

from collections.abc import Collection

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.answers import AT_ONCE, Answers, concerned
from broker.store.audit.rows import Scope, Told, read_bands


class BandsTold(Answers):
    """Works inside one transaction."""

    def tells_of_bands(self) -> bool:
        """Whether any member has ever told this board of a band."""
        query = sa.select(t.slips.c.event_id).where(t.slips.c.age.is_not(None)).limit(1)
        return self._c.scalar(query) is not None

    def bands_of(self, scope: Scope, records: Collection[bytes], authors: Collection[str]) -> list[Told]:
        """What these authors told of these records by events within the scope; alike is put together."""
        c, said = t.shares.c, t.slips.c
        alike = (c.record, said.author, said.age, said.ethnicity, said.disabled)
        ordered = sorted(records)
        found: list[Told] = []
        for start in range(0, len(ordered), AT_ONCE):
            query = (
                sa.select(*alike, sa.func.min(c.at_ms), sa.func.max(c.at_ms))
                .select_from(t.shares)
                .join(t.slips, said.event_id == c.event_id)
                .where(
                    c.record.in_(ordered[start : start + AT_ONCE]),
                    c.author.in_(sorted(authors)),
                    said.age.is_not(None),
                    concerned(c.thread, scope, c.at_ms),
                )
                .group_by(*alike)
                .order_by(*alike)
            )
            found += [
                Told(record, author, read_bands(age, ethnicity, disabled), first_ms, last_ms)
                for record, author, age, ethnicity, disabled, first_ms, last_ms in self._c.execute(query)
            ]
        return found
