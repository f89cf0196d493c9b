"""Stopping politely, and not leaving orphans."""

import asyncio
import os
import signal
import subprocess
import sys

from broker.lifecycle import stop_on_signals


async def test_the_first_signal_asks_to_stop() -> None:
    stop = asyncio.Event()
    with stop_on_signals(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stop.wait(), 5)

    assert stop.is_set()


def test_a_child_does_not_outlive_its_killed_parent() -> None:
    """`handrail up` killed with -9 must not leave a router holding the database."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys\n"
            "from broker.lifecycle import die_with_parent\n"
            "child = subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); import time; time.sleep(60)'],"
            " preexec_fn=die_with_parent)\n"
            "print(child.pid, flush=True); child.wait()\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
    lines.discard("1")
    pid = int(lines.pop())
    parent.kill()
    parent.wait()

    # The pipe reaches its end only when the child, which inherited it, is gone as well.
    assert "" == parent.stdout.read()
    parent.stdout.close()
    assert pid != parent.pid
