"""What a process told the kernel, in which order: file writes, syncs and sends, as ``strace`` saw them.

A file is *wet* from a write to it until a sync of it that began after that write has ended. A promise on a socket
while the file is wet would be broken by a power cut.
"""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CALLS: Final = "write,pwrite64,pwritev,writev,sendto,sendmsg,fsync,fdatasync"
_SYNCS: Final = frozenset({"fsync", "fdatasync"})
_LINE: Final = re.compile(r"^(\d+) +(\d+\.\d+) (?:(\w+)\(\d+<([^>]*)>(.*)|<\.\.\. (\w+) resumed>.*)$")
_ATTACHED_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a process did: ``write``, ``synced`` or ``send``, and to which file or socket."""

    what: str
    where: str
    at: float
    data: str
    thread: int


def why_not() -> str | None:
    """Why nothing can be traced here, or None."""
    if shutil.which("strace") is None:
        return (
            "strace is not installed (Debian package strace): the order of writes and syncs is not looked at"
        )
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return f"this machine forbids tracing: {tried.stderr.strip()[:200]}" if tried.returncode else None


@contextmanager
def traced(pid: int, output: Path) -> Iterator[None]:
    """Follow a running process and all its threads while the block runs; then ``output`` holds the trace."""
    command = [
        "strace",
        "-f",
        "-y",
        "-ttt",
        "-s",
        "64",
        "-e",
        f"trace={_CALLS}",
        "-o",
        str(output),
        "-p",
        str(pid),
    ]
    errors = output.with_suffix(".err")
    with errors.open("wb") as stderr:
        strace = subprocess.Popen(command, stderr=stderr)
    try:
        deadline = time.monotonic() + _ATTACHED_S
        while "attached" not in errors.read_text():
            assert strace.poll() is None, errors.read_text()
            assert time.monotonic() < deadline, "strace did not attach"
            time.sleep(0.02)
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(_ATTACHED_S)


def steps(output: Path) -> list[Step]:
    """The trace in the order of what counts: a write or a send when it begins, a sync when it has ended."""
    found: list[Step] = []
    begun: dict[str, tuple[str, int]] = {}
    """Syncs under way by thread: of which file, and how many steps there were when it began."""
    for line in output.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        thread, at, call, where, rest, resumed = match.groups()
        if resumed in _SYNCS and thread in begun:
            file, since = begun.pop(thread)
            # Written to again meanwhile: this sync need not hold it.
            if not any(step.what == "write" and step.where == file for step in found[since:]):
                found.append(Step("synced", file, float(at), "", int(thread)))
        elif call in _SYNCS and "unfinished" in rest:
            begun[thread] = (where, len(found))
        elif call in _SYNCS:
            found.append(Step("synced", where, float(at), "", int(thread)))
        elif call is not None:
            what = "send" if where.startswith(("socket:", "TCP", "UNIX")) else "write"
            found.append(Step(what, where, float(at), rest, int(thread)))
    return found


def promised_wet(trace: list[Step], file: str, promise: str = "send", rest_s: float = 0.0) -> tuple[int, int]:
    """How often the first promise after a write to the file was kept by a sync, and how often it came too early.

    Looked at are writes after ``rest_s`` without one: where threads write and send at once, only the first promise
    is surely about the first write.
    """
    kept = early = 0
    wet = owed = False
    written = 0.0
    for step in trace:
        if step.what == "write" and step.where.endswith(file):
            owed = owed or step.at - written >= rest_s
            wet, written = True, step.at
        elif step.what == "synced" and step.where.endswith(file):
            wet = False
        elif owed and (step.what == promise or promise in step.data):
            kept, early = (kept, early + 1) if wet else (kept + 1, early)
            owed = False
    return kept, early
