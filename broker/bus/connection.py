"""A signed-in connection to the bus that comes back by itself and says plainly when it is away."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import ParseResult

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport

from broker.bus.render import inbox_prefix
from broker.errors import UnavailableError

_log = structlog.get_logger()

_PING_S: Final = 5
_REQUEST_S: Final = 5.0
_CANCEL_S: Final = 0.1
_QUOTE: Final = "'"
_REFUSAL: Final = "permissions violation"
_SERVER_NAME: Final = "localhost"
PENDING_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Access:
    """What one user needs to sign in: server, its own nkey seed, certificate files, and its name for answers."""

    url: str
    user: str
    seed: Path
    certificate: Path
    key: Path
    authority: Path

    @classmethod
    def in_folder(cls, folder: Path, user: str, url: str) -> "Access":
        """The files as ``handrail directory add-member`` lays them out."""
        return cls(
            url, user, folder / "user.seed", folder / "client.pem", folder / "client.key", folder / "ca.pem"
        )


class BusError(UnavailableError):
    """The bus answered with an error. ``code`` is the server's error code, 0 if it gave none."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"bus error {code}: {description}")
        self.code = code


class Bus:
    """One connection. ``request`` is for the bus's own interfaces; messages go by Publisher and Puller."""

    def __init__(self, client: Client, user: str) -> None:
        self.client = client
        self.user = user

    @property
    def connected(self) -> bool:
        """Whether the connection is up now."""
        return self.client.is_connected

    async def request(self, subject: str, payload: bytes = b"", timeout: float = _REQUEST_S) -> Msg:  # noqa: ASYNC109
        """One question to the bus. Raises UnavailableError."""
        try:
            answer = await self.client.request(subject, payload, timeout=timeout)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise UnavailableError(f"the bus did not answer: {type(error).__name__}") from error
        if (task := asyncio.current_task()) and task.cancelling():
            # Before Python 3.12 the library's wait_for swallows a cancellation that comes together with the
            # answer; the caller would then never stop.
            raise asyncio.CancelledError
        return answer

    async def api(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One JetStream API call. Raises BusError where the server says no, UnavailableError where it says nothing."""
        reply = await self.request(f"$JS.API.{subject}", json.dumps(body).encode() if body else b"")
        answer: dict[str, Any] = json.loads(reply.data)
        if "error" in answer:
            raise BusError(answer["error"].get("err_code", 0), answer["error"].get("description", ""))
        return answer

    async def close(self) -> None:
        """Hang up at once; what is not acknowledged comes again."""
        await _hang_up(self.client)


async def connect(access: Access, *, attempts_for: float = 10.0) -> Bus:
    """Sign in with nkey and certificate.

    Raises:
        UnavailableError: no connection within ``attempts_for`` seconds, or refused; or the address is none.
    """
    if "://" not in access.url:
        raise UnavailableError(
            "cannot reach the bus: its address, in the folder nats of this home, is empty or is none"
        )
    client = _LastingClient()
    try:
        await within(attempts_for, _connect(client, access))
    except (nats.errors.Error, TimeoutError, OSError) as error:
        await _hang_up(client)
        raise UnavailableError(f"cannot reach the bus: {type(error).__name__}") from error
    except BaseException:
        await _hang_up(client)
        raise
    return Bus(client, access.user)


async def within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    """Do it, or raise TimeoutError; whatever it makes of being cancelled, it has ended then.

    The library swallows a cancellation that meets it while it hangs up, and tries to sign in for good: under
    ``asyncio.timeout``, which cancels once, a command would stand there and never say that the bus refuses it.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_S)
    if not done:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            task.result()
        raise TimeoutError
    task.result()


async def _hang_up(client: Client) -> None:
    with contextlib.suppress(nats.errors.Error, OSError):
        await client.close()


async def _connect(client: Client, access: Access) -> None:
    async def on_error(error: Exception) -> None:
        # Must never raise: an exception here would end the client's read loop for good.
        _log.warning("bus-error", user=access.user, error=type(error).__name__)

    tls = _tls(access)
    client._transport = _TlsFromTheStart(tls)  # noqa: SLF001  the library offers no other way to choose one
    await client.connect(
        servers=[access.url],
        tls=tls,
        tls_handshake_first=True,
        nkeys_seed_str=access.seed.read_text().strip(),
        inbox_prefix=inbox_prefix(access.user).encode(),
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; the stub says int, the library sleeps on it
        connect_timeout=5,
        ping_interval=_PING_S,
        max_outstanding_pings=2,
        pending_size=PENDING_BYTES,
        error_cb=on_error,
    )
    if not client.is_connected:
        # The library may return in the middle of signing in; what is sent then goes nowhere.
        raise nats.errors.Error("not signed in")


class _LastingClient(Client):
    """The library's client, but that no word of the server ends it for good.

    The library closes for ever at whatever the server says before it hangs up: a message too long, a user that a
    reload took away for a moment, a sign-in that took too long on a busy machine. A gateway would then stand there
    and never hear anything again. Here each of them is a connection lost, and it comes back.
    """

    async def _process_err(self, err_msg: str) -> None:
        if self.is_connecting or _REFUSAL in err_msg.lower():
            await super()._process_err(
                err_msg
            )  # no first sign-in; a refusal, after which the connection stays
            return
        error = nats.errors.Error(f"nats: {err_msg.strip(_QUOTE)}")
        await self._error_cb(error)
        await self._process_op_err(error)


class _TlsFromTheStart(TcpTransport):
    """A connection that asyncio opens with TLS itself.

    The library would upgrade a plain one by hand with a protocol that does not know of it, and asyncio then
    complains on stderr whenever a server hangs up.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # not annotated in the library
        self._tls = tls

    def __bool__(self) -> bool:
        """Always: an unused transport is falsy in the library, which then makes one of its own."""
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Open it; raises OSError, which ``ssl.SSLError`` is, or TimeoutError."""
        async with asyncio.timeout(connect_timeout):
            self._io_reader, self._io_writer = await asyncio.open_connection(
                uri.hostname, uri.port, limit=buffer_size, ssl=self._tls, server_hostname=_SERVER_NAME
            )

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Nothing is left to do."""


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(access.authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(str(access.certificate), str(access.key))
    return context
