"""``handrail board pages`` as an operator starts it: a process, its links, TLS, and an orderly end."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from broker.clock import system_clock
from broker.crypto.certificates import issue, make_authority
from tests.support.exchange import Exchange, make_exchange
from tests.support.processes import HANDRAIL, Running, program

_PAGES_TOML = """
[sign_in]
issuer = "https://login.example"
client_id = "handrail-board"
client_secret_file = "oidc-secret"
roles_claim = "groups"

[sign_in.roles]
lscb-scrutineers = "scrutineer"
"""


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """An exchange that does not run."""
    return make_exchange(tmp_path_factory.mktemp("command"))


def _said(running: Running, pattern: str) -> Iterator[re.Match[str]]:
    assert running.process.stdout is not None
    for line in running.process.stdout:
        if found := re.search(pattern, line):
            yield found


def test_local_sign_in_prints_links_that_lead_to_the_pages(it: Exchange, tmp_path: Path) -> None:
    command: list[str | Path] = [
        "board",
        "pages",
        "--home",
        it.home("board"),
        "--port",
        "0",
        "--local-sign-in",
    ]
    with program(tmp_path / "log", *command) as running:
        origin = next(_said(running, r"pages on (http://127\.0\.0\.1:\d+)"))[1]
        link = next(_said(running, r"Demo independent scrutineer: (http\S+)"))[1]
        with httpx2.Client(base_url=origin) as http:
            secret = re.search(r'csrf" value="([^"]+)', http.get(link).text)
            assert secret
            answer = http.post(link, data={"csrf": secret[1]}, headers={"origin": origin})
            assert 303 == answer.status_code
            page = http.get("/child").text
        next(_said(running, "Demo independent scrutineer"))  # a fresh link for the next time

    assert "Demonstration." in page
    assert "Signed in as <strong>Demo independent scrutineer</strong>" in page
    assert link.rpartition("/")[2] not in (tmp_path / "log").read_text()


def test_with_tls_cookies_are_bound_to_this_host_and_secure(it: Exchange, tmp_path: Path) -> None:
    home = it.home("board")
    (home / "pages.toml").write_text(_PAGES_TOML)
    (home / "oidc-secret").write_text("a secret")
    tls, trust = _tls(tmp_path)
    try:
        with program(tmp_path / "log", "board", "pages", "--home", home, "--port", "0", *tls) as running:
            origin = next(_said(running, r"pages on (https://localhost:\d+)"))[1]
            with httpx2.Client(base_url=origin, verify=trust) as http:
                page = http.get("/sign-in")
                away = http.get("/sign-in/provider")
    finally:
        (home / "pages.toml").unlink()

    assert 200 == page.status_code
    assert "max-age=31536000" == page.headers["strict-transport-security"]
    assert "Demonstration" not in page.text
    # The provider of this test is not there: the person is told so, and no cookie is left behind.
    assert 503 == away.status_code
    assert "set-cookie" not in away.headers


def test_under_tls_the_cookie_is_this_hosts_alone(it: Exchange, tmp_path: Path) -> None:
    tls, trust = _tls(tmp_path)
    command: list[str | Path] = [
        "board",
        "pages",
        "--home",
        it.home("board"),
        "--port",
        "0",
        "--local-sign-in",
    ]
    with program(tmp_path / "log", *command, *tls) as running:
        link = next(_said(running, r"Demo operator: (https://localhost:\d+/\S+)"))[1]
        with httpx2.Client(verify=trust) as http:
            cookie = http.get(link).headers["set-cookie"]

    name, *flags = cookie.split("; ")
    assert name.startswith("__Host-handrail=")
    assert {"httponly", "path=/", "samesite=lax", "secure"} == {flag.lower() for flag in flags}


def _tls(folder: Path) -> tuple[list[str | Path], ssl.SSLContext]:
    """The options of a listener with TLS, and what its clients trust."""
    authority, now = folder / "authority", system_clock()
    make_authority(authority, "example authority", now)
    files = issue(authority, folder / "server", "localhost", now, server=True)
    options: list[str | Path] = [
        "--certificate",
        files.certificate,
        "--key",
        files.key,
        "--host",
        "localhost",
    ]
    return options, ssl.create_default_context(cafile=str(authority / "ca.pem"))


def test_it_does_not_start_where_nobody_could_sign_in(it: Exchange) -> None:
    done = _failed("--home", it.home("board"), "--port", "0")

    assert "nobody could sign in" in done


def test_it_does_not_start_on_a_port_that_is_taken(it: Exchange) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = _failed("--home", it.home("board"), "--port", port, "--local-sign-in")

    assert f"cannot listen on 127.0.0.1:{port}" in done


def _failed(*words: str | Path) -> str:
    """What the command says where it does not start."""
    done = subprocess.run(
        [HANDRAIL, "board", "pages", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert 1 == done.returncode
    assert "Traceback" not in done.stderr
    return done.stderr
