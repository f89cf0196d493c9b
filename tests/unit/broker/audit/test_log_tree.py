"""The hash tree against published answers, and against a second way of computing it that reads like the RFC."""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.tree import (
    EMPTY_ROOT,
    Subtree,
    consistency_proof,
    continues,
    includes,
    inclusion_proof,
    leaf_hash,
    perfect_root,
    root_at,
    root_of,
)

# The well-known test tree of the certificate-transparency project: eight entries and the roots over the first 1 to 8.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# The consistency proofs that RFC 6962 section 2.1.3 draws, over a tree of seven: (old size, hashes of which leaves).
DRAWN = {3: ((2, 3), (3, 4), (0, 2), (4, 7)), 4: ((4, 7),), 6: ((4, 6), (6, 7), (0, 4))}

# Inclusion and consistency proofs, good and bad, of the Go library that public logs use.
OUTSIDE: dict[str, Any] = json.loads((Path(__file__).parent / "merkle.json").read_text())

LEAVES = [leaf_hash(entry) for entry in ENTRIES]
SIZES = st.integers(1, 300)


def many(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(2, "big")) for number in range(size)]


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    return lambda level, index: perfect_root(leaves[index << level : (index + 1) << level])


def as_the_rfc_says(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + as_the_rfc_says(leaves[:k]) + as_the_rfc_says(leaves[k:])).digest()


def octets(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("row", OUTSIDE["inclusion"], ids=lambda row: row[0])
def test_inclusion_proofs_are_judged_as_an_outside_library_judges_them(row: list[Any]) -> None:
    _, index, size, root, leaf, proof, refused = row
    held = includes(octets(leaf), index, size, [octets(one) for one in proof or []], octets(root))

    assert held is not refused


@pytest.mark.parametrize("row", OUTSIDE["consistency"], ids=lambda row: row[0])
def test_consistency_proofs_are_judged_as_an_outside_library_judges_them(row: list[Any]) -> None:
    _, old, old_root, new, new_root, proof, refused = row
    held = continues(old, octets(old_root), new, octets(new_root), [octets(one) for one in proof or []])

    assert held is not refused


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots_come_out(size: int) -> None:
    roots = {root_of(LEAVES[:size]).hex(), root_at(subtree_of(LEAVES), size).hex()}

    assert {ROOTS[size - 1]} == roots


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert hashlib.sha256(b"").digest() == root_of([]) == EMPTY_ROOT


@pytest.mark.parametrize("old", DRAWN)
def test_consistency_proofs_are_those_that_the_rfc_draws(old: int) -> None:
    drawn = [root_of(LEAVES[start:end]) for start, end in DRAWN[old]]

    assert drawn == consistency_proof(subtree_of(LEAVES), old, 7)


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_a_root_is_the_same_however_few_hashes_are_held_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("broker.crypto.tree._AT_ONCE", at_once)
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(70)]

    assert all(as_the_rfc_says(leaves[:size]) == root_of(leaves[:size]) for size in range(1, 71))


@given(SIZES)
def test_a_root_is_what_the_rfc_computes(size: int) -> None:
    leaves = many(size)

    assert as_the_rfc_says(leaves) == root_of(leaves) == root_at(subtree_of(leaves), size)


@given(SIZES, st.data())
def test_every_entry_is_proven_at_its_place_and_at_no_other(size: int, data: st.DataObject) -> None:
    leaves = many(size)
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(subtree_of(leaves), index, size)

    held = {place: includes(leaves[index], place, size, proof, root_of(leaves)) for place in (index, other)}

    assert {place: place == index for place in (index, other)} == held
    assert len(proof) <= (size - 1).bit_length()


@given(SIZES, st.data())
def test_every_tree_is_proven_to_continue_each_smaller_one(size: int, data: st.DataObject) -> None:
    leaves = many(size)
    old = data.draw(st.integers(1, size))

    proof = consistency_proof(subtree_of(leaves), old, size)

    assert continues(old, root_of(leaves[:old]), size, root_of(leaves), proof)


@given(SIZES, st.data())
def test_a_changed_past_is_never_proven(size: int, data: st.DataObject) -> None:
    """One old entry is another in the new tree: the honest proof of either tree does not pass."""
    leaves, changed = many(size), many(size)
    old = data.draw(st.integers(1, size))
    changed[data.draw(st.integers(0, old - 1))] = leaf_hash(b"changed")

    for proof in (consistency_proof(subtree_of(tree), old, size) for tree in (leaves, changed)):
        assert not continues(old, root_of(leaves[:old]), size, root_of(changed), proof)


@given(SIZES, st.data())
def test_a_proof_with_a_hash_altered_missing_or_added_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = many(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(subtree_of(leaves), index, size)
    wrong = [[*proof, bytes(32)]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        wrong += [proof[:at] + proof[at + 1 :], [*proof[:at], bytes(32), *proof[at + 1 :]]]

    assert not any(includes(leaves[index], index, size, one, root_of(leaves)) for one in wrong)


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [(0, 0, [bytes(32)]), (0, 4, [bytes(32)]), (4, 3, []), (3, 4, []), (-1, 4, [])],
    ids=["nothing-proven", "empty-proven", "shrunk", "unproven", "below-zero"],
)
def test_sizes_and_proofs_that_do_not_fit_are_refused(old: int, new: int, proof: list[bytes]) -> None:
    assert not continues(old, root_of(LEAVES[: max(0, old)]), new, root_of(LEAVES[:new]), proof)


def test_a_smaller_tree_of_the_same_size_is_a_fork() -> None:
    assert not continues(4, root_of(LEAVES[:4]), 4, root_of(LEAVES[1:5]), [])


@pytest.mark.parametrize(("index", "size"), [(4, 4), (-1, 4), (0, 0)])
def test_there_is_no_proof_of_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"no leaf {index} in a tree of {size}"):
        inclusion_proof(subtree_of(LEAVES), index, size)
