"""``systemctl`` and ``journalctl`` for a machine without systemd: they start and stop with the units' own command lines.

Run as a program: ``python systemctl.py systemctl start handrail-router``. What is real: the commands, their order and
their processes. What is not: the fence around them, which ``systemd-analyze verify`` looks at. State lies in the
folder named by ``SHIM``; ``HANDRAIL_DATA`` is the exchange.
"""

import fnmatch
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

UNITS: Final = Path(__file__).parents[2] / "deploy" / "systemd"
BIN: Final = Path(sys.executable).parent
_STOP_S: Final = 30.0


def commands(unit: str, ports: tuple[int, int], pid: int = 0) -> Iterator[list[str]]:
    """What a unit starts, on this machine's paths; ``pid`` is the main process's for what comes after it."""
    base, _, instance = unit.partition("@")
    text = (UNITS / f"{base}{'@' if instance else ''}.service").read_text()
    for line in re.findall(r"^Exec(?:Start|StartPost)=(.*)$", text, re.MULTILINE):
        for there, here in (
            ("/opt/handrail/bin", str(BIN)),
            ("/var/lib/handrail", os.environ["HANDRAIL_DATA"]),
            ("%i", instance),
            ("${HANDRAIL_PORT}", str(ports[0])),
            ("${HANDRAIL_MONITOR_PORT}", str(ports[1])),
            ("$HANDRAIL_METRICS", "--metrics-port 0"),
            ("$MAINPID", str(pid)),
            ("--metrics-port 9464", "--metrics-port 0"),
        ):
            line = line.replace(there, here)  # noqa: PLW2901
        yield shlex.split(line)


def start(shim: Path, unit: str) -> None:
    """Start a unit that does not run, and what it wants."""
    file = shim / f"{unit}.pid"
    if file.exists() and _alive(int(file.read_text())):
        return
    ports = _ports(shim)
    main = next(commands(unit, ports))
    with (shim / f"{unit}.log").open("ab") as log:
        if unit == "handrail-provision":
            subprocess.run(main, check=True, stdout=log, stderr=log, timeout=60)
            return
        process = subprocess.Popen(main, stdout=log, stderr=log, start_new_session=True)
        file.write_text(str(process.pid))
        for after in list(commands(unit, ports, process.pid))[1:]:
            subprocess.run(after, check=True, stdout=log, stderr=log, timeout=60)
    if unit == "handrail-server":
        start(shim, "handrail-provision")


def stop(shim: Path, pattern: str) -> None:
    """Stop every running unit of a name or pattern."""
    for file in sorted(shim.glob("*.pid")):
        if not fnmatch.fnmatch(file.stem, pattern):
            continue
        pid = int(file.read_text())
        file.unlink()
        if _alive(pid):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while _alive(pid):
            if time.monotonic() > deadline:
                raise SystemExit(f"{file.stem} does not stop")
            time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _ports(shim: Path) -> tuple[int, int]:
    """Two free ports, the same for as long as the machine lives."""
    file = shim / "ports.json"
    if not file.exists():
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            file.write_text(json.dumps([one.getsockname()[1], two.getsockname()[1]]))
    first, second = json.loads(file.read_text())
    return first, second


def main(program: str, *arguments: str) -> None:
    """One call of one of the two programs."""
    shim = Path(os.environ["SHIM"])
    if program == "journalctl":
        sys.stdout.write((shim / f"{arguments[arguments.index('-u') + 1]}.log").read_text())
        return
    verb, *units = arguments
    for unit in units:
        if verb in {"stop", "restart"}:
            stop(shim, unit)
        if verb in {"start", "restart"}:
            start(shim, unit)


if __name__ == "__main__":
    main(*sys.argv[1:])
