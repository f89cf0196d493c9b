"""A router whose database was put back from an old copy: it must not give numbers a second time."""

import shutil
from pathlib import Path

import pytest

from broker.bus.topology import DEFAULT_SHARDS
from broker.errors import TamperedError
from broker.routing.standing import step_over
from broker.store.router.store import RouterStore
from broker.wiring import RouterHome, make_router
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, exchange, settled

HERE = {"residence": {"gss": CUMBERLAND}}


async def _publish_and_arrive(it: Exchange, event_type: str, n: int) -> None:
    async with it.router() as router, it.gateway("health") as health, it.gateway("cumberland") as cumberland:
        before = len(cumberland.inbox())
        health.publish(a_document(event_type, n=n, **HERE))
        await settled(lambda: len(cumberland.inbox()) > before)
        await settled(lambda: _nothing_waits(router.store))


def _nothing_waits(store: RouterStore) -> bool:
    with store.work() as now:
        return not now.outgoing.waiting_inbox(1) and not now.outgoing.waiting_audit(1)


def _copy(it: Exchange, to: Path) -> None:
    to.mkdir()
    for name in ("router.db", "router.db-wal"):
        if (it.layout.router / name).exists():
            shutil.copy2(it.layout.router / name, to)


def _put_back(it: Exchange, copy: Path) -> None:
    for name in ("router.db", "router.db-wal", "router.db-shm"):
        (it.layout.router / name).unlink(missing_ok=True)
    for file in copy.iterdir():
        shutil.copy2(file, it.layout.router)


@pytest.mark.parametrize(
    ("later", "where"),
    [
        pytest.param("concern.raised", "AUDIT", id="behind AUDIT"),
        # A routine event about a child without a matter leaves nothing in AUDIT (P12): the inboxes tell.
        pytest.param("appointment.missed", "m-[a-z2-7]+", id="behind an inbox, AUDIT has nothing newer"),
    ],
)
async def test_a_router_from_an_old_copy_does_not_start(tmp_path: Path, later: str, where: str) -> None:
    async with exchange(tmp_path) as it:
        await _publish_and_arrive(it, "appointment.missed", 1)
        _copy(it, tmp_path / "copy")
        await _publish_and_arrive(it, later, 2)
        _put_back(it, tmp_path / "copy")

        with pytest.raises(TamperedError, match=rf"\({where}: number \d+ was given.*router-behind-audit\.md"):
            await make_router(RouterHome(it.layout.router), it.server.url)


async def test_a_person_may_let_an_old_copy_go_on_and_no_number_is_given_twice(tmp_path: Path) -> None:
    """The last resort: what comes afterwards arrives, instead of being dropped as a repeat."""
    async with exchange(tmp_path) as it:
        await _publish_and_arrive(it, "appointment.missed", 1)
        _copy(it, tmp_path / "copy")
        await _publish_and_arrive(it, "concern.raised", 2)
        await _publish_and_arrive(it, "appointment.missed", 3)
        _put_back(it, tmp_path / "copy")
        store = RouterStore(it.layout.router / "router.db")
        bus = await it.connect("router")
        stepped = await step_over(bus, store, it.directory, DEFAULT_SHARDS)
        again = await step_over(bus, store, it.directory, DEFAULT_SHARDS)
        store.close()

        await _publish_and_arrive(it, "concern.raised", 4)

    assert {"AUDIT", it.members["cumberland"]} <= {place for place, _, _ in stepped}
    assert all(said > remembered for _, said, remembered in stepped)
    assert [] == again


async def test_a_router_starts_on_a_copy_that_nothing_was_said_after(tmp_path: Path) -> None:
    async with exchange(tmp_path) as it:
        await _publish_and_arrive(it, "concern.raised", 1)
        _copy(it, tmp_path / "copy")
        _put_back(it, tmp_path / "copy")

        await _publish_and_arrive(it, "concern.raised", 2)


async def test_a_router_that_died_before_it_marked_a_delivery_as_published_starts(tmp_path: Path) -> None:
    """The bus then has more than is marked, but nothing that the counters do not know."""
    async with exchange(tmp_path) as it:
        await _publish_and_arrive(it, "concern.raised", 1)
        async with it.router() as router:
            with router.store.work() as work:
                work.connection.exec_driver_sql("DELETE FROM sent")

        await _publish_and_arrive(it, "concern.raised", 2)
