"""What is counted in narrow rows gives the same as looking at whole moves, events and copies, one after the other."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.store.audit.facts import Period
from broker.store.audit.rows import Scope
from broker.store.audit.store import AuditWork
from schemas.audit import EntryKind
from schemas.wire import ReceiptKind
from tests.support.audit_trail import AT_MS, Trail, an_id
from tests.support.directory import CUMBERLAND, WESTMORLAND

ELSEWHERE: Final = "E10000017"
MINUTE: Final = 60_000
SIDES: Final = st.sampled_from(
    [(CUMBERLAND, WESTMORLAND), (WESTMORLAND, CUMBERLAND), (ELSEWHERE, CUMBERLAND), (WESTMORLAND, ELSEWHERE)]
)
STEPS: Final = st.lists(
    st.sampled_from(["verify", "accept", "decline", "conference-held"]), unique=True, max_size=4
)
MOVES: Final = st.lists(
    st.tuples(
        SIDES,
        st.sampled_from(["one", "two"]),
        st.sampled_from([None, "move", "stay"]),
        STEPS,
        st.lists(st.sampled_from(["cumberland", "school", "police"]), unique=True, max_size=3),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)
SCOPES: Final = st.sampled_from(
    [
        Scope(frozenset({CUMBERLAND})),
        Scope(frozenset({CUMBERLAND, WESTMORLAND})),
        Scope(frozenset({CUMBERLAND, WESTMORLAND}), times={WESTMORLAND: (AT_MS, AT_MS + 20 * MINUTE)}),
    ]
)
ABOUT: Final = st.sampled_from([None, frozenset({an_id("one")}), frozenset[bytes]()])


def a_trail(told: list[Any]) -> Trail:
    """Moves as they may come; a report may stand twice on the trail, or not at all."""
    trail = Trail()
    for at, ((old, new), child, kind, steps, readers, reported, twice) in enumerate(told):
        trail.number += 200
        event, move = f"report {at}", {"handover": an_id(f"move {at}"), "handover_kind": kind}
        for again in range((1 + twice) if reported else 0):
            author = ("school", "police")[again]
            trail.taken(event, child=child, author=author, areas=[old, new], after_ms=at * MINUTE)
        about = {"child": an_id(child), "evidence": an_id(event), "from_area": old, "to_area": new, **move}
        for step in ("noticed", *steps):
            state = {"noticed": "noticed", "accept": "accepted"}.get(step, "verified")
            trail.add(EntryKind.HANDOVER, step=step, state=state, after_ms=at * MINUTE, **about)
        for reader in readers:
            trail.receipt(event, reader, int(ReceiptKind.OPENED), after_ms=at * MINUTE)
    return trail


def by_whole_rows(
    work: AuditWork, scope: Scope, period: Period, areas: frozenset[str], records: frozenset[bytes] | None
) -> Iterator[tuple[Any, ...]]:
    """Who opened the report of which move, without any query made for it."""
    for move in work.moves(scope, period, areas=areas, records=records):
        if move.kind not in {None, "move"}:
            continue
        (report, *_) = [*work.shares(scope, Period(), events=[move.evidence or b""]), None]
        opened: list[tuple[Any, Any]] = [
            (copy.reader, copy.opened_ms) for copy in work.copies_of([move.evidence or b""]) if copy.opened_ms
        ]
        about = move.handover, move.to_area, move.steps["noticed"]
        said = (None, None) if report is None else (report.author, report.at_ms)
        yield from ((*about, *said, *one) for one in opened or [(None, None)])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=MOVES, scope=SCOPES, areas=st.sampled_from([{CUMBERLAND}, {CUMBERLAND, WESTMORLAND}]), records=ABOUT
)
def test_narrow_rows_tell_what_whole_ones_do(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[Any],
    scope: Scope,
    areas: set[str],
    records: frozenset[bytes] | None,
) -> None:
    """Moves from, to and between the areas, each once; reports out of scope, read by many, or by none."""
    period, own = Period(AT_MS, AT_MS + 40 * MINUTE), frozenset(areas)
    with a_trail(told).store(tmp_path_factory.mktemp("tallies") / "audit.db") as store, store.look() as work:
        newest: dict[Any, Any] = {}
        for one in work.reported(scope, period, own, records):
            key = one.handover, one.reader
            if key not in newest or newest[key].place < one.place:
                newest[key] = one
        narrow = [
            (
                one.handover,
                one.to_area,
                one.noticed_ms,
                one.author,
                one.reported_ms,
                one.reader,
                one.opened_ms,
            )
            for one in newest.values()
        ]
        moves = work.moves(scope, period, areas=own, records=records)
        transfers = list(work.transfers(scope, period, own, records))

        assert sorted(by_whole_rows(work, scope, period, own, records), key=repr) == sorted(narrow, key=repr)
        assert sorted(
            (one.handover, one.steps["noticed"], *map(one.steps.get, ("verify", "accept", "conference-held")))
            for one in moves
            if one.kind in {None, "move"} and (one.last_state == "accepted" or "conference-held" in one.steps)
        ) == sorted(
            (one.handover, one.noticed_ms, one.verify_ms, one.accept_ms, one.held_ms) for one in transfers
        )
        assert [one for one in moves if one.declines] == work.moves(
            scope, period, areas=own, records=records, declined=True
        )
        # Whoever has two moves has them counted wherever the other is: the narrower list leaves no child out.
        several = work.moves(scope, period, areas=own, records=records, several=True)
        twice = {one.record for one in moves if sum(one.record == other.record for other in moves) > 1}
        assert [one for one in moves if one.record in twice] == [
            one for one in several if one.record in twice
        ]
