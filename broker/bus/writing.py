"""Many messages in one write: nats-py would frame, check and encrypt each by itself, at five times the cost.

This speaks the client's own protocol (PUB and HPUB) past ``Client.publish``, with the checks that it makes. What the
connection does with the bytes, also while it is away, is the library's affair as before.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import nats.errors
from nats.aio.client import Client

from broker.errors import UnavailableError

_UNFIT: Final = re.compile(r"[\x00-\x20\x7f]")
"""In a subject such a character would end it, and begin another command."""
_UNFIT_IN_HEADERS: Final = re.compile(r"[\x00-\x1f\x7f]")
"""In a header's value a space may stand."""
_TOGETHER_BYTES: Final = 256 << 10


def framed(subject: str, data: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None) -> bytes:
    """One message as the connection carries it.

    Raises:
        UnavailableError: a subject or header that would not be one.
    """
    if not subject or _UNFIT.search(subject + reply):
        raise UnavailableError("the bus takes no such subject")
    if headers is None:
        return f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n"
    if _UNFIT_IN_HEADERS.search("".join(headers.values())):
        raise UnavailableError("the bus takes no such header")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    line = f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode()
    return b"".join((line, head, data, b"\r\n"))


async def write(client: Client, messages: Iterable[bytes]) -> None:
    """Give the connection these messages, in their order.

    Raises:
        UnavailableError: it is closed, or away and has as much to say already as it keeps.
    """
    together: list[bytes] = []
    size = 0
    for message in messages:
        together.append(message)
        size += len(message)
        if size >= _TOGETHER_BYTES:
            await _write(client, together, size)
            together, size = [], 0
    if together:
        await _write(client, together, size)


async def _write(client: Client, messages: list[bytes], size: int) -> None:
    if client.is_closed or client.is_draining_pubs:
        raise UnavailableError("the connection to the bus is closed")
    if not client.is_connected and client._pending_data_size + size > client._max_pending_size:  # noqa: SLF001
        raise UnavailableError("the bus is away, and enough waits for it")
    client.stats["out_msgs"] += len(messages)
    client.stats["out_bytes"] += size
    try:
        await client._send_command(b"".join(messages))  # noqa: SLF001  the library offers no way to write several
        if client._flush_queue is not None and client._flush_queue.empty():  # noqa: SLF001
            await client._flush_pending()  # noqa: SLF001
    except (nats.errors.Error, OSError) as error:
        raise UnavailableError(f"the bus took no message: {type(error).__name__}") from error
