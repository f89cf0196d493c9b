"""Who gets a connection at all, what exists on the bus, and what a change of the directory does to both."""

import asyncio
import os
import shutil
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import nkeys
import pytest

from broker.bus.connection import Access, connect
from broker.bus.server import check_configuration
from broker.bus.streams import provision
from broker.bus.topology import Durable, durables, streams
from broker.crypto.certificates import issue, make_authority
from broker.directory.apply import apply
from broker.directory.issue import NewMember
from broker.directory.places import area_entry
from broker.errors import ConfigurationError, UnavailableError
from schemas.codes.members import MemberKind
from tests.support.exchange import Exchange


def strange_seed(access: Access, folder: Path) -> Access:
    seed = folder / "strange.seed"
    seed.write_bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    return replace(access, seed=seed)


def foreign_certificate(access: Access, folder: Path) -> Access:
    """Signed by an authority of somebody's own, under the right name."""
    now = datetime.now(UTC).replace(microsecond=0)
    make_authority(folder / "foreign", "Handrail bus", now)
    issue(folder / "foreign", folder / "home", access.user, now)
    return replace(access, certificate=folder / "home" / "client.pem", key=folder / "home" / "client.key")


def foreign_server(access: Access, folder: Path) -> Access:
    """The member trusts another authority: to it, our server is an impostor."""
    foreign_certificate(access, folder)
    return replace(access, authority=folder / "foreign" / "ca.pem")


@pytest.mark.parametrize("spoil", [strange_seed, foreign_certificate, foreign_server])
async def test_a_stranger_gets_no_connection(
    it: Exchange, tmp_path: Path, spoil: Callable[[Access, Path], Access]
) -> None:
    access = it.access("school")
    shutil.copytree(it.home("school") / "nats", tmp_path / "copy")
    good = await connect(access)
    await good.close()

    with pytest.raises(UnavailableError, match="cannot reach the bus"):
        await connect(spoil(access, tmp_path), attempts_for=1.0)


async def test_without_a_certificate_or_without_tls_the_server_says_nothing(it: Exchange) -> None:
    where = urlsplit(it.server.url)
    anonymous = ssl.create_default_context(cafile=str(it.access("school").authority))
    old = ssl.create_default_context(cafile=str(it.access("school").authority))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.load_cert_chain(str(it.access("school").certificate), str(it.access("school").key))

    async def heard(tls: ssl.SSLContext | None) -> bytes:
        name = "localhost" if tls else None
        try:
            reader, writer = await asyncio.open_connection(
                where.hostname, where.port, ssl=tls, server_hostname=name
            )
            writer.write(b"CONNECT {}\r\nPING\r\n")
            said = await asyncio.wait_for(reader.read(100), 5.0)
            writer.close()
        except (OSError, TimeoutError):
            return b""
        return said

    assert b"" == await heard(anonymous)
    assert b"" == await heard(old)
    assert b"INFO" not in await heard(None)


async def test_provisioning_again_makes_nothing_and_changes_nothing(it: Exchange) -> None:
    admin = await it.connect("admin")
    boards = [it.members["board"]]

    assert [] == await provision(admin, streams(), durables(it.members.values(), boards))


async def test_what_exists_with_another_configuration_is_never_changed_silently(it: Exchange) -> None:
    admin = await it.connect("admin")
    first, *_ = streams()
    other = replace(first, config=first.config | {"max_age": 60_000_000_000})
    (durable, *_) = durables([], [])
    impatient = Durable(durable.stream, durable.name, durable.config | {"ack_wait": 1_000_000_000})

    with pytest.raises(ConfigurationError, match="OUT exists with other max_age"):
        await provision(admin, [other], [])
    with pytest.raises(ConfigurationError, match=r"OUT\.router-urgent exists with other ack_wait"):
        await provision(admin, [], [impatient])
    assert 0 == (await admin.api("STREAM.INFO.OUT"))["config"]["max_age"]


def test_the_configuration_is_the_same_bytes_each_time_and_says_what_counts(it: Exchange) -> None:
    path = it.layout.configuration
    before = path.read_text()
    it.issuer().settle()
    check_configuration(path)

    assert before == path.read_text()
    for line in ("sync_interval: always", "verify: true", 'min_version: "1.3"', "handshake_first: true"):
        assert f"  {line}\n" in before


def test_a_configuration_that_the_server_refuses_is_said_in_its_words(it: Exchange) -> None:
    path = it.layout.configuration
    path.write_text(path.read_text() + "\nno_such_field: 1\n")

    with pytest.raises(ConfigurationError, match="no_such_field"):
        check_configuration(path)


async def test_a_newcomer_is_let_in_and_nobody_is_hung_up_on(it: Exchange) -> None:
    school = await it.connect("school")
    _, member = it.issuer().add_member(
        NewMember(kind=MemberKind.GP, name="Example surgery", areas=(area_entry("E06000063"),))
    )
    await apply(it.layout)
    it.members["newcomer"] = member
    newcomer = await it.connect("newcomer")
    for bus in (newcomer, school):
        await bus.request("$JS.API.DIRECT.GET.DIRECTORY.directory")

    assert 0 == school.client.stats["reconnects"]


async def test_a_member_that_is_put_out_is_hung_up_on_and_the_others_are_not(it: Exchange) -> None:
    school, police = await it.connect("school"), await it.connect("police")
    it.issuer().revoke_member(it.members["school"], "taken over")
    await apply(it.layout)

    with pytest.raises(UnavailableError):
        await school.request("$JS.API.DIRECT.GET.DIRECTORY.directory", timeout=1.0)
    await police.request("$JS.API.DIRECT.GET.DIRECTORY.directory")
    assert 0 == police.client.stats["reconnects"]
    with pytest.raises(UnavailableError):
        await connect(it.access("school"), attempts_for=0.5)
