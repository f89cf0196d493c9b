"""Signing in ends in time, whatever the library makes of being cancelled."""

import asyncio

import pytest

from broker.bus.connection import within


async def test_who_does_not_hear_that_its_time_is_over_is_told_again() -> None:
    told = 0

    async def deaf() -> None:
        nonlocal told
        while told < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told += 1

    with pytest.raises(TimeoutError):
        await within(0.01, deaf())
    assert told == 3


async def test_what_ends_in_time_says_how_it_ended() -> None:
    async def refused() -> None:
        raise ConnectionRefusedError

    with pytest.raises(ConnectionRefusedError):
        await within(10.0, refused())
    await within(10.0, asyncio.sleep(0))


async def test_whoever_is_cancelled_meanwhile_stops_the_work_too() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.ensure_future(within(60.0, work()))
    await began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()
