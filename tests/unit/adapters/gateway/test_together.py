"""Callers in many threads share commits; each is told only when its own is done, and of its own fault alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from time import monotonic, sleep

import pytest

from adapters.gateway.errors import NobodyToReadError
from adapters.gateway.sending.together import Call, Together
from broker.errors import UnavailableError
from schemas.control import unframe
from schemas.envelope import FullEnvelope
from schemas.ids import EventId
from schemas.wire import PROTOCOL_VERSION
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom

HERE = {"residence": {"gss": CUMBERLAND}}


class Held:
    """Work whose first turn lasts until it is let go; writes down who shared each turn."""

    def __init__(self, work: Callable[[Sequence[Call[int]]], None] = lambda _: None) -> None:
        self.turns: list[list[int]] = []
        self.began, self.go = Event(), Event()
        self._work = work
        self.together = Together(self._carry_out)

    def _carry_out(self, calls: Sequence[Call[int]]) -> None:
        self.turns.append([call.what for call in calls])
        self.began.set()
        self.go.wait(10)
        self._work(calls)


def all_at_once(held: Held, count: int) -> list[Future[None]]:
    """The first call begins alone, the others come while it is at work, in their order."""
    with ThreadPoolExecutor(count) as threads:
        futures = [threads.submit(held.together.do, 0)]
        assert held.began.wait(10)
        for number in range(1, count):
            futures.append(threads.submit(held.together.do, number))
            until = monotonic() + 10
            while held.together.waiting < number and monotonic() < until:
                sleep(0.001)
        assert not any(future.done() for future in futures)
        held.go.set()
    return futures


def test_who_comes_while_one_is_at_work_shares_the_next_turn() -> None:
    held = Held()
    futures = all_at_once(held, 6)

    assert [None] * 6 == [future.result() for future in futures]
    assert [[0], [1, 2, 3, 4, 5]] == held.turns


def test_a_refusal_is_the_callers_own() -> None:
    def refuse_the_third(calls: Sequence[Call[int]]) -> None:
        for call in calls:
            with call.by_itself():
                if call.what == 3:
                    raise NobodyToReadError

    futures = all_at_once(Held(refuse_the_third), 6)

    assert [3] == [number for number, future in enumerate(futures) if future.exception()]


def test_what_was_not_written_was_not_written_for_anybody_who_shared_it() -> None:
    def full(calls: Sequence[Call[int]]) -> None:
        if len(calls) > 1:
            raise UnavailableError("the disk is full")

    futures = all_at_once(Held(full), 6)

    assert [False, *[True] * 5] == [isinstance(future.exception(), UnavailableError) for future in futures]


def test_events_of_many_threads_are_one_chain_and_all_arrive(room: PostRoom) -> None:
    """What ``publish`` has returned is in the outbox by then, whoever committed it."""
    health, counting = room["health"], Lock()
    health.publish(a_document("concern.raised", n=1, **HERE))
    lost: list[EventId] = []

    def publish(n: int) -> None:
        event_id = health.publish(a_document("appointment.missed", n=n, **HERE))
        with health.home.store.look() as work, counting:
            lost.extend([] if work.outbox.is_own(event_id.raw) else [event_id])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(publish, range(2, 34)))
    with health.home.store.look() as work:
        bodies = [
            unframe(row.body, 2, PROTOCOL_VERSION)[1] for row in work.outbox.waiting(100) if row.event_id
        ]
    room.settle()

    assert [] == lost
    assert 33 == len({FullEnvelope.from_bytes(body).signed for body in bodies})
    assert 33 == len(room["cumberland"].inbox())
    assert [] == [sent.returned for sent in health.outbox() if sent.returned]


def test_many_are_opened_in_one_commit_and_one_that_cannot_be_keeps_none_back(room: PostRoom) -> None:
    health, cumberland = room["health"], room["cumberland"]
    health.publish(a_document("concern.raised", n=1, **HERE))
    health.publish(a_document("appointment.missed", n=2, **HERE))
    room.settle()
    events = [item.number for item in cumberland.inbox()]
    before = cumberland.home.store.version()
    first, missing, second = cumberland.read_many([events[0], 900, events[1]], role="duty worker")
    with cumberland.home.store.look() as work:
        owed = [row.number for row in work.outbox.owed_receipts(10)]

    assert isinstance(missing, Exception)
    assert ["concern.raised", "appointment.missed"] == [getattr(one, "type", None) for one in (first, second)]
    assert events == owed
    assert before != cumberland.home.store.version()
    with pytest.raises(type(missing)):
        cumberland.read(900, role="duty worker")
