"""What is kept to be counted gives the same answers as counting every event, row by row."""

import sqlite3  # for tables as they were, apart from any code of today
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.audit.relearning import rebuild
from broker.store.audit.facts import Period
from broker.store.audit.rows import Scope
from broker.store.audit.store import AuditStore, AuditWork
from broker.store.audit.tables import TURNS
from schemas.audit import EntryKind
from tests.support.audit_trail import AT_MS, Trail
from tests.support.directory import CUMBERLAND, WESTMORLAND

ENDS: Final = ("concern.closed", "plan.closed", "eha.closed")
MINUTE: Final = 60_000
AREAS: Final = ([CUMBERLAND], [WESTMORLAND], [CUMBERLAND, WESTMORLAND])
EVENTS: Final = st.lists(
    st.tuples(
        st.sampled_from((*TURNS, "attendance.summary")),
        st.sampled_from(("one", "two", None)),
        st.sampled_from(AREAS),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=14,
)
BOTH: Final = frozenset({CUMBERLAND, WESTMORLAND})
SCOPES: Final = st.sampled_from(
    [
        Scope(frozenset({CUMBERLAND})),
        Scope(BOTH),
        Scope(BOTH, times={WESTMORLAND: (AT_MS, AT_MS + 6 * MINUTE)}),
    ]
)


def row_by_row(
    work: AuditWork, scope: Scope, period: Period, within_ms: int
) -> dict[bytes, tuple[object, bool]]:
    """Concerns, and whether they came shortly after an end: as it would be counted without any table for it."""
    ends: dict[bytes, list[int]] = defaultdict(list)
    for one in work.shares(scope, period._replace(since_ms=0), types=ENDS):
        if one.record is not None:
            ends[one.record].append(one.at_ms)
    return {
        one.event_id: (
            one.holder,
            any(0 < one.at_ms - at <= within_ms for at in ends.get(one.record or b"", ())),
        )
        for one in work.shares(scope, period, types=["concern.raised"])
    }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=EVENTS,
    key_at=st.integers(0, 14),
    scope=SCOPES,
    since=st.integers(0, 8),
    within=st.integers(0, 6),
    again=st.booleans(),
)
def test_what_is_kept_counts_what_every_row_says(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, str | None, list[str], int, bool]],
    key_at: int,
    scope: Scope,
    since: int,
    within: int,
    again: bool,
) -> None:
    """Whenever the key of the slips comes, and though an event may stand twice on the trail."""
    trail = Trail()
    key, setup = trail.key()
    for number, (kind, child, areas, wait, twice) in enumerate(told):
        if number == key_at:
            trail.add(EntryKind.SLIP_KEY, **setup)
        for copy in range(1 + twice):
            about: dict[str, Any] = {"holder": areas[copy % len(areas)], "areas": areas}
            if child is None:
                about["origin"] = None
            trail.taken(
                f"event {number}",
                child=child or "nobody",
                slip=(key, kind, None),
                after_ms=(number + wait) * MINUTE,
                **about,
            )
    trail.add(EntryKind.SLIP_KEY, **setup)
    period = Period(AT_MS + since * MINUTE, AT_MS + 12 * MINUTE)
    with trail.store(tmp_path_factory.mktemp("turns") / "audit.db", batch=3) as store:
        if again:
            rebuild(trail.projection(), store)
        with store.work() as work:
            kept = work.raised(scope, period, "concern.raised", ENDS, within * MINUTE)

            assert row_by_row(work, scope, period, within * MINUTE) == {
                one.event_id: (one.holder, one.again) for one in kept
            }
            assert _several(work, scope, period) == work.records_with_several(scope, period, "plan.opened")


def _several(work: AuditWork, scope: Scope, period: Period) -> frozenset[bytes]:
    events: dict[bytes, set[bytes]] = defaultdict(set)
    for one in work.shares(scope, period, types=["plan.opened"]):
        if one.record is not None:
            events[one.record].add(one.event_id)
    return frozenset(record for record, some in events.items() if len(some) > 1)


def test_a_store_of_the_version_before_learns_anew(tmp_path: Path) -> None:
    """Its tables are made anew, its entries stay."""
    trail = Trail()
    trail.taken("event")
    with trail.store(tmp_path / "audit.db") as store:
        before = list(store.dump())
    with closing(sqlite3.connect(tmp_path / "audit.db")) as connection:
        connection.execute("DROP TABLE turns")
        connection.execute("DROP TABLE slips")
        connection.execute("CREATE TABLE slips (event_id BLOB PRIMARY KEY, informed TEXT)")
        connection.execute("CREATE TABLE parties (member TEXT PRIMARY KEY)")
        connection.execute("UPDATE projected SET version = 2")
        connection.execute("UPDATE alembic_version SET version_num = 'a0006'")
        connection.commit()

    store = AuditStore(tmp_path / "audit.db")
    try:
        assert store.stale
        rebuild(trail.projection(), store)
        assert not store.stale
        assert before == list(store.dump())
    finally:
        store.close()
