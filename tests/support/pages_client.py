"""A client of the pages that is no browser: it sends what a browser would never send, and reads every byte of an answer."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

from broker.pages.sessions import Person
from tests.support.pages import Node

COOKIE: Final = "handrail"


@dataclass(slots=True)
class Caller:
    """One session, or none."""

    http: httpx2.Client
    node: Node

    def get(self, path: str) -> httpx2.Response:
        """Open a page; no redirect is followed."""
        return self.http.get(path)

    def secret(self, path: str = "/purpose") -> str:
        """The session's own secret, as its forms carry it."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)
        assert found, path
        return found[1]

    def post(
        self, path: str, form: Mapping[str, str], *, csrf: str | None = None, origin: str | None = ""
    ) -> httpx2.Response:
        """Send a form as the site's own page would; ``csrf`` and ``origin`` (None: not sent) may be forged."""
        secret = self.secret() if csrf is None else csrf
        sender = self.node.origin if origin == "" else origin
        headers = {} if sender is None else {"origin": sender}
        return self.http.post(path, data={"csrf": secret, **form}, headers=headers)

    def sign_in(self, person: Person, *, purpose: str | None = "a test of the pages") -> None:
        """By a one-time link."""
        path = self.node.link(person).removeprefix(self.node.origin)
        assert 303 == self.post(path, {}, csrf=self.secret(path)).status_code
        if purpose is not None:
            assert 303 == self.post("/purpose", {"purpose": purpose}).status_code

    def ask_about(self, reference: str, *, why: str = "case audit 2026/14", by: str = "case") -> str:
        """Ask about one child; gives the answer's path."""
        sent = self.post("/child", {"by": by, "reference": reference, "why": why})
        assert 303 == sent.status_code, sent.text
        return sent.headers["location"]


@contextmanager
def caller(node: Node, person: Person | None = None) -> Iterator[Caller]:
    """A client, signed in as somebody or as nobody."""
    with httpx2.Client(base_url=node.origin, follow_redirects=False, timeout=20) as http:
        made = Caller(http, node)
        if person is not None:
            made.sign_in(person)
        yield made
