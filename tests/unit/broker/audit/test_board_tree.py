"""The hashes that a board keeps give the same roots and proofs as all leaves at once, in whatever order they came."""

import random
from pathlib import Path

import pytest

from broker.crypto.tree import includes, inclusion_proof, leaf_hash, root_at, root_of
from broker.store.audit.store import AuditStore
from tests.support.postgres import a_database

SIZES = (1, 2, 255, 256, 257, 700)
LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(max(SIZES))]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AuditStore:
    return AuditStore(tmp_path / "audit.db" if request.param == "sqlite" else a_database())


def test_roots_and_proofs_from_what_is_kept(store: AuditStore) -> None:
    came = list(enumerate(LEAVES))
    random.Random(5).shuffle(came)
    for start in range(0, len(came), 90):
        with store.work() as work:
            work.add_leaves(came[start : start + 90])
    with store.work() as work:
        for size in SIZES:
            root = root_of(LEAVES[:size])
            assert root == root_at(work.subtree, size)
            for index in {0, size // 2, size - 1}:
                assert includes(LEAVES[index], index, size, inclusion_proof(work.subtree, index, size), root)
        assert work.first_missing(len(LEAVES)) is None
    store.close()


def test_a_leaf_that_has_not_come_is_named_and_gives_no_root(tmp_path: Path) -> None:
    store = AuditStore(tmp_path / "audit.db")
    with store.work() as work:
        work.add_leaves((index, leaf) for index, leaf in enumerate(LEAVES) if index != 300)

        assert 300 == work.first_missing(len(LEAVES))
        assert root_of(LEAVES[:256]) == root_at(work.subtree, 256)
        with pytest.raises(KeyError):
            root_at(work.subtree, len(LEAVES))
        work.add_leaves([(300, LEAVES[300])])
        assert root_of(LEAVES) == root_at(work.subtree, len(LEAVES))
    store.close()
