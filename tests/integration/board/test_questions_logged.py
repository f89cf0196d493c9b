"""A board's question stands in the exchange's log before it is answered: over the real bus, or there is no answer."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from broker.audit.reading import read_entry
from broker.audit.writers import partition_of_board
from broker.board.cli import audit
from broker.board.node import BoardHome
from broker.board.questions import ask
from broker.board.recording import NotLoggedError, officer_of, opened
from broker.bus.streams import get_message
from broker.bus.subjects import asked_subject
from broker.bus.topology import AUDIT
from broker.clock import system_clock
from broker.crypto.errors import AlteredError
from broker.crypto.signing import verify
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from tests.integration.audit.test_log_service import log_service
from tests.support.events import CHILD
from tests.support.exchange import exchange, settled

PURPOSE = "case audit 2026/14"


def _ask(home: BoardHome, key: str = "Q1", **given: str) -> int:
    store = home.store()
    try:
        return ask(home, store, "Kit Example", PURPOSE, key, given, system_clock()).logged
    finally:
        store.close()


async def test_the_question_is_on_the_trail_signed_and_sealed_when_the_answer_comes(tmp_path: Path) -> None:
    async with exchange(tmp_path) as it:
        home = BoardHome.open(it.home("board"))
        await asyncio.to_thread(_ask, home, nhs=CHILD)
        stored = await get_message(await it.connect("router"), AUDIT, 1)
        await asyncio.to_thread(
            CliRunner().invoke, audit, ["list", "--home", str(home.folder), "--purpose", "why"]
        )
        listed = await get_message(await it.connect("log"), AUDIT, 2)
        assert stored is not None
        assert listed is not None
        said = opened(home, stored.data)

    assert asked_subject(home.board) == stored.subject == listed.subject
    entry = AuditEntry.from_bytes(stored.data)
    signed = verify(entry.fields["signature"], "handrail question", home.directory().public_of)
    place = [entry.salt, partition_of_board(home.board), 1, entry.at_ms]
    key = home.directory().key(signed.key_id)
    assert key is not None
    assert home.board == key.owner == entry.fields["member"]
    assert canonical.encode([*place, entry.fields["sealed"]]) == signed.payload
    assert (officer_of(home, "Kit Example"), PURPOSE, True) == (
        said.officer,
        said.purpose,
        said.asked.startswith("Q1; "),
    )
    assert set(home.areas()) == set(said.areas)
    # Two letters alone come up in a sealed text by chance, once in thirty: as a value of its own, or as it is recorded.
    for hidden in (CHILD.encode(), b"Kit Example", PURPOSE.encode(), canonical.encode("Q1"), b"Q1; "):
        assert hidden not in stored.data
    with pytest.raises(AlteredError):
        opened(replace(home, board="m-abcdefghij"), stored.data)


async def test_without_the_bus_nothing_is_answered_and_the_question_follows_later(tmp_path: Path) -> None:
    """Library, list and catalogue alike; when the bus is back the node sends what waits, without a gap."""
    async with exchange(tmp_path) as it:
        home = BoardHome.open(it.home("board"))
        url = home.folder / "nats" / "url"
        there = url.read_text()
        url.unlink()
        with pytest.raises(NotLoggedError, match="it is not answered"):
            await asyncio.to_thread(_ask, home, case="CC-1")
        for command in (["list"], ["ask", "Q14"], ["export", str(tmp_path / "file")]):
            arguments = [*command, "--home", str(home.folder), "--purpose", "why"]
            got = await asyncio.to_thread(CliRunner().invoke, audit, arguments)
            assert got.exit_code != 0
            assert "Nobody" not in got.output
        assert not (tmp_path / "file").exists()
        store = home.store()
        with store.work() as work:
            waiting = len(work.unlogged())
        url.write_text(there)
        async with it.board(), log_service(it), it.gateway("school"), it.gateway("cumberland"):

            def stands() -> list[str]:
                told = CliRunner().invoke(audit, ["questions", "--home", str(home.folder), "--json"])
                return [one["in_the_log"] for one in json.loads(told.output)]

            await settled(
                lambda: all("two have witnessed" in one for one in stands()), within=30, what="inclusion"
            )
            with store.work() as work:
                holes, unread = work.holes(), work.unread()
                kinds = {read_entry(one.body).kind for some in work.mirrored() for one in some}
        store.close()

    assert 3 <= waiting
    assert ([], [], {EntryKind.QUESTION.value}) == (holes, unread, kinds)
