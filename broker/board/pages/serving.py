"""The pages' own process: a socket, TLS if asked for, and uvicorn with no log of addresses."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from broker.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Listening:
    """Where browsers come to. ``certificate`` and ``key`` together, or neither."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None

    def open(self) -> socket.socket:
        """A listening socket. Raises ConfigurationError where the address is taken, or not this machine's."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((self.host, self.port))
        except OSError as error:
            made.close()
            raise ConfigurationError(f"cannot listen on {self.host}:{self.port}: {error.strerror}") from error
        made.listen(128)
        return made

    def origin(self, port: int) -> str:
        """The address of this listener itself, where no other was configured."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{port}"


async def serve(
    app: Starlette,
    listening: Listening,
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    """Serve until ``stop`` is set; requests under way may finish within five seconds."""
    server = _Server(
        uvicorn.Config(
            app,
            ssl_certfile=listening.certificate,
            ssl_keyfile=listening.key,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=100,
            timeout_graceful_shutdown=5,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    while not server.started and not running.done():  # noqa: ASYNC110  uvicorn offers a flag and no event
        await asyncio.sleep(0.01)
    if server.started:
        ready()
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await running


class _Server(uvicorn.Server):
    """Signals are the process's own affair (``broker.lifecycle``)."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch none."""
        yield
