"""Runs in the peer's environment: fills a durable queue of RabbitMQ, then relays from it, one in and three out.

A message is acknowledged when the broker has confirmed its three copies; confirms are awaited with many in hand, as
the client's documentation has it for speed. Reads one JSON request on stdin, answers one JSON object on stdout. Never
imported by the tests.
"""

import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import pika  # type: ignore[import-not-found]  # only in the environment of its own

_COPIES = 3
_IN_HAND = 384
"""As many as the floor has: three batches of 128."""
_LIMIT_S = 60.0
_PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Relay:
    """Takes from one queue, publishes to three, acknowledges after the confirms."""

    def __init__(self, where: Any, name: str, count: int) -> None:
        self._name, self._left = name, count
        self._published = 0
        self._sources: dict[int, int] = {}
        """Publish number to the tag of the message that it is a copy of, until it is confirmed."""
        self._open: dict[int, int] = {}
        """Copies not confirmed yet, by that tag."""
        self.took = 0.0
        self._connection = pika.SelectConnection(where, on_open_callback=self._opened)

    def run(self) -> None:
        """Until the last message is acknowledged."""
        self._connection.ioloop.start()

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._ready)

    def _ready(self, channel: Any) -> None:
        self._channel = channel
        channel.confirm_delivery(self._confirmed)
        channel.basic_qos(prefetch_count=_IN_HAND)
        self._began = time.perf_counter()
        channel.basic_consume(f"{self._name}-in", self._arrived)

    def _arrived(self, channel: Any, delivery: Any, _properties: Any, body: bytes) -> None:
        self._open[delivery.delivery_tag] = _COPIES
        for reader in range(_COPIES):
            self._published += 1
            self._sources[self._published] = delivery.delivery_tag
            channel.basic_publish("", f"{self._name}-out-{reader}", body, _PERSISTENT)

    def _confirmed(self, frame: Any) -> None:
        if frame.method.NAME != "Basic.Ack":
            sys.exit("the broker refused a message")
        upto = frame.method.delivery_tag
        numbers = [n for n in self._sources if n <= upto] if frame.method.multiple else [upto]
        for number in numbers:
            tag = self._sources.pop(number)
            self._open[tag] -= 1
            if not self._open[tag]:
                del self._open[tag]
                self._channel.basic_ack(tag)
                self._left -= 1
        if not self._left:
            self.took = time.perf_counter() - self._began
            self._connection.ioloop.stop()


def main() -> None:
    """Fill, relay, count."""
    asked = json.load(sys.stdin)
    messages = [bytes.fromhex(line) for line in Path(asked["messages"]).read_text("ascii").split()]
    context = ssl.create_default_context(cafile=asked["authority"])
    context.load_cert_chain(asked["certificate"], asked["key"])
    where = pika.ConnectionParameters(
        "127.0.0.1", asked["port"], ssl_options=pika.SSLOptions(context, "127.0.0.1")
    )
    filling = pika.BlockingConnection(where).channel()
    name = asked["name"]
    outs = [f"{name}-out-{reader}" for reader in range(_COPIES)]
    for queue in (f"{name}-in", *outs):
        filling.queue_declare(queue, durable=True, arguments={"x-queue-type": asked["kind"]})
    for message in messages:
        filling.basic_publish("", f"{name}-in", message, _PERSISTENT)
    _until_there(filling, (f"{name}-in",), len(messages))
    relay = Relay(where, name, len(messages))
    relay.run()
    _until_there(filling, outs, len(messages))
    json.dump({"took_s": relay.took}, sys.stdout)


def _until_there(channel: Any, queues: Any, count: int) -> None:
    """Each queue holds as many as it should; more or fewer for long is an error."""
    deadline = time.monotonic() + _LIMIT_S
    while (
        found := [channel.queue_declare(queue, passive=True).method.message_count for queue in queues]
    ) != [count] * len(queues):
        if time.monotonic() > deadline:
            sys.exit(f"{count} expected, {found} there")
        time.sleep(0.05)


main()
