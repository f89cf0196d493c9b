"""A real PostgreSQL server for tests: started once in a folder of its own, a fresh database for each who asks."""

import atexit
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import pytest

_SEEK = (
    "/usr/local/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/17/bin",
)
_numbers = count(1)


def a_database() -> str:
    """The URL of an empty database. Skips, saying why, where there is no server program or no driver."""
    psycopg = pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")
    folder = _server()
    name = f"board{next(_numbers)}"
    with psycopg.connect(f"host={folder} user=handrail dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://handrail@/{name}?host={folder}"


@functools.cache
def _server() -> Path:
    found = shutil.which("postgres", path=os.pathsep.join([*_SEEK, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip("no PostgreSQL server on this machine")
    programs = Path(found).resolve().parent
    # The server refuses to run as root, and must be able to reach its folder.
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None and user not in {one.pw_name for one in pwd.getpwall()}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="handrail-pg-", dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-A", "trust", "-U", "handrail", "-E", "UTF8", "--locale=C", "-D", data],
        check=True,
        user=user,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-c", "fsync=off"],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    atexit.register(_stop, server, folder)
    _await(programs, folder, server)
    return folder


def _await(programs: Path, folder: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while subprocess.run([programs / "pg_isready", "-q", "-h", folder], check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("the PostgreSQL server of the tests did not start")
        time.sleep(0.05)


def _stop(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)
