"""The pages over a live exchange: what a gateway has just shared is told, proven, saved and checked; an altered trail is seen."""

import asyncio
import html
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2

from broker.audit.witnesses import log_key, witness_keys
from broker.board.node import BoardHome
from broker.board.pages.app import Settings
from broker.board.pages.roles import Role
from broker.pages.bearer import Bearers
from broker.pages.signing_in import Local, Provider
from tests.integration.audit.test_log_service import log_service
from tests.support.events import CHILD, a_document
from tests.support.exchange import Exchange, exchange, settled
from tests.support.identities import provider, token
from tests.support.pages import PEOPLE, Node, served
from tests.support.pages_client import Caller, caller

_TOOL: Final = {"sub": "p-1", "name": "Audit tool", "groups": ["scrutineers"]}


async def test_what_was_shared_is_told_proven_saved_and_checked(tmp_path: Path) -> None:
    """By a browser's forms and by a program's requests alike."""
    async with exchange(tmp_path) as it:
        async with (
            it.router(),
            it.board(),
            it.gateway("cumberland") as door,
            it.gateway("school"),
            log_service(it),
        ):
            now = datetime.now(UTC).isoformat()
            subject = {"nhs_number": CHILD, "case_ref": "CC-1"}
            document = a_document("plan.opened", occurred_at=now, recorded_at=now, subject=subject)
            del document["id"]
            door.publish(document)
            with (
                provider(tmp_path, [_TOOL]) as issuer,
                served(BoardHome.open(it.home("board")), settings=_settings(issuer)) as node,
            ):
                told, files, altered = await asyncio.to_thread(_visit, it, node, issuer)
        keys = tmp_path / "keys"
        keys.write_text(
            "\n".join(key.to_text() for key in (log_key(it.directory), *witness_keys(it.directory)) if key)
        )
    for number, file in enumerate(files):
        path = tmp_path / f"proof-{number}.json"
        path.write_bytes(file)
        command = [sys.executable, "-m", "adapters.verify", str(path), "--key", str(keys)]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert 0 == checked.returncode, checked.stdout
        assert "stand in that log, byte for byte" in checked.stdout

    assert "plan opened" in told
    assert "Altered: call the operator and another board" in altered


def _settings(issuer: str) -> Callable[[str, Local], Settings]:
    known = Provider(issuer, "handrail-board", "a secret", "groups", {"scrutineers": Role.SCRUTINEER.value})
    return lambda origin, local: Settings(origin, known, local, Bearers(known, "handrail-api"))


def _visit(it: Exchange, node: Node, issuer: str) -> tuple[str, tuple[bytes, bytes], str]:
    """A scrutineer reads a story once it has come, verifies, and saves it; then somebody changes the node's disk."""
    with caller(node, PEOPLE[Role.SCRUTINEER]) as at:
        told = asyncio.run(settled(lambda: _story(at), what="the story of the case"))
        asyncio.run(settled(lambda: '<h2 class="govuk-heading-m">Proven</h2>' in _verify(at), what="a proof"))
        form = {"by": "case", "reference": "CC-1", "why": "review 2026/3", "as": "file"}
        saved = at.post("/child", form)
        assert "attachment" in saved.headers["content-disposition"]
        bearer = {"authorization": f"Bearer {token(issuer, 'p-1', 'handrail-api')}"}
        asking = {"purpose": "review 2026/4", "params": {"case": "CC-1"}}
        exported = httpx2.post(f"{node.origin}/api/v1/exports", json=asking, headers=bearer, timeout=20)
        assert 200 == exported.status_code, exported.text
        with sqlite3.connect(it.home("board") / "audit.db") as disk:
            disk.execute("PRAGMA busy_timeout=10000")
            disk.execute("UPDATE mirror SET body = CAST(body || x'00' AS BLOB) WHERE number = 1")
        disk.close()
        return told, (saved.content, exported.content), _verify(at)


def _story(at: Caller) -> str:
    text = html.unescape(at.get(at.ask_about("CC-1")).text)
    return text if re.search("plan opened", text) else ""


def _verify(at: Caller) -> str:
    return html.unescape(at.post("/integrity", {}).text)
