"""Our hash tree against an outside implementation, ``pymerkle``, in an environment of its own: roots and proofs agree.

It writes a proof as the hashes from the leaf up, the leaf's own first. Its consistency proofs are of another form than
RFC 9162's, so ours are held against its roots.
"""

from pathlib import Path
from typing import Any

import pytest

from broker.crypto.tree import (
    consistency_proof,
    continues,
    includes,
    inclusion_proof,
    leaf_hash,
    perfect_root,
    root_of,
)
from tests.support.peers import ask_peer, peer_python

HERE = Path(__file__).parent
ENTRIES = [f"entry {number}".encode() for number in range(70)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
SIZES = [*range(1, 35), 63, 64, 65, 70]
WITHIN = [(index, size) for size in (1, 2, 3, 7, 8, 33, 64, 70) for index in sorted({0, size // 3, size - 1})]
GROWN = [(1, 2), (2, 3), (3, 7), (4, 8), (6, 8), (7, 70), (32, 33), (33, 64), (64, 70), (65, 70)]


@pytest.fixture(scope="module")
def peer() -> Any:
    request = {
        "entries": [entry.hex() for entry in ENTRIES],
        "sizes": SIZES,
        "inclusion": WITHIN,
    }
    return ask_peer(peer_python(HERE / "tree_peer.lock"), HERE / "tree_peer.py", request)


def subtree(level: int, index: int) -> bytes:
    return perfect_root(LEAVES[index << level : (index + 1) << level])


def test_the_roots_are_the_same(peer: Any) -> None:
    assert [root_of(LEAVES[:size]).hex() for size in SIZES] == peer["roots"]


def test_the_inclusion_proofs_are_the_same(peer: Any) -> None:
    for (index, size), theirs in zip(WITHIN, peer["inclusion"], strict=True):
        leaf, *path = (bytes.fromhex(one) for one in theirs["path"])

        assert LEAVES[index] == leaf
        assert inclusion_proof(subtree, index, size) == path
        assert includes(leaf, index, size, path, root_of(LEAVES[:size]))


def test_our_consistency_proofs_hold_between_the_peers_roots_and_no_others(peer: Any) -> None:
    roots = {size: bytes.fromhex(root) for size, root in zip(SIZES, peer["roots"], strict=True)}
    for old, new in GROWN:
        ours = consistency_proof(subtree, old, new)

        assert continues(old, roots[old], new, roots[new], ours)
        assert not continues(old, roots[old + 1] if old + 1 in roots else roots[1], new, roots[new], ours)
