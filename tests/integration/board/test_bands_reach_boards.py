"""Bands of children's characteristics reach a board's node from a front door's gateway, and answer a question there."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.board.node import BoardHome
from broker.board.questions import Answer, ask
from broker.clock import system_clock
from broker.directory.apply import apply
from broker.store.audit.facts import Period
from broker.store.audit.rows import Scope
from broker.store.audit.store import AuditStore
from tests.integration.audit.test_log_service import log_service
from tests.support.banding import agree_on_bands
from tests.support.events import CHILD, CUMBERLAND, WESTMORLAND, a_document
from tests.support.exchange import exchange, settled

MANY = 6
"""Fewer than five would be suppressed."""
WORKER = Person("Rowan Example", "team manager")
SCOPE = Scope(frozenset({CUMBERLAND, WESTMORLAND}))
WEIGHTS = range(10, 1, -1)


def children() -> list[str]:
    """NHS numbers of fictitious children: those of the 999 range whose check digit exists."""
    found = []
    for number in range(50, 50 + 2 * MANY):
        text = f"99900{number:04d}"
        check = (11 - sum(int(digit) * weight for digit, weight in zip(text, WEIGHTS, strict=True)) % 11) % 11
        found += [f"{text}{check}"] if check < 10 else []
    return found[:MANY]


def _document(kind: str, number: int, child: str, **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    born = f"{now.year - 7}-01-01"
    subject = {"nhs_number": child, "case_ref": f"CC-{number}", "date_of_birth": born}
    given = {"occurred_at": now.isoformat(), "recorded_at": now.isoformat(), "subject": subject}
    document = a_document(kind, **(given | more))
    del document["id"]
    return document


async def test_delay_by_characteristics(tmp_path: Path) -> None:
    """Real gateways, bus, router, log and node: six children move, are opened and accepted."""
    async with exchange(tmp_path) as it, it.router(), log_service(it), it.board() as store:
        home = BoardHome.open(it.home("board"))

        async def put() -> Answer:
            return await asyncio.to_thread(
                ask, home, store, "Kit Example", "case audit 2026/14", "Q22", {}, system_clock()
            )

        async with it.gateway("cumberland") as cumberland:
            cumberland.publish(_document("plan.opened", MANY, CHILD, residence={"gss": CUMBERLAND}))
            await settled(lambda: _holds(store))
        before = await put()
        agree_on_bands(it)
        await apply(it.layout)
        agreed = await put()
        async with it.gateway("cumberland") as cumberland, it.gateway("westmorland") as westmorland:
            for number, child in enumerate(children()):
                plan = _document("plan.opened", number, child, residence={"gss": CUMBERLAND})
                beside = {"ethnicity": "MWAS", "disabilities": ["HAND", "AUT"]}
                cumberland.publish({"event": plan, "characteristics": beside})
            await settled(lambda: len(cumberland.inbox()) == MANY + 1)
            for number, child in enumerate(children()):
                cumberland.publish(_document("move.notified", number, child, residence={"gss": WESTMORLAND}))
            await settled(lambda: len(westmorland.actions.handovers()) == MANY)
            _open_and_accept(westmorland)
            await settled(lambda: _known(store) == (MANY, MANY))
            answer = await put()
        rows = {(str(row[0]), str(row[1])): row[2:] for row in answer.rows}
        held = b"".join(path.read_bytes() for path in home.folder.glob("audit.db*"))

    assert [False, False] == [before.measured, agreed.measured]
    assert "[board_bands]" in str(before.why_not)
    assert "characteristics set" in str(agreed.why_not)
    for band in (("age", "5 to 9"), ("ethnic group", "Mixed"), ("disabled", "yes"), ("all", "")):
        assert (MANY, MANY, MANY) == tuple(rows[band][at] for at in (0, 1, 4))
    assert 0 == rows["ethnic group", "White"][0]
    assert not any(word in held for word in (b"MWAS", b"HAND"))


def _open_and_accept(westmorland: Gateway) -> None:
    for item in westmorland.inbox():
        westmorland.read(item.number, role="front-door worker")
    for row in westmorland.actions.handovers():
        westmorland.actions.accept(row.handover.hex(), WORKER)


def _holds(store: AuditStore) -> bool:
    with store.work() as work:
        return work.mirrors()


def _known(store: AuditStore) -> tuple[int, int]:
    """How many moves the node knows to be accepted, and opened where the children are now."""
    with store.work() as work:
        moves = work.moves(SCOPE, Period(), areas=SCOPE.areas)
        copies = work.copies_of(move.evidence for move in moves if move.evidence is not None)
    return sum("accept" in move.steps for move in moves), sum(copy.opened_ms is not None for copy in copies)
