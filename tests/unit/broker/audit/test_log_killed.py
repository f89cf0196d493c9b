"""The log under kill -9: whatever moment it comes at, what was released is in the log, and there is one log.

``HANDRAIL_KILLS=1000 pytest tests/unit/broker/audit/test_log_killed.py`` is the long form.
"""

import os
import random
import select
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.audit.log import Log, LogBrokenError, open_log
from broker.audit.tiles import Tiles, bundle, tile_path
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, Note, NoteKey
from broker.crypto.tree import continues, leaf_hash, root_of
from broker.errors import ConfigurationError, UnavailableError
from broker.faults import Gap, no_gap

KILLS = int(os.environ.get("HANDRAIL_KILLS", "60"))
KEY = SigningKey(bytes([9]) * 32)
ORIGIN = "log.example"
LONGEST_S = 0.06


def entry(number: int) -> bytes:
    return f"entry {number}".encode()


def entries(start: int, count: int) -> list[bytes]:
    return [entry(number) for number in range(start, start + count)]


def write_until_killed(folder: Path, out: int, seed: int, gap: Gap) -> None:
    """The child: append in batches of any size, and say each head once ``append`` has returned."""
    sizes = random.Random(seed)
    with open_log(folder, ORIGIN, KEY, gap) as log:
        while True:
            log.append(entries(log.head.size, sizes.choice((1, 1, 7, 100, 300))))
            if log.note is not None:
                os.write(out, log.note.to_text().encode() + b"\0")


def killed(folder: Path, seed: int, chance: random.Random) -> list[Note]:
    """Run a writer, kill it at a numbered gap or at any moment, and give the heads that it had released."""
    read, write = os.pipe()
    fatal, passes = chance.choice((0, 1, 2)), Counter[int]()
    last = chance.randint(1, 4)

    def gap(number: int) -> None:
        passes[number] += 1
        if number == fatal and passes[number] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            write_until_killed(folder, write, seed, gap if fatal else no_gap)
        finally:
            os._exit(3)
    os.close(write)
    if not fatal:
        select.select([], [], [], chance.uniform(0.002, LONGEST_S))
        os.kill(child, signal.SIGKILL)
    data = b""
    while block := os.read(read, 1 << 16):
        data += block
    os.close(read)
    _, status = os.waitpid(child, 0)
    assert signal.SIGKILL == os.WTERMSIG(status)
    return [Note.from_bytes(note) for note in data.split(b"\0")[:-1]]


def test_a_log_that_is_killed_at_any_moment_never_forks_and_keeps_what_it_released(tmp_path: Path) -> None:
    chance = random.Random(20)
    released: list[Head] = []
    for number in range(KILLS):
        heads = [Head.from_text(note.text) for note in killed(tmp_path / "log", number, chance)]
        released += heads[-1:]
        with open_log(tmp_path / "log", ORIGIN, KEY) as log:  # opening verifies every hash
            for bundle_number in range(log.bundles):
                log.look_over(bundle_number)
            assert all(log.root_at(head.size) == head.root for head in heads)

    with open_log(tmp_path / "log", ORIGIN, KEY) as log:
        size = log.head.size
        held = list(log.entries(0, size))
        last = released[-1]

        assert entries(0, size) == held
        assert root_of([leaf_hash(one) for one in held]) == log.head.root
        assert all(
            continues(head.size, head.root, last.size, last.root, log.consistency(head.size, last.size))
            for head in released
        )


def a_log(folder: Path, count: int) -> None:
    with open_log(folder, ORIGIN, KEY) as log:
        log.append(entries(0, count))


def another_entry(folder: Path) -> None:
    (folder / tile_path("entries", 0, 5)).write_bytes(bundle([*entries(0, 4), b"another"]))


def another_past(folder: Path) -> None:
    """Tiles that hold together, and a head that was signed over others."""
    head = (folder / "checkpoint").read_bytes()
    Tiles(folder, 0).append([*entries(0, 4), b"another"])
    (folder / "checkpoint").write_bytes(head)


def another_signature(folder: Path) -> None:
    with open_log(folder.parent / "other", ORIGIN, SigningKey(bytes(32))) as log:
        log.append(entries(0, 5))
    (folder.parent / "other" / "checkpoint").rename(folder / "checkpoint")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (another_entry, r"is damaged: tile/0/000.p/5 is not what its entries give"),
        (another_past, r"do not give the root that was signed for 5 entries"),
        (another_signature, r"does not bear this log's signature"),
        (lambda folder: (folder / "checkpoint").write_text("5\n"), r"it is not the head of a log"),
        (lambda folder: (folder / tile_path(0, 0, 5)).unlink(), r"tile/0/000.p/5 is missing"),
    ],
    ids=["entry", "past", "signature", "head", "tile"],
)
def test_a_log_that_its_last_head_does_not_bear_out_is_not_written_on(
    tmp_path: Path, damage: Callable[[Path], object], why: str
) -> None:
    a_log(tmp_path / "log", 5)
    damage(tmp_path / "log")

    with pytest.raises(LogBrokenError, match=why), open_log(tmp_path / "log", ORIGIN, KEY):
        pass


def test_a_log_has_one_writer(tmp_path: Path) -> None:
    with (
        open_log(tmp_path / "log", ORIGIN, KEY),
        pytest.raises(ConfigurationError, match="being written by another process"),
        open_log(tmp_path / "log", ORIGIN, KEY),
    ):
        pass


def test_a_head_that_cannot_be_written_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    with open_log(tmp_path / "log", ORIGIN, KEY) as log:
        log.append(entries(0, 5))
        before: tuple[Log, Head] = log, log.head
        (tmp_path / "log" / ".checkpoint.new").mkdir()
        with pytest.raises(UnavailableError, match="took no write"):
            log.append(entries(5, 5))
        (tmp_path / "log" / ".checkpoint.new").rmdir()

        assert before == (log, log.head)
        assert root_of([leaf_hash(one) for one in entries(0, 10)]) == log.append(entries(5, 5)).root
        assert log.note is not None
        assert NoteKey(ORIGIN, KEY.public).signed(log.note)


def test_a_changed_entry_of_a_full_bundle_is_found_at_work_and_then_keeps_the_log_shut(
    tmp_path: Path,
) -> None:
    """Opening holds the hashes against the head; the entries below them are looked over. Mended, it opens again."""
    folder = tmp_path / "log"
    a_log(folder, 600)
    path = folder / tile_path("entries", 1)
    good = path.read_bytes()
    path.write_bytes(bundle([*entries(256, 255), b"another"]))
    with open_log(folder, ORIGIN, KEY) as log:
        log.look_over(0)
        with pytest.raises(LogBrokenError, match="tile/0/001 is not what its entries give"):
            log.look_over(1)
    for _ in range(2):
        with pytest.raises(LogBrokenError, match="tile/0/001"), open_log(folder, ORIGIN, KEY):
            pass
    path.write_bytes(good)

    for _ in range(2):
        with open_log(folder, ORIGIN, KEY) as log:
            for number in range(log.bundles):
                log.look_over(number)


def test_what_is_kept_aside_is_found_again_by_this_very_log_alone(tmp_path: Path) -> None:
    """Whole, signed by its key, and of its own past: otherwise it is as if it had never been kept."""
    folder, path = tmp_path / "log", tmp_path / "log" / "aside"
    with open_log(folder, ORIGIN, KEY) as log:
        log.append(entries(0, 300))
        early = (folder / "checkpoint").read_bytes()
        assert log.kept_aside() is None
        log.append(entries(300, 10))
        log.keep_aside(b"worked out")
        log.append(entries(310, 400))
    kept = path.read_bytes()

    def found() -> tuple[int, bytes] | None:
        with open_log(folder, ORIGIN, KEY) as again:
            return again.kept_aside()

    assert (310, b"worked out") == found()
    for at in range(len(kept)):
        path.write_bytes(kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :])
        with open_log(folder, ORIGIN, KEY) as again:
            assert again.kept_aside() is None, at
    path.write_bytes(kept[:-1])
    assert found() is None
    with open_log(tmp_path / "other", ORIGIN, KEY) as other:
        other.append([b"another past", *entries(0, 309)])
        other.keep_aside(b"worked out")
    path.write_bytes((tmp_path / "other" / "aside").read_bytes())
    assert found() is None
    path.write_bytes(kept)
    (folder / "checkpoint").write_bytes(early)
    assert found() is None, "ahead of a head from before"
