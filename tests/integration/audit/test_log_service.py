"""The audit service, its witnesses and a board on a real bus: heads that count, lost messages, forks, old copies."""

import asyncio
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from broker.audit.gaps import Gap, gap_of
from broker.audit.log import LogBrokenError, entry_of, open_log
from broker.audit.service import LogParts, LogService
from broker.audit.witnesses import bodies, counts, log_key, witness_keys
from broker.audit.writers import by_its_writer
from broker.board.cli import audit
from broker.bus.connection import Access, Bus, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.streams import last_message
from broker.bus.subjects import HEAD, WITNESSED, asked_subject, audit_subject, cosign_subject
from broker.bus.topology import HEADS, LOG
from broker.crypto.keyring import load_keyring
from broker.crypto.notes import Head, Note, cosign, sign_head
from broker.crypto.tree import continues, leaf_hash, root_of
from broker.directory.apply import provision_for
from schemas.audit import EntryKind
from schemas.proofs import ProofAnswer, ProofQuestion
from tests.support.audit_trail import as_entry
from tests.support.events import CHILD, a_document
from tests.support.exchange import Exchange, exchange, settled


def messages(first: int, last: int) -> list[bytes]:
    return [as_entry(number, EntryKind.REFUSED, {"code": "example"}) for number in range(first, last + 1)]


def _said(bus: Bus, words: str) -> bool:
    return words in str(bus.client.last_error).lower()


@asynccontextmanager
async def log_service(it: Exchange, patience_s: float = 30.0) -> AsyncIterator[LogService]:
    """The audit service at work; what it raised is raised here."""
    log = it.directory.log
    assert log is not None
    key = load_keyring(it.layout.log / "keys").sign_key([log.key.key_id])
    stop = asyncio.Event()
    with open_log(it.layout.log / "tiles", log.origin, key) as opened:
        access = Access.in_folder(it.layout.log / "nats", LOG, it.server.url)
        service = LogService(LogParts(opened, lambda: access, lambda: it.directory, patience_s=patience_s))
        task = asyncio.create_task(service.run(stop))
        try:
            yield service
        finally:
            stop.set()
            await task


async def publish(it: Exchange, entries: list[bytes]) -> None:
    async with Publisher(await it.connect("router")) as publisher:
        for data in entries:
            name = hashlib.sha256(data).hexdigest()
            await publisher.publish(Outgoing(audit_subject(0), data, name))


async def newest(bus: Bus, subject: str, size: int) -> Note:
    """The newest head on a subject, once it covers ``size`` entries."""

    async def found() -> list[Note]:
        stored = await last_message(bus, HEADS, subject)
        notes = [] if stored is None else [Note.from_bytes(stored.data)]
        return [note for note in notes if Head.from_text(note.text).size >= size]

    return (await settled(found, what=f"a head of {size} on {subject}"))[0]


async def test_what_is_on_audit_is_in_the_log_and_a_head_over_it_counts_with_two_witnesses(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path) as it:
        await publish(it, messages(1, 300))
        bus = await it.connect("school")
        async with log_service(it), it.gateway("school"), it.gateway("cumberland"):
            first = await newest(bus, WITNESSED, 300)
            await publish(it, messages(301, 310))
            second = await newest(bus, WITNESSED, 310)

        leaves = [leaf_hash(entry) for entry in messages(1, 310)]
        assert {root_of(leaves[:300]), root_of(leaves)} == {
            Head.from_text(note.text).root for note in (first, second)
        }
        assert {str(it.members["school"]), str(it.members["cumberland"])} == set(bodies(second, it.directory))


async def test_one_body_is_not_enough_however_often_it_signs(tmp_path: Path) -> None:
    async with exchange(tmp_path) as it:
        await publish(it, messages(1, 3))
        bus = await it.connect("school")
        async with log_service(it), it.gateway("school"):
            note = await newest(bus, HEAD, 3)
            home = it.open("school").home
            signed = [cosign(note, str(home.member_id), home.signer(), at) for at in (1, 2, 3)]

        assert not counts(note.with_signatures(signed), it.directory)
        assert await last_message(bus, HEADS, WITNESSED) is None


async def test_a_service_that_was_away_takes_up_what_it_missed(tmp_path: Path) -> None:
    async with exchange(tmp_path) as it:
        bus = await it.connect("school")
        await publish(it, messages(1, 10))
        async with log_service(it):
            await newest(bus, HEAD, 10)
        await publish(it, messages(11, 700))
        async with log_service(it):
            note = await newest(bus, HEAD, 700)

        assert root_of([leaf_hash(one) for one in messages(1, 700)]) == Head.from_text(note.text).root


async def test_a_message_that_the_bus_has_lost_stands_in_the_log_as_lost(tmp_path: Path) -> None:
    """The stream forbids deleting: here it is made anew and begins at number 3, as if its first block were gone."""
    async with exchange(tmp_path) as it:
        admin = await it.connect("admin")
        config = (await admin.api("STREAM.INFO.AUDIT"))["config"]
        await admin.api("STREAM.DELETE.AUDIT")
        await admin.api("STREAM.CREATE.AUDIT", config | {"first_seq": 3})
        await provision_for(admin, it.directory)
        await publish(it, messages(3, 5))
        async with log_service(it):
            note = await newest(admin, HEAD, 5)

        entries = [entry_of(1, None), entry_of(2, None), *messages(3, 5)]
        assert root_of([leaf_hash(one) for one in entries]) == Head.from_text(note.text).root


async def test_an_old_copy_of_the_log_catches_up_to_what_it_has_signed_and_is_the_same_log(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path) as it:
        bus = await it.connect("school")
        await publish(it, messages(1, 10))
        async with log_service(it):
            await newest(bus, HEAD, 10)
        shutil.copytree(it.layout.log / "tiles", tmp_path / "old")
        await publish(it, messages(11, 20))
        async with log_service(it):
            signed = await newest(bus, HEAD, 20)
        shutil.rmtree(it.layout.log / "tiles")
        shutil.move(tmp_path / "old", it.layout.log / "tiles")
        await publish(it, messages(21, 30))
        async with log_service(it) as service:
            again = await newest(bus, HEAD, 30)
            proof = ProofAnswer.from_bytes(service.prove(ProofQuestion(20, 30).to_bytes())).hashes

        old, new = Head.from_text(signed.text), Head.from_text(again.text)
        assert continues(20, old.root, 30, new.root, proof)


async def test_a_log_of_another_past_than_was_published_does_not_go_on(tmp_path: Path) -> None:
    """AUDIT was put back to a time before, and other things happened: there must never be two logs."""
    async with exchange(tmp_path) as it:
        bus = await it.connect("admin")
        await publish(it, messages(1, 5))
        async with log_service(it):
            await newest(bus, HEAD, 5)
        config = (await bus.api("STREAM.INFO.AUDIT"))["config"]
        await bus.api("STREAM.DELETE.AUDIT")
        await bus.api("STREAM.CREATE.AUDIT", config)
        await provision_for(bus, it.directory)
        await publish(it, messages(11, 16))
        shutil.rmtree(it.layout.log / "tiles")

        with pytest.raises(LogBrokenError, match="once signed with 5 entries and another root"):
            async with log_service(it) as service:
                await asyncio.wait_for(service.ended.wait(), 10)


async def test_a_witness_signs_no_head_that_does_not_continue_the_last_one(tmp_path: Path) -> None:
    """The log's key in the wrong hands: a second past, rightly signed. The witness keeps it as evidence."""
    async with exchange(tmp_path) as it:
        await publish(it, messages(1, 5))
        async with log_service(it), it.gateway("school"):
            await settled((it.home("school") / "witness.head").exists)
        log = it.directory.log
        assert log is not None
        forged = sign_head(
            Head(log.origin, 5, bytes(32)), load_keyring(it.layout.log / "keys").sign_key([log.key.key_id])
        )
        thief = await connect(Access.in_folder(it.layout.log / "nats", LOG, it.server.url))
        async with Publisher(thief) as publisher, it.gateway("school"):
            await publisher.publish(Outgoing(HEAD, forged.to_text().encode(), "forged"))
            await settled((it.home("school") / "witness.head.fork").exists)
        await thief.close()

        assert forged.to_text().encode() == (it.home("school") / "witness.head.fork").read_bytes()
        assert forged.to_text().encode() != (it.home("school") / "witness.head").read_bytes()


async def test_the_log_may_read_the_trail_and_write_heads_and_nothing_else(tmp_path: Path) -> None:
    async with exchange(tmp_path) as it:
        bus = await connect(Access.in_folder(it.layout.log / "nats", LOG, it.server.url))
        school = await it.connect("school")
        for user, subject in (
            (bus, audit_subject(0)),
            (bus, "shard.0.in.x"),
            (bus, cosign_subject(it.members["school"])),
            (bus, "$JS.API.STREAM.DELETE.AUDIT"),
            (school, HEAD),
            (school, WITNESSED),
            (school, cosign_subject(it.members["cumberland"])),
        ):
            await user.client.publish(subject, b"{}")
            refusal = f'permissions violation for publish to "{subject}"'.lower()
            await settled(partial(_said, user, refusal), what=refusal)
        await bus.close()


async def test_numbers_that_never_came_become_an_entry_that_can_be_proven(tmp_path: Path) -> None:
    """The router's numbers jump: the audit service writes that down, once, and every board can prove it."""
    async with exchange(tmp_path) as it:
        bus = await it.connect("school")
        await publish(it, [*messages(1, 3), *messages(7, 9), *messages(12, 12)])
        async with it.board() as store, it.gateway("school"), it.gateway("cumberland"):
            for _twice in range(2):
                async with log_service(it, patience_s=0.2):
                    await newest(bus, WITNESSED, 9)
            await publish(it, messages(13, 13))
            async with log_service(it, patience_s=0.2):
                last = await newest(bus, WITNESSED, 10)
            home, file = str(it.home("board")), tmp_path / "gaps.json"
            verified = await settled(lambda: _proven("10 entries", home), what="a proof")
            listed = await _runs("audit", "list", "--home", home, "--purpose", "check")
            await _runs("audit", "export", "--home", home, "--purpose", "check", str(file))
            with store.work() as work:
                unread = work.unread()
        keys = tmp_path / "keys"
        keys.write_text(
            "\n".join(key.to_text() for key in (log_key(it.directory), *witness_keys(it.directory)) if key)
        )
        checked = _verify(file, keys, "--entries")

    said = "entries 4 to 6 of partition 0; entries 10 to 11 of partition 0"
    assert 10 == Head.from_text(last.text).size
    assert f"The log itself records what never came: {said}." in verified
    assert "the log records that entries 4 to 6 of partition 0 never came" in listed
    assert 0 == checked.returncode
    assert "2 gaps: partition 0, numbers 4 to 6; partition 0, numbers 10 to 11." in checked.stdout
    assert "gap: partition 0, numbers 10 to 11" in checked.stdout
    assert [] == unread


async def test_a_board_cannot_write_what_reads_as_the_routers(tmp_path: Path) -> None:
    """Its own subject is the only one it has; what it puts there stands in the log as its own, and is no entry."""
    async with exchange(tmp_path) as it:
        await publish(it, messages(1, 1))
        board, admin = await it.connect("board"), await it.connect("admin")
        subject = asked_subject(str(it.members["board"]))
        async with Publisher(board) as publisher:
            await publisher.publish(Outgoing(subject, messages(2, 2)[0], "forged"))
        async with log_service(it), it.board() as store:
            note = await newest(admin, HEAD, 2)

            def forged() -> list[str]:
                with store.work() as work:
                    return work.unread()

            why = await settled(forged)
            with store.work() as work:
                count = work.count()

    entries = [messages(1, 1)[0], by_its_writer(subject, messages(2, 2)[0])]
    assert root_of([leaf_hash(one) for one in entries]) == Head.from_text(note.text).root
    assert (["numbered as another writer's"], 1) == (why, count)


async def test_a_board_proves_its_trail_exports_it_and_anybody_can_check_the_file(tmp_path: Path) -> None:
    """From an event to a file that the standalone program believes, and does not believe once it is tampered with."""
    async with exchange(tmp_path) as it:
        reader = await it.connect("school")
        async with (
            it.router(),
            it.board(),
            it.gateway("cumberland") as door,
            it.gateway("school"),
            log_service(it),
        ):
            now = datetime.now(UTC).isoformat()
            document = a_document(
                "plan.opened",
                occurred_at=now,
                recorded_at=now,
                subject={"nhs_number": CHILD, "case_ref": "CC-1"},
            )
            del document["id"]
            door.publish(document)
            await newest(reader, WITNESSED, 2)
            home = it.home("board")
            file = tmp_path / "export.json"
            asked = ["--home", str(home), "--purpose", "case audit", "--case", "CC-1", str(file)]
            exported = await settled(lambda: _runs("audit", "export", *asked), what="an export")
            verified = await settled(lambda: _runs("audit", "verify", "--home", str(home)), what="a proof")
        keys = tmp_path / "keys"
        keys.write_text(
            "\n".join(
                key.to_text()
                for key in (log_key(it.directory), *witness_keys(it.directory))
                if key is not None
            )
        )
        checked = _verify(file, keys)
        copy = tmp_path / "copy.json"
        copy.write_bytes(file.read_bytes().replace(b'"purpose":"case audit"', b'"purpose":"case audix"'))
        tampered = _verify(copy, keys)

    assert "treat it as the case record" in exported
    assert "PROVEN: the" in verified
    assert 0 == checked.returncode
    assert "stand in that log, byte for byte" in checked.stdout
    assert (1, True) == (tampered.returncode, "“purpose” was altered." in tampered.stdout)


async def _runs(group: str, *arguments: str) -> str:
    """What a command says, or nothing where it fails. In a thread of its own: it has an event loop of its own."""
    done = await asyncio.to_thread(CliRunner().invoke, {"audit": audit}[group], arguments)
    return done.output if done.exit_code == 0 else ""


async def _proven(what: str, home: str) -> str:
    said = await _runs("audit", "verify", "--home", home)
    return said if what in said else ""


def _verify(file: Path, keys: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adapters.verify", str(file), "--key", str(keys), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_restart_knows_its_numbers_and_an_entry_that_was_changed_ends_it(tmp_path: Path) -> None:
    """A hole from before the restart becomes a gap after it; damage below a good tree is found while it works."""
    async with exchange(tmp_path) as it:
        bus = await it.connect("school")
        folder = it.layout.log / "tiles"
        await publish(it, messages(1, 300) + messages(305, 700))
        async with log_service(it):
            await newest(bus, HEAD, 696)
        assert (folder / "aside").exists()
        async with log_service(it, patience_s=0.1) as service:
            await newest(bus, HEAD, 697)
            await asyncio.wait_for(service.looked_over.wait(), 20)
        bundle = folder / "tile" / "entries" / "001"
        bundle.write_bytes(bundle.read_bytes()[:-1] + b"!")
        with pytest.raises(LogBrokenError, match="tile/0/001 is not what its entries give"):
            async with log_service(it) as service:
                await asyncio.wait_for(service.ended.wait(), 20)
        with pytest.raises(LogBrokenError, match="tile/0/001"):
            async with log_service(it):
                pass

    key = load_keyring(it.layout.log / "keys").sign_key([it.directory.log.key.key_id])  # type: ignore[union-attr]
    (folder / "damaged").unlink()
    with open_log(folder, it.directory.log.origin, key) as log:  # type: ignore[union-attr]
        assert [Gap(0, 301, 304)] == [gap_of(one) for one in log.entries(696, 697)]
