"""Cues that a real front door raises, its people settle and its board counts: over a real bus, router, log and node."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Final

from adapters.gateway.cues.grouping import CueState
from broker.board.node import BoardHome
from broker.board.questions import Answer, ask
from broker.clock import system_clock
from broker.store.audit.rows import Scope
from broker.store.audit.store import AuditStore
from schemas.cues import DismissReason
from tests.integration.audit.test_log_service import log_service
from tests.integration.board.test_questions_answered_by_gateways import _document
from tests.support.board import table
from tests.support.events import CUMBERLAND
from tests.support.exchange import exchange, settled

SCOPE: Final = Scope(frozenset({CUMBERLAND}))
EACH: Final = 5
"""Fewer would be suppressed."""
QUIET: Final = {"initial_category": "NEG", "latest_category": "NEG"}


def _children(many: int) -> list[str]:
    """NHS numbers of the range that is nobody's."""
    found = []
    for body in range(999_100_000, 999_100_100):
        check = (
            -sum(int(digit) * weight for digit, weight in zip(str(body), range(10, 1, -1), strict=True)) % 11
        )
        if check < 10:
            found.append(f"{body}{check}")
    return found[:many]


async def test_cues_are_raised_settled_and_counted(tmp_path: Path) -> None:
    """Of what was said the node holds nothing; what a person adds in words stays in the front door's home."""
    async with exchange(tmp_path) as it, it.router(), log_service(it), it.board() as store:
        home = BoardHome.open(it.home("board"))

        async def put() -> Answer:
            return await asyncio.to_thread(
                ask, home, store, "Kit Example", "case audit 2026/14", "Q7", {}, system_clock()
            )

        before = await put()
        async with it.gateway("cumberland") as cumberland, it.gateway("health") as health:
            children: list[dict[str, Any]] = [{"nhs_number": one} for one in _children(2 * EACH)]
            for number, child in enumerate(children):
                details = QUIET | {"plan_ref": f"plan {number}"}
                cumberland.publish(_document("plan.opened", details=details, subject=child))
            await settled(lambda: len(cumberland.inbox()) == 2 * EACH, within=60)
            for child in children:
                health.publish(_document("household.changed", subject=child))
            await settled(lambda: len(cumberland.cueing.every()) == 2 * EACH, within=60)
            raised = cumberland.cueing.every()
            for cue in raised[:EACH]:
                what = {"cue_ref": cue.id.hex(), "decision": "changed", "why": "canary"}
                cumberland.publish(_document("reappraisal.recorded", details=what))
            for cue in raised[EACH:]:
                cumberland.cueing.dismiss(cue.id.hex(), DismissReason.KNOWN, words="canary", by="canary")
            await settled(lambda: _told(store) == {"settled": EACH, "known": EACH}, within=60)
            answer = await put()
            states = Counter(cue.state for cue in cumberland.cueing.every(None))
        held = b"".join(path.read_bytes() for path in home.folder.glob("audit.db*"))

    assert not before.measured
    assert {CueState.REAPPRAISED: EACH, CueState.DISMISSED: EACH} == states
    assert {"k1"} == {cue.rule for cue in raised}
    names = ("cues", "reappraised", "dismissed", "ended", "open")
    assert [(2 * EACH, EACH, EACH, 0, 0)] * 2 == [tuple(row[name] for name in names) for row in table(answer)]
    assert b"canary" not in held


def _told(store: AuditStore) -> dict[str | None, int]:
    """What the node knows became of cues: nothing yet, a reappraisal, or the code with which one was dismissed."""
    with store.work() as work:
        owed = work.obligations(SCOPE, ("cue.k1",))
    return Counter(None if one.met_ms is None else one.reason or "settled" for one in owed)
