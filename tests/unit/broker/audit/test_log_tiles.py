"""The log on disk: the paths of C2SP, and what an altered, missing or half-written tile leads to."""

import hashlib
import shutil
from pathlib import Path

import pytest

from broker.audit.tiles import TileError, Tiles, tile_path, unbundle
from broker.crypto.tree import (
    consistency_proof,
    continues,
    includes,
    inclusion_proof,
    leaf_hash,
    root_at,
    root_of,
)
from broker.errors import UnavailableError


def entry(number: int) -> bytes:
    return f"entry {number}".encode() * (1 + number % 3)


def entries(start: int, end: int) -> list[bytes]:
    return [entry(number) for number in range(start, end)]


def grown(folder: Path, *sizes: int) -> Tiles:
    """Tiles that were written in steps."""
    tiles = Tiles(folder, 0)
    for size in sizes:
        tiles.append(entries(tiles.size, size))
    return tiles


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(3, 1234067), "tile/3/x001/x234/067"),
        (tile_path("entries", 1000, 8), "tile/entries/x001/000.p/8"),
    ],
)
def test_tiles_lie_where_the_specification_says(path: str, expected: str) -> None:
    assert expected == path


def test_a_tree_of_seventy_thousand_has_the_files_of_the_specification_s_example(tmp_path: Path) -> None:
    """70,000 entries: 273 full tiles and one of 112 hashes, above them one full and one of 17, above them one of 1."""
    Tiles(tmp_path, 0).append([b""] * 70_000)

    names = [name for name in files(tmp_path) if "entries" not in name]
    assert 273 == sum(name.startswith("tile/0/") and ".p/" not in name for name in names)
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} == {
        name for name in names if not name.startswith("tile/0/") or ".p/" in name
    }


@pytest.mark.parametrize("steps", [(700,), (1, 2, 255, 256, 257, 700), tuple(range(50, 701, 50))])
def test_the_same_entries_make_the_same_tree_in_whatever_steps(
    tmp_path: Path, steps: tuple[int, ...]
) -> None:
    tiles = grown(tmp_path, *steps)

    tiles.verify()
    assert root_of([leaf_hash(one) for one in entries(0, 700)]) == root_at(tiles.subtree, 700)
    assert entries(0, 700) == list(tiles.entries(0, 700))
    assert entries(250, 600) == list(tiles.entries(250, 600))


def test_proofs_come_from_the_tiles_for_every_size_that_there_was(tmp_path: Path) -> None:
    tiles = grown(tmp_path, 300, 9_000)
    leaves = [leaf_hash(one) for one in entries(0, 9_000)]

    for index, size in ((0, 9_000), (8_999, 9_000), (299, 300), (1_234, 5_001)):
        proof = inclusion_proof(tiles.subtree, index, size)
        assert includes(leaves[index], index, size, proof, root_of(leaves[:size]))
    proof = consistency_proof(tiles.subtree, 300, 9_000)
    assert continues(300, root_of(leaves[:300]), 9_000, root_of(leaves), proof)


def test_each_altered_or_missing_file_is_named(tmp_path: Path) -> None:
    written = tmp_path / "log"
    grown(written, 300)

    for name in files(written):
        for change in ("altered", "missing", "cut short"):
            copy = tmp_path / hashlib.sha256(f"{name}{change}".encode()).hexdigest()
            shutil.copytree(written, copy)
            path = copy / name
            data = path.read_bytes()
            if change == "altered":
                path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            elif change == "missing":
                path.unlink()
            else:
                path.write_bytes(data[:-1])

            with pytest.raises(TileError, match=r"tile/|a bundle of entries is cut short"):
                Tiles(copy, 300).verify()


def test_a_start_reads_every_hash_and_the_entries_that_the_next_append_writes_on(tmp_path: Path) -> None:
    """A changed hash anywhere is named; of the entries those of the bundle that is not full, and each when looked over."""
    written = tmp_path / "log"
    grown(written, 300, 1_500)
    unseen = set()
    for path in [one for one in written.rglob("*") if one.is_file()]:
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        try:
            Tiles(written, 1_500).verify_hashes()
        except TileError:
            pass
        else:
            unseen.add(str(path.relative_to(written)))
        path.write_bytes(data)

    # A width that was left behind when a tile grew belongs to no tree of today.
    assert {*(tile_path("entries", number) for number in range(5)), "tile/1/000.p/1"} == unseen
    altered = written / tile_path("entries", 3)
    altered.write_bytes(altered.read_bytes()[:-1] + b"!")
    with pytest.raises(TileError, match="tile/0/003 is not what its entries give"):
        Tiles(written, 1_500).verify_entries(3)


def test_what_an_append_left_behind_whose_head_was_never_signed_is_no_harm(tmp_path: Path) -> None:
    """The process ended between tiles and head: the old size still stands, and the same entries come again."""
    grown(tmp_path, 200, 300)

    again = Tiles(tmp_path, 200)
    again.verify()
    again.append(entries(200, 600))

    again.verify()
    assert root_of([leaf_hash(one) for one in entries(0, 600)]) == root_at(again.subtree, 600)


def test_a_disk_that_takes_no_write_changes_nothing(tmp_path: Path) -> None:
    tiles = grown(tmp_path, 10)
    (tmp_path / "tile" / "entries" / "000.p").rename(tmp_path / "aside")
    (tmp_path / "tile" / "entries" / "000.p").write_text("a file where a folder must be")

    with pytest.raises(UnavailableError, match="took no write"):
        Tiles(tmp_path, 0).append(entries(0, 20))
    assert 10 == tiles.size


def test_a_bundle_holds_an_entry_of_any_length_that_fits(tmp_path: Path) -> None:
    tiles = Tiles(tmp_path, 0)
    tiles.append([b"", b"x" * 0xFFFF])

    assert [b"", b"x" * 0xFFFF] == unbundle((tmp_path / tile_path("entries", 0, 2)).read_bytes())
