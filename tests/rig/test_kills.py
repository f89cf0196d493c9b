"""The kill rig's short form: every numbered gap and the server have a kill each, under load; then everything is counted."""

import asyncio
from pathlib import Path

import pytest

from tests.rig.conducting import Rig


@pytest.mark.timeout(300)  # starts of ten processes on a busy machine
async def test_no_kill_at_any_gap_loses_doubles_or_reorders_anything(tmp_path: Path) -> None:
    """Real processes, SIGKILL, load that never stops; counted from the authors' and the readers' own records."""
    rig = await asyncio.to_thread(
        Rig.make, tmp_path, seed=1, ack_wait_s=1, matters=6, rate=30.0, random_s=8.0
    )
    async with rig:
        await rig.rounds(0, least=1)
        waiting = await rig.settle()
        counts = rig.count()

    assert [] == rig.short_of(1)
    assert [] == waiting
    assert {} == counts.faults()
    assert counts.accepted > 0
