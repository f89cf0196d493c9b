"""A provider of identities that is a real process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2


@contextmanager
def provider(folder: Path, staff: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The provider, which knows these members of staff; gives its issuer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    people = [word for one in staff for word in ("--user-claims", json.dumps(one))]
    words = ["-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *people]
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=log,
            stderr=log,
            env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
        )
    issuer = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{issuer}/.well-known/openid-configuration")
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def token(issuer: str, subject: str, audience: str, scope: str = "openid profile") -> str:
    """A token that the provider signs for somebody, for an audience."""
    back = "http://127.0.0.1/back"
    asked = {"client_id": audience, "redirect_uri": back, "response_type": "code"}
    asked |= {"scope": scope, "nonce": "n" * 30, "state": "s" * 30}
    sent = httpx2.post(f"{issuer}/oauth2/authorize?{urlencode(asked)}", data={"sub": subject})
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    form |= {"client_id": audience, "client_secret": "a secret"}
    given = httpx2.post(f"{issuer}/oauth2/token", data=form)
    return str(given.json()["id_token"])


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert 200 == httpx2.get(address).status_code
            return
        except httpx2.TransportError:
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(0.05)
