"""The hash tree of RFC 6962 (RFC 9162 section 2): roots, inclusion and consistency proofs. Pure.

A proof is made from the hashes of perfect subtrees, which a ``Subtree`` gives: level 0 is the leaves, and the hash at
(level, index) covers the leaves from ``index << level`` on. Proofs are checked with nothing but the hashes in them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice
from typing import Final, TypeAlias

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_BYTES: Final = 32
_AT_ONCE: Final = 1 << 16
"""Hashes that are held at a time; a power of two, so that all but the last of them make one perfect subtree."""

Subtree: TypeAlias = Callable[[int, int], bytes]
"""The hash of the perfect subtree at a level and index. Promises nothing about subtrees that are not complete."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node; the first byte keeps it from ever being that of a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def pair_up(hashes: Sequence[bytes]) -> list[bytes]:
    """One level up, over an even number of hashes."""
    sha256 = hashlib.sha256
    pairs = zip(hashes[::2], hashes[1::2], strict=True)
    return [sha256(b"\x01" + left + right).digest() for left, right in pairs]


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 1, 2, 4, 8 ... hashes."""
    level = list(hashes)
    while len(level) > 1:
        level = pair_up(level)
    return level[0]


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over any number of leaf hashes, of which few are held at a time."""
    peaks: list[tuple[int, bytes]] = []
    coming = iter(leaves)
    while some := list(islice(coming, _AT_ONCE)):
        start = 0
        for level in _levels_of(len(some)):
            peak = level, perfect_root(some[start : start + (1 << level)])
            start += 1 << level
            while peaks and peaks[-1][0] == peak[0]:
                peak = peak[0] + 1, node_hash(peaks.pop()[1], peak[1])
            peaks.append(peak)
    return _fold([peak for _, peak in peaks])


def root_at(subtree: Subtree, size: int) -> bytes:
    """The root of the first ``size`` leaves."""
    return _range_root(subtree, 0, size)


def inclusion_proof(subtree: Subtree, index: int, size: int) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of ``size`` leaves. Raises ValueError outside it."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(subtree, middle, end))
            end = middle
        else:
            path.append(_range_root(subtree, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(subtree: Subtree, old: int, new: int) -> list[bytes]:
    """The proof that the tree of ``new`` leaves continues that of ``old``. Raises ValueError for sizes out of order."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} does not continue one of {old}")
    path = []
    start, end, whole = 0, new, True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(subtree, middle, end))
            end = middle
        else:
            path.append(_range_root(subtree, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(subtree, start, end))
    return path[::-1]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that the leaf with this hash stands at ``index`` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or {len(leaf), len(root), *map(len, proof)} != {HASH_BYTES}:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def continues(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the new tree holds the old one unchanged (RFC 9162 section 2.1.4.2).

    Every tree continues the empty one: nothing proves it, nobody should ask, and the answer is no.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if not proof or {len(old_root), len(new_root), *map(len, proof)} != {HASH_BYTES}:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    # Where the old tree is one perfect subtree, its root is the first hash and is not sent.
    hashes = iter(proof if node else [old_root, *proof])
    of_old = of_new = next(hashes)
    for sibling in hashes:
        if last == 0:
            return False
        if node & 1 or node == last:
            of_old, of_new = node_hash(sibling, of_old), node_hash(sibling, of_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            of_new = node_hash(of_new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and of_old == old_root and of_new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _levels_of(size: int) -> Iterator[int]:
    """The levels of the perfect subtrees that make up a tree, from the left."""
    return (level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1)


def _range_root(subtree: Subtree, start: int, end: int) -> bytes:
    """The root over the leaves from ``start`` (aligned as RFC 6962 splits) to ``end``."""
    size = end - start
    if size and not size & (size - 1):
        return subtree(size.bit_length() - 1, start >> (size.bit_length() - 1))
    peaks = []
    for level in _levels_of(size):
        peaks.append(subtree(level, start >> level))
        start += 1 << level
    return _fold(peaks)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    return reduce(lambda right, left: node_hash(left, right), peaks[-2::-1], peaks[-1])
