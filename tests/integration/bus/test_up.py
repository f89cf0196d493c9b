"""``handrail up`` as an operator meets it: real processes, started, killed and stopped."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from broker.directory.layout import Layout
from schemas.codes.members import MemberKind
from tests.support.directory import CUMBERLAND
from tests.support.exchange import exchange_of

_PROGRAM: Final = Path(sys.executable).with_name("handrail")
_WITHIN_S: Final = 60.0


class Up:
    """One ``handrail up`` and what it has said so far."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [_PROGRAM, "up", "--data", str(data), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(self.process.stdout)

    def children(self) -> dict[int, str]:
        """The processes that work on this folder, apart from ``up`` itself."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != self.process.pid:
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if str(self.data) in line:
                    found[int(entry.name)] = line
        return found

    def child(self, word: str) -> int:
        """The process whose command holds a word."""
        return next(pid for pid, line in self.children().items() if word in line)

    def text(self) -> str:
        return "".join(self.said)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.02)

    def says(self, pattern: str) -> None:
        self.until(lambda: re.search(pattern, self.text()))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)


def a_small_exchange(folder: Path) -> Path:
    """A school and a board."""
    cast = {"school": (MemberKind.SCHOOL, (CUMBERLAND,)), "board": (MemberKind.BOARD, (CUMBERLAND,))}
    return exchange_of(folder, cast).layout.data


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for all tests here, with the board's pages: it takes seconds to start. The last test stops it."""
    options = ("--pages", "--local-sign-in", "--pages-port", "0")
    running = Up(a_small_exchange(tmp_path_factory.mktemp("up")), *options)
    try:
        running.says("exchange is up")
        yield running
    finally:
        running.close()


def test_it_starts_every_part_and_says_where_things_are_without_noise(up: Up) -> None:
    text = up.text()

    assert re.search(r"server   tls://127\.0\.0\.1:\d+ \(monitor http://127\.0\.0\.1:\d+\)", text)
    assert re.search(r"\d+ streams created\n", text)
    assert re.search(r"\d+ durables created\n", text)
    assert 7 == len(
        re.findall(
            r"ready    (?:router|log|notifier|gateway  Example school|(?:gateway|board|pages)  +Example board) ",
            text,
        )
    )
    assert "eof_received" not in text
    assert len(text.splitlines()) <= 18
    assert 8 == len(up.children())


def test_a_killed_part_is_said_and_started_again(up: Up) -> None:
    first = up.child(" router ")
    os.kill(first, signal.SIGKILL)
    up.says(r"ended    router \(signal 9\); starting it again")
    up.until(lambda: any(" router " in line for line in up.children().values()))

    assert up.child(" router ") != first


def test_the_boards_pages_are_served_where_it_says_and_started_again_when_killed(up: Up) -> None:
    """A process of its own; what it says of its address, and the links of a demonstration, are said on."""
    up.says(r"pages on (http://127\.0\.0\.1:\d+)")
    (address,) = re.findall(r"pages on (http://127\.0\.0\.1:\d+)", up.text())

    assert 200 == httpx2.get(f"{address}/sign-in").status_code
    assert 4 == len(re.findall(r"sign in once as Demo [\w ]+: http://", up.text()))
    assert "a board's pages: " not in up.text(), "how they would be started by hand"
    os.kill(up.child(" board pages "), signal.SIGKILL)
    up.says(r"ended    pages  +Example board \(signal 9\); starting it again")
    up.until(lambda: 2 == up.text().count("pages on http://"))


def test_a_killed_server_comes_back_at_its_address_and_the_parts_stay(up: Up) -> None:
    before = up.children()
    ports = Layout(up.data).nats / "ports.json"
    url = re.search(r"tls://\S+", ports.read_text())
    os.kill(up.child("nats-server"), signal.SIGKILL)
    up.says("ended    server; starting it again")
    up.until(lambda: any("nats-server" in line for line in up.children().values()))
    up.until(lambda: str(up.child("nats-server")) in ports.read_text())

    assert url
    assert url[0] in ports.read_text()
    assert 7 == len(before.keys() & up.children().keys())


def test_a_second_one_on_the_same_folder_is_refused_in_a_sentence(up: Up) -> None:
    second = subprocess.run(
        [_PROGRAM, "up", "--data", str(up.data)], capture_output=True, text=True, check=False, timeout=30
    )

    assert 1 == second.returncode
    assert f"an exchange runs on {up.data} already" in second.stderr
    assert 8 == len(up.children()), "the first one is not disturbed"


def test_asked_to_stop_it_stops_everything_and_ends_well(up: Up) -> None:
    up.process.send_signal(signal.SIGTERM)

    assert 0 == up.process.wait(_WITHIN_S)
    assert {} == up.children()
    assert "stopping ..." in up.text()


def test_killed_it_leaves_no_orphans(tmp_path: Path) -> None:
    running = Up(a_small_exchange(tmp_path))
    try:
        running.until(lambda: 7 == len(running.children()))
        running.process.kill()
        running.process.wait()
        running.until(lambda: not running.children())
    finally:
        running.close()


def test_a_folder_without_an_exchange_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [_PROGRAM, "up", "--data", str(tmp_path)], capture_output=True, text=True, check=False, timeout=30
    )

    assert 1 == done.returncode
    assert "handrail directory init" in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [(("--pages",), "nobody could sign in"), (("--local-sign-in",), "give --pages, too")],
)
def test_pages_to_which_nobody_could_sign_in_are_refused_before_anything_starts(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    data = a_small_exchange(tmp_path)
    done = subprocess.run(
        [_PROGRAM, "up", "--data", str(data), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert 0 != done.returncode
    assert says in done.stderr
    assert "server" not in done.stdout
