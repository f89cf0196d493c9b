"""Bells wake who listens, at once; and harm nobody who does not, who was killed, or who never comes to hear them."""

import os
import select
from pathlib import Path

import pytest

from broker.store.gateway.bells import Bell, ring
from broker.store.gateway.store import GatewayStore
from schemas.wire import ReceiptKind


@pytest.fixture
def store(tmp_path: Path) -> GatewayStore:
    return GatewayStore(tmp_path / "gateway.db")


def rings(bell: Bell) -> bool:
    """Whether it has rung since it was last heard; it is silent afterwards."""
    found = bool(select.select([bell], [], [], 0)[0])
    bell.silence()
    return found


def write(store: GatewayStore) -> None:
    with store.work() as work:
        work.outbox.owe_receipt(ReceiptKind.OPENED, bytes(16), "m-a", 1, 1, None)


def test_a_commit_rings_for_every_listener_of_that_home_and_for_no_other(
    tmp_path: Path, store: GatewayStore
) -> None:
    elsewhere = GatewayStore(tmp_path / "other" / "gateway.db")
    with store.bell() as one, store.bell() as two, elsewhere.bell() as other:
        write(store)

        assert [True, True, False] == [rings(bell) for bell in (one, two, other)]


def test_what_writes_nothing_or_is_undone_rings_for_nobody(store: GatewayStore) -> None:
    with store.bell() as bell:
        with store.work() as work:
            assert [] == work.outbox.owed_receipts(10)
        with store.look() as work:
            assert [] == work.outbox.owed_receipts(10)
        with pytest.raises(ValueError, match="undone"), store.work() as work:
            work.outbox.owe_receipt(ReceiptKind.OPENED, bytes(16), "m-a", 1, 1, None)
            raise ValueError("undone")

        assert not rings(bell)


def test_the_bell_rings_when_what_was_written_can_be_read(store: GatewayStore) -> None:
    with store.bell() as bell:
        before = store.version()
        write(store)
        bell.wait(10)

        assert before != store.version()


def test_a_listener_that_was_killed_is_forgotten_and_one_that_never_hears_stops_nobody(
    tmp_path: Path,
) -> None:
    with Bell(tmp_path) as deaf:
        os.mkfifo(tmp_path / "killed")
        for _ in range(100_000):  # more than a FIFO holds
            ring(tmp_path)

        assert [] == [path for path in tmp_path.iterdir() if path.name == "killed"]
        assert rings(deaf)
    assert [] == list(tmp_path.iterdir())


def test_without_a_place_for_bells_one_looks_after_a_while(tmp_path: Path) -> None:
    place = tmp_path / "bells"
    place.write_text("a file of somebody's")
    ring(place)
    with Bell(place) as bell:
        bell.wait(0)

        assert bell.fileno() < 0
