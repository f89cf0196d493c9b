"""Context, not gates: the same sealed bytes through NHS MESH's sandbox, through RabbitMQ, and over our bare bus.

No judgement: the three do different things. What is alike: the bytes (events as a gateway seals them, unique each), TLS
with client certificates, one machine, the same minutes. What is not:

- *MESH* is store-and-forward over HTTPS, one request a step, from one mailbox to another. `mesh-sandbox` is for trying
  clients out: one Python process whose store writes files without waiting for the disk. It says what the client and the
  protocol cost here, nothing about the national service. Beside it: one durable publish and one pull at a time on our bus.
- *RabbitMQ*: durable queue, persistent messages, publisher confirms, a relay that takes one and puts three, hundreds in
  hand. A classic queue confirms when its store has written, with one fsync for many; a quorum queue (one node here) when
  its log has (under strace, filling and relaying 600 events: 219 and 122 syncs). Beside it: `tests/bench/floor.py`, the
  same relay for our bus, fsync before each acknowledgement; it also writes an audit entry of a few bytes. Neither knows
  readers, signatures or order: for the whole product see *relay*.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from broker.bus.connection import Access, Bus, connect
from broker.bus.publisher import Publisher
from broker.bus.puller import Puller
from broker.bus.streams import stream_facts
from broker.bus.topology import DEFAULT_SHARDS, OUT, in_stream, router_durable
from schemas.wire import Lane
from tests.bench.floor import Sizes, planned
from tests.bench.load import Message, Scene, make_scene

_EVENTS: Final = 1_500
_ONE_BY_ONE: Final = 200
_ROUNDS: Final = 3
_PEERS: Final = {"mesh": ("mesh-client==5.0.2", "mesh-sandbox==1.0.137"), "rabbit": ("pika==1.4.4",)}
_KINDS: Final = ("classic", "quorum")
_HERE: Final = Path(__file__).parent
_UP_S: Final = 60.0
_POLL_S: Final = 0.02
_INBOXES: Final = tuple(in_stream(shard) for shard in range(DEFAULT_SHARDS))
_RABBIT_CONF: Final = """listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.cacertfile = {tls}/ca.pem
ssl_options.certfile = {tls}/server.pem
ssl_options.keyfile = {tls}/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.versions.1 = tlsv1.3
disk_free_limit.absolute = 50MB
"""


def run() -> list[tuple[str, str]]:
    """All within a minute or two; the relays take turns."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as name:
        scene = make_scene(Path(name) / "ours", 3)
        sealed = [message for message in scene.traffic(_EVENTS * _ROUNDS, 200) if message.audits == 1]
        size = sum(len(message.data) for message in sealed) // len(sealed)
        alone, relayed = asyncio.run(_measure(scene, sealed))
        rows = [("bytes of a sealed event, mean", f"{size:,}")]
        return rows + _mesh_rows(scene, sealed[:_ONE_BY_ONE], alone) + _relay_rows(relayed)


def _mesh_rows(scene: Scene, sealed: Sequence[Message], alone: float) -> list[tuple[str, str]]:
    with _mesh_sandbox(scene) as port:
        took = _ask_peer("mesh", scene, sealed, url=f"https://127.0.0.1:{port}")
    send, fetch = took["send_s"] / len(sealed), took["fetch_s"] / len(sealed)
    return [
        ("MESH client and sandbox, send one after the other", _pace(send)),
        ("MESH client and sandbox, fetch and acknowledge", _pace(fetch)),
        ("MESH client and sandbox, both", _pace(send + fetch)),
        ("our bare bus, one at a time: publish, on disk, pull, acknowledge", _pace(alone)),
        ("ratio: MESH both / our bare bus, ms a message", f"{(send + fetch) / alone:.1f}"),
    ]


def _relay_rows(relayed: Mapping[str, Sequence[float]]) -> list[tuple[str, str]]:
    middle = {name: statistics.median(times) for name, times in relayed.items()}
    ours = middle.pop("ours")
    rows = [(f"our bare bus, 1 in / 3 out, median of {_ROUNDS} times {_EVENTS:,}", _pace(ours))]
    for kind, took in middle.items():
        rows += [
            (f"RabbitMQ, {kind} queues, confirms, 1 in / 3 out, the same", _pace(took)),
            (f"ratio: RabbitMQ {kind} / our bare bus, events a second", f"{ours / took:.2f}"),
        ]
    if not middle:
        rows.append(("RabbitMQ, 1 in / 3 out", "not installed here: apt-get install rabbitmq-server"))
    return rows


async def _measure(scene: Scene, sealed: Sequence[Message]) -> tuple[float, dict[str, list[float]]]:
    """Seconds for one message one at a time; and for one of a backlog, each round, by each relay there is."""
    program = _rabbit_program()
    kinds = _KINDS if program else ()
    relayed: dict[str, list[float]] = {name: [] for name in ("ours", *kinds)}
    await scene.start()
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(_rabbit(program, scene)) if program else 0
        try:
            alone = await _one_by_one(scene, sealed[:_ONE_BY_ONE])
            for number, part in enumerate(_rounds(sealed)):
                relayed["ours"].append(await _relayed(scene, part))
                for kind in kinds:
                    took = _ask_peer("rabbit", scene, part, port=port, kind=kind, name=f"{kind}-{number}")
                    relayed[kind].append(took["took_s"] / len(part))
        finally:
            await scene.server.stop()
    return alone, relayed


def _rounds(sealed: Sequence[Message]) -> list[Sequence[Message]]:
    return [sealed[at : at + _EVENTS] for at in range(0, len(sealed), _EVENTS)]


def _pace(seconds: float) -> str:
    return f"{1 / seconds:,.0f} a second, {seconds * 1e3:.2f} ms each"


async def _one_by_one(scene: Scene, sealed: Sequence[Message]) -> float:
    author, reader = [await connect(scene.access(name)) for name in ("admin", "router")]
    async with Publisher(author) as publisher, Puller(reader, OUT, router_durable(Lane.NORMAL)) as puller:
        began = time.perf_counter()
        for message in sealed:
            await publisher.publish(message.outgoing())
            (delivery,) = await puller.next_batch()
            assert message.data == delivery.data
            await puller.ack(delivery)
        took = time.perf_counter() - began
        await reader.client.flush()
    await author.close()
    await reader.close()
    return took / len(sealed)


async def _relayed(scene: Scene, sealed: Sequence[Message]) -> float:
    """The floor's relay over a backlog of these, until three copies of each lie in the inboxes."""
    readers = [seat.id for seat in scene.doors]
    size = max(len(message.data) for message in sealed)
    about = {
        "folder": str(scene.layout.router / "nats"),
        "url": scene.server.url,
        "readers": readers,
        "sizes": Sizes(size, 8, 8, 8),
    }
    bus = await connect(scene.access("admin"))
    async with Publisher(bus) as publisher:
        places = tuple(range(len(readers)))
        backlog = [replace(one, data=planned(places, 1, one.data)) for one in sealed]
        await asyncio.gather(*(publisher.publish(one.outgoing()) for one in backlog))
    goal = await _held(bus) + len(sealed) * len(readers)
    relay = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.floor", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert relay.stdin is not None
        assert relay.stdout is not None
        relay.stdin.write(json.dumps(about).encode() + b"\n")
        await relay.stdout.readline()
        began = time.perf_counter()
        async with asyncio.timeout(_UP_S):
            while await _held(bus) < goal:  # noqa: ASYNC110  another process works
                await asyncio.sleep(_POLL_S)
        return (time.perf_counter() - began) / len(sealed)
    finally:
        relay.terminate()
        await relay.wait()
        await bus.close()


async def _held(bus: Bus) -> int:
    """Messages in all inboxes."""
    return sum([(await stream_facts(bus, stream))["messages"] for stream in _INBOXES])


def _python_of(peer: str) -> Path:
    """The peer's interpreter, in an environment of its own that is made at the first use."""
    folder = Path(sys.prefix) / "peers" / peer
    python, complete = folder / "bin" / "python", folder / "complete"
    wanted = "\n".join(_PEERS[peer])
    if not complete.exists() or complete.read_text("utf-8") != wanted:
        venv.create(folder, clear=True, symlinks=True, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "-q"]
        subprocess.run([*pip, "install", "--only-binary", ":all:", *_PEERS[peer]], check=True, stdout=2)
        complete.write_text(wanted, "utf-8")
    return python


def _ask_peer(peer: str, scene: Scene, sealed: Sequence[Message], **more: str | int) -> Mapping[str, float]:
    """Let the peer's own client do it."""
    access = Access.in_folder(scene.layout.admin, "admin", "")
    messages = scene.layout.data / "sealed"
    messages.write_text("\n".join(message.data.hex() for message in sealed), "ascii")
    asked = {
        "messages": str(messages),
        "authority": str(access.authority),
        "certificate": str(access.certificate),
        "key": str(access.key),
        **more,
    }
    done = subprocess.run(
        [_python_of(peer), "-I", _HERE / f"{peer}_peer.py"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


@contextlib.contextmanager
def _mesh_sandbox(scene: Scene) -> Iterator[int]:
    """The sandbox with files as its store and real tokens, behind TLS that asks for the client's certificate."""
    python, port, tls = _python_of("mesh"), _free_port(), scene.layout.tls
    store = scene.layout.data / "mesh"
    store.mkdir()
    command: list[str | Path] = [
        python,
        "-m",
        "uvicorn",
        "mesh_sandbox.api:app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--ssl-certfile", tls / "server.pem", "--ssl-keyfile", tls / "server.key"]
    command += ["--ssl-ca-certs", tls / "ca.pem", "--ssl-cert-reqs", "2", "--log-level", "critical"]
    settings = {"AUTH_MODE": "full", "STORE_MODE": "file", "MAILBOXES_DATA_DIR": str(store)}
    with _running(command, os.environ | settings, port):
        yield port


def _rabbit_program() -> Path | None:
    """The server itself, not Debian's wrapper, which would run it as another user over the system's own data."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found and shutil.which("epmd") else None


@contextlib.contextmanager
def _rabbit(program: Path, scene: Scene) -> Iterator[int]:
    """A node of its own: data, ports, cookie and name server apart from any other on this machine."""
    port, names, nodes = _free_port(), _free_port(), _free_port()
    home = scene.layout.data / "rabbit"
    home.mkdir()
    (home / "rabbitmq.conf").write_text(_RABBIT_CONF.format(port=port, tls=scene.layout.tls), "utf-8")
    settings = {
        "HOME": str(home),
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": "handrail-bench@localhost",
        "RABBITMQ_DIST_PORT": str(nodes),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        # It answers on this machine only, and does not spin for work while the others have their turn.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
    }
    environment = os.environ | settings
    epmd = ["epmd", "-address", "127.0.0.1", "-port", str(names)]
    with _running(epmd, environment, names), _running([program], environment, port):
        yield port


@contextlib.contextmanager
def _running(command: Sequence[str | Path], environment: Mapping[str, str], port: int) -> Iterator[None]:
    """A server as long as it is needed, with whatever it starts itself."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=log, stderr=log, start_new_session=True
        )
        try:
            deadline = time.monotonic() + _UP_S
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {log.read()[-2000:].decode()}")
                time.sleep(_POLL_S)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_UP_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<70} {measured}")
