"""What gateways say of absence, of a child being seen and of who was told reaches a board's node, and answers questions there."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from broker.board.node import BoardHome
from broker.board.questions import Answer, ask
from broker.clock import system_clock
from broker.store.audit.facts import Period
from broker.store.audit.rows import Scope
from broker.store.audit.store import AuditStore
from tests.integration.audit.test_log_service import log_service
from tests.support.board import table
from tests.support.events import CHILD, CUMBERLAND, PUPIL, a_document
from tests.support.exchange import exchange, settled

HERE: dict[str, Any] = {"residence": {"gss": CUMBERLAND}, "subject": {"nhs_number": CHILD, "upn": PUPIL}}
SCOPE = Scope(frozenset({CUMBERLAND}))
MANY = 6
"""Fewer than five would be suppressed."""


def _document(kind: str, **override: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    document = a_document(kind, **(HERE | {"occurred_at": now, "recorded_at": now} | override))
    del document["id"]
    return document


def _informed(child: str) -> list[dict[str, str]]:
    mother = {"person": "parent", "told": "yes", "who": "canary mother", "objection": "canary objection"}
    return [{"person": "child", "told": child, "why": "canary reason"}, mother]


async def test_absence_without_help_a_child_being_seen_and_who_was_told(tmp_path: Path) -> None:
    """Real gateways, bus, router, log and node; of what was written the node holds nothing."""
    async with exchange(tmp_path) as it, it.router(), log_service(it), it.board() as store:
        home = BoardHome.open(it.home("board"))

        async def put(key: str) -> Answer:
            return await asyncio.to_thread(
                ask, home, store, "Kit Example", "case audit 2026/14", key, {}, system_clock()
            )

        assert [False] * 3 == [(await put(key)).measured for key in ("Q6", "Q16", "Q21")]
        async with it.gateway("cumberland") as cumberland, it.gateway("school") as school:
            for number in range(MANY):
                told = "yes" if number else "not_yet"
                cumberland.publish(
                    _document("plan.opened", details={"plan_ref": f"plan {number}"}, informed=_informed(told))
                )
            await settled(lambda: _told(store) == MANY)
            for number in range(MANY):
                school.publish(_document("concern.raised", details={"concern_ref": f"concern {number}"}))
            school.publish(_document("attendance.summary", details={"possible": 40, "attended": 30}))
            await settled(lambda: _owed(store) == {"child-seen": MANY, "early-help-after-absence": 1})
            absent = await settled(lambda: _proven(put("Q6")))
            school.publish(_document("eha.declined"))
            seen_at = datetime.now(UTC) + timedelta(milliseconds=1)
            cumberland.publish(
                _document("assessment.started", details={"child_seen_at": seen_at.isoformat()})
            )
            await settled(lambda: _owed(store) == {})
            helped, seen, told_of = [await put(key) for key in ("Q6", "Q16", "Q21")]
        held = b"".join(path.read_bytes() for path in home.folder.glob("audit.db*"))

    assert absent is not None
    assert 1 == len(absent.proof.indexes)
    assert ["Example school"] == [row["member"] for row in table(absent)]
    assert "open" in absent.notes[-1]
    assert [] == table(helped)
    whole = table(seen)[-1]
    assert (MANY, MANY, 0, 0) == tuple(whole[name] for name in ("children", "seen", "ended", "waiting"))
    rows = {row["who"]: row["objected"] for row in table(told_of)}
    assert (MANY, 0) == (rows["parents"], rows["other adults"])
    assert told_of.suppressed  # one child was not told, and five were
    assert b"canary" not in held


async def _proven(asked: Coroutine[Any, Any, Answer]) -> Answer | None:
    """An answer that a witnessed head of the log covers."""
    answer = await asked
    return answer if answer.proof.root is not None and not answer.proof.newer else None


def _told(store: AuditStore) -> int:
    """Of how many shares the node knows whether somebody was told."""
    with store.work() as work:
        return len(work.heard(SCOPE, Period(), None, None))


def _owed(store: AuditStore) -> dict[str, int]:
    """How much is owed still of each kind."""
    with store.work() as work:
        owed = work.obligations(SCOPE, ("child-seen", "early-help-after-absence"))
    return Counter(one.kind for one in owed if one.met_ms is None)
