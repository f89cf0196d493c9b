"""Inside TLS: a relay with the server's own certificate between everybody and the server, that keeps all it passes on."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.exchange import Exchange


@dataclass(slots=True)
class Wire:
    """What was said, one entry for each direction of each connection."""

    url: str = ""
    said: list[bytearray] = field(default_factory=list)

    @property
    def streams(self) -> list[bytes]:
        """All of it so far."""
        return [bytes(one) for one in self.said]


@asynccontextmanager
async def recording(it: Exchange) -> AsyncIterator[Wire]:
    """A server in the server's place. Signing in works through it: an nkey signs the server's own challenge."""
    wire, tls, port = Wire(), it.layout.tls, urlsplit(it.server.url).port
    facing = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls / "ca.pem"))
    facing.load_cert_chain(tls / "server.pem", tls / "server.key")
    beyond = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    beyond.load_cert_chain(it.access("admin").certificate, it.access("admin").key)
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = bytearray()
        wire.said.append(kept)
        with suppress(OSError, ssl.SSLError):
            while data := await reader.read(1 << 16):
                kept.extend(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(
            "127.0.0.1", port, ssl=beyond, server_hostname="localhost"
        )
        for task in (asyncio.create_task(pump(reader, back)), asyncio.create_task(pump(there, writer))):
            tasks.add(task)

    server = await asyncio.start_server(joined, "127.0.0.1", 0, ssl=facing)
    wire.url = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
