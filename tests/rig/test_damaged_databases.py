"""A gateway's own database is damaged after custody: noticed at the start, named, recovered; nothing comes twice."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.gateway.api import Gateway
from adapters.gateway.commands.gateway import gateway
from broker.errors import ConfigurationError
from schemas.wire import InKind
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import exchange, settled

HERE = {"residence": {"gss": CUMBERLAND}}
_MAGIC = 100
"""Bytes at the beginning of a database file that say what it is."""


def _views(reader: Gateway) -> list[bytes]:
    return sorted(item.message_id for item in reader.inbox() if item.kind is InKind.VIEW)


async def test_a_gateway_with_a_damaged_database_is_recovered_from_custody_and_goes_on(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path) as it, it.router(), it.gateway("health") as health:
        async with it.gateway("cumberland") as cumberland:
            sent = [health.publish(a_document("concern.raised", n=n, **HERE)).raw for n in range(1, 6)]
            await settled(lambda: _views(cumberland) == sorted(sent))
        home = it.home("cumberland")
        database = home / "gateway.db"
        database.write_bytes(database.read_bytes()[:_MAGIC] + os.urandom(database.stat().st_size - _MAGIC))
        with pytest.raises(ConfigurationError, match=r"gateway\.db is .* damaged.*handrail gateway recover"):
            it.open("cumberland")
        for file in home.glob("gateway.db*"):
            file.rename(tmp_path / file.name)
        recovered = CliRunner().invoke(gateway, ["recover", "--home", str(home)])
        async with it.gateway("cumberland") as cumberland:
            sent.append(health.publish(a_document("concern.raised", n=6, **HERE)).raw)
            await settled(lambda: sent[-1] in _views(cumberland))

            assert 0 == recovered.exit_code, recovered.output
            assert sorted(sent) == _views(cumberland)
