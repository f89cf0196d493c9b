"""Runs in the peer's environment: one mailbox sends to another with the NHS's own ``mesh-client``, then that one fetches.

Reads one JSON request on stdin, answers one JSON object on stdout. Never imported by the tests.
"""

import json
import sys
import time
from pathlib import Path

from mesh_client import MeshClient  # type: ignore[import-not-found]  # only in the environment of its own


def main() -> None:
    """Each message is sent when the one before was accepted; each is fetched, compared and acknowledged in its turn."""
    asked = json.load(sys.stdin)
    messages = [bytes.fromhex(line) for line in Path(asked["messages"]).read_text("ascii").split()]
    access = {"verify": asked["authority"], "cert": (asked["certificate"], asked["key"]), "max_retries": 0}
    sender, reader = (
        MeshClient(asked["url"], name, "password", shared_key=b"Banana", **access)
        for name in ("X26ABC1", "X26ABC2")
    )
    with sender, reader:
        _exchange(sender, reader, messages)


def _exchange(sender: MeshClient, reader: MeshClient, messages: list[bytes]) -> None:
    began = time.perf_counter()
    for message in messages:
        sender.send_message("X26ABC2", message, workflow_id="TEST_WORKFLOW")
    sent = time.perf_counter()
    fetched = []
    while waiting := reader.list_messages():
        for name in waiting:
            message = reader.retrieve_message(name)
            fetched.append(message.read())
            message.acknowledge()
    ended = time.perf_counter()
    if messages != fetched:
        sys.exit(f"{len(messages)} sent, {len(fetched)} fetched, or not the same bytes")
    json.dump({"send_s": sent - began, "fetch_s": ended - sent}, sys.stdout)


main()
