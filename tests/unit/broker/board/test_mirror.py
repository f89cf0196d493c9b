"""A node's whole trail held against a signed head: it holds, or what was changed behind the program's back is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from broker.board.mirror import Mirror, NoHeadError, NotTheLogError
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, sign_head
from broker.crypto.tree import includes, leaf_hash, root_of
from broker.progress import Progress
from broker.store.audit import tables as t
from broker.store.audit.rows import Came
from broker.store.audit.store import AuditStore, AuditWork
from tests.support.audit_trail import Trail
from tests.support.postgres import a_database

LOG = SigningKey(bytes([1]) * 32)


def a_trail() -> Trail:
    """Enough for a hash over 256 of them, and some more."""
    trail = Trail()
    for number in range(300):
        trail.taken(f"event {number}")
    return trail


TRAIL = a_trail()
LEAVES = [leaf_hash(body) for body in TRAIL.entries]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditStore]:
    """A node's store with the trail in it."""
    made = AuditStore(tmp_path / "audit.db" if request.param == "sqlite" else a_database())
    with made.work() as work:
        TRAIL.projection().take_all(work, [Came(body, at) for at, body in enumerate(TRAIL.entries)])
        work.add_leaves(enumerate(LEAVES))
    yield made
    made.close()


@contextmanager
def a_mirror(store: AuditStore) -> Iterator[tuple[Mirror, AuditWork]]:
    note = sign_head(Head("log.example", len(LEAVES), root_of(LEAVES)), LOG)
    with store.look() as work:
        yield Mirror(Head.from_text(note.text), note, (), work.subtree), work


def altered(store: AuditStore, statement: sa.Update | sa.Delete) -> None:
    """Somebody at the node's disk."""
    with store.work() as work:
        work._c.execute(statement)


def test_what_was_signed_holds_and_whoever_waits_sees_it_come_to_its_end(store: AuditStore) -> None:
    told: dict[str, list[tuple[int, int]]] = {}

    def tells(what: str) -> Progress:
        return lambda done, total: told.setdefault(what, []).append((done, total))

    with a_mirror(store) as (mirror, work):
        mirror.verify(work, tells)

        assert all(
            includes(LEAVES[index], index, len(LEAVES), mirror.proof(index), mirror.head.root)
            for index in (0, 255, 256, 299)
        )
    assert 2 == len(told)
    assert [(len(LEAVES), len(LEAVES))] * 2 == [said[-1] for said in told.values()]


def test_an_entry_that_was_changed_is_named(store: AuditStore) -> None:
    altered(store, t.mirror.update().where(t.mirror.c.leaf == 7).values(body=TRAIL.entries[8]))

    with a_mirror(store) as (mirror, work), pytest.raises(NotTheLogError, match="entry 7 at this node"):
        mirror.verify(work)


@pytest.mark.parametrize("index", [3, 299])
def test_a_hash_that_was_changed_is_found(store: AuditStore, index: int) -> None:
    altered(store, t.leaves.update().where(t.leaves.c.index == index).values(hash=bytes(32)))

    with a_mirror(store) as (mirror, work), pytest.raises(NotTheLogError, match="do not give the root"):
        mirror.verify(work)


def test_a_hash_that_is_gone_is_found_and_nothing_is_proven_beside_it(store: AuditStore) -> None:
    altered(store, t.leaves.delete().where(t.leaves.c.index == 4))

    with a_mirror(store) as (mirror, work):
        with pytest.raises(NotTheLogError, match="do not give the root"):
            mirror.verify(work)
        with pytest.raises(NotTheLogError, match="do not give the root"):
            mirror.proof(5)


def test_what_was_kept_above_the_hashes_is_gone_and_that_is_no_entry_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All leaves are here, so nothing is still to come: the node's own disk has lost it."""
    store = AuditStore(tmp_path / "audit.db")
    note = sign_head(Head("log.example", len(LEAVES), root_of(LEAVES)), LOG)
    monkeypatch.setattr("broker.board.mirror.counts", lambda *_: True)
    monkeypatch.setattr("broker.board.mirror.bodies", lambda *_: frozenset())
    with store.work() as work:
        work.add_leaves(enumerate(LEAVES))
        work.add_head(len(LEAVES), note.to_text())
        assert root_of(LEAVES) == Mirror.of(work, TRAIL.world.directory).head.root
    altered(store, t.nodes.delete())
    with store.look() as work, pytest.raises(NotTheLogError, match="do not give the root"):
        Mirror.of(work, TRAIL.world.directory)
    altered(store, t.leaves.delete().where(t.leaves.c.index == 4))
    with store.look() as work, pytest.raises(NoHeadError, match="missing is number 4 of the log"):
        Mirror.of(work, TRAIL.world.directory)
    store.close()
