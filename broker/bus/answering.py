"""Answering questions that come over the bus: one subject, one answer each, nothing remembered."""

import contextlib
from collections.abc import AsyncIterator, Callable

import nats.errors
from nats.aio.msg import Msg

from broker.bus.connection import Bus


@contextlib.asynccontextmanager
async def answering(bus: Bus, subject: str, answer: Callable[[bytes], bytes]) -> AsyncIterator[None]:
    """Answer every question on ``subject`` while inside. ``answer`` must not raise; who asks is not known."""

    async def asked(message: Msg) -> None:
        if message.reply:
            with contextlib.suppress(nats.errors.Error, OSError):
                await message.respond(answer(message.data))

    subscription = await bus.client.subscribe(subject, cb=asked)
    try:
        yield
    finally:
        with contextlib.suppress(nats.errors.Error, OSError):
            await subscription.unsubscribe()
