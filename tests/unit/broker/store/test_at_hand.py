"""What waits for the bus is handed over after the commit, and what the bus has is written with the next one."""

from pathlib import Path

import pytest

from broker.store.router import at_hand
from broker.store.router.outgoing import InboxRow
from broker.store.router.store import RouterStore

_READER = "m-aaaaaaaaaa"


@pytest.fixture
def store(tmp_path: Path) -> RouterStore:
    """A new one."""
    return RouterStore(tmp_path / "router.db")


def _queue(store: RouterStore, *numbers: int, size: int = 10) -> None:
    with store.work() as work:
        for number in numbers:
            work.outgoing.put(_READER, number, f"{_READER}.{number}", bytes(size))


def _waiting(store: RouterStore) -> list[InboxRow]:
    with store.work() as work:
        return work.outgoing.waiting_inbox(100)


def test_until_somebody_has_caught_up_the_database_must_be_asked(store: RouterStore) -> None:
    """At a start there may be rows of an earlier life."""
    _queue(store, 1)
    assert store.inbox.take(10) is None


def test_rows_are_handed_over_as_they_lie_in_the_database(store: RouterStore) -> None:
    """In the same order, under the same positions, so that marking them deletes exactly these."""
    _queue(store, 1)
    store.inbox.caught_up()
    _queue(store, 2, 3)
    _queue(store, 4)
    taken = store.inbox.take(2)
    assert taken is not None
    assert [row.number for row in taken] == [2, 3]
    store.inbox.mark((row, 7) for row in taken)
    left = _waiting(store)
    assert [row.number for row in left] == [1, 4]
    assert store.inbox.take(10) == left[1:]


def test_what_is_rolled_back_is_not_handed_over(store: RouterStore) -> None:
    """Neither of a whole transaction nor of an attempt inside one."""
    store.inbox.caught_up()
    with pytest.raises(RuntimeError, match="gives up"), store.work() as work:
        work.outgoing.put(_READER, 1, "1", b"")
        raise RuntimeError("gives up")
    with store.work() as work:
        work.outgoing.put(_READER, 2, "2", b"")
        with pytest.raises(RuntimeError, match="refused"), work.attempt():
            work.outgoing.put(_READER, 3, "3", b"")
            raise RuntimeError("refused")
        work.outgoing.put(_READER, 4, "4", b"")
    assert store.inbox.take(10) == _waiting(store)


def test_a_mark_outlives_a_transaction_that_fails(store: RouterStore) -> None:
    """It is written by the next one that does not."""
    _queue(store, 1)
    store.inbox.mark([(_waiting(store)[0], 9)])
    with pytest.raises(RuntimeError, match="gives up"), store.work():
        raise RuntimeError("gives up")
    with store.work() as work:
        assert work.outgoing.waiting_inbox(10) == []
        assert work.outgoing.sequence_of(_READER, 1) == 9
    assert store.inbox.marks() == []


def test_scrubbing_writes_the_marks_first(store: RouterStore, tmp_path: Path) -> None:
    """What is marked counts as gone, so nothing of it may be left in any file (P12)."""
    with store.work() as work:
        work.outgoing.put(_READER, 1, "1", b"seven swans" * 50)
    store.inbox.mark([(_waiting(store)[0], 1)])
    assert store.scrub()
    assert not [path.name for path in tmp_path.iterdir() if b"seven swans" in path.read_bytes()]


def test_more_than_memory_should_hold_is_left_to_the_database(
    store: RouterStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost by that: whoever catches up goes on from memory."""
    monkeypatch.setattr(at_hand, "MOST_BYTES", 100)
    store.inbox.caught_up()
    _queue(store, 1, size=60)
    _queue(store, 2, size=60)
    assert store.inbox.take(10) is None
    _queue(store, 3)
    assert store.inbox.take(10) is None
    assert [row.number for row in _waiting(store)] == [1, 2, 3]
