"""The board's questions for programs, with tokens that a real provider has signed: what is answered, and what is not."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from jsonschema import Draft202012Validator

from broker.board.pages.app import Settings
from broker.board.pages.roles import Role
from broker.board.questions import CATALOGUE, Takes
from broker.pages.bearer import Bearers, TokenRefusedError
from broker.pages.limits import Rate
from broker.pages.signing_in import Local, Provider
from tests.support.board_story import CASE, FAR, HOSTILE, NOW, PROTECTED, told
from tests.support.events import CHILD
from tests.support.exchange import make_exchange
from tests.support.identities import provider
from tests.support.pages import PEOPLE, Node, served
from tests.support.pages_client import caller

_AUDIENCE: Final = "handrail-api"
_STAFF: Final = (
    {"sub": "p-1", "name": "Audit tool", "groups": ["scrutineers"]},
    {"sub": "p-2", "name": "Figures tool", "groups": ["managers"]},
    {"sub": "p-3", "name": "Other tool", "groups": ["all-staff"]},
)
_ROLES: Final = {"scrutineers": Role.SCRUTINEER.value, "managers": Role.BUSINESS_MANAGER.value}
_WHY: Final = {"purpose": "case audit 2026/14"}


class Tool:
    """A program that asks, and holds each answer against the description that the node itself gives."""

    def __init__(self, node: Node, issuer: str) -> None:
        self.node, self.issuer = node, issuer
        self.http = httpx2.Client(base_url=node.origin, timeout=20)
        self.described: Any = self.http.get("/api/v1/openapi.json").json()

    def token(self, subject: str, audience: str = _AUDIENCE) -> str:
        """One that the provider signs for somebody, for an audience."""
        back = "http://127.0.0.1/back"
        asked = {"client_id": audience, "redirect_uri": back, "response_type": "code"}
        asked |= {"scope": "openid profile", "nonce": "n" * 30, "state": "s" * 30}
        sent = httpx2.post(f"{self.issuer}/oauth2/authorize?{urlencode(asked)}", data={"sub": subject})
        code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        form |= {"client_id": audience, "client_secret": "a secret"}
        given = httpx2.post(f"{self.issuer}/oauth2/token", data=form)
        return str(given.json()["id_token"])

    def call(self, method: str, path: str, token: str | None, body: Any = None) -> httpx2.Response:
        """One request; what comes back is what the description says of it."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = self.http.request(method, f"/api/v1{path}", headers=headers, json=body)
        names = path.split("/")
        names[2:] = [{"questions": "{key}", "requests": "{number}"}[names[1]]] if names[2:] else []
        known = self.described["paths"]["/api/v1" + "/".join(names)][method.lower()]["responses"]
        said = known.get(str(answer.status_code), known["default"])
        media, schema = next(iter(said["content"].items()))
        assert answer.headers["content-type"] == media
        whole = {**schema["schema"], "components": self.described["components"]}
        Draft202012Validator(whole).validate(answer.json())
        return answer

    def ask(self, key: str, token: str | None, body: Any) -> httpx2.Response:
        """Put one question."""
        return self.call("POST", f"/questions/{key}", token, body)


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """A node with an interface for programs; its provider is a process of its own."""
    folder: Path = tmp_path_factory.mktemp("api")
    often = Rate(burst=10_000, every_s=0.001)

    def settings(origin: str, local: Local) -> Settings:
        known = Provider(issuer, "handrail-board", "a secret", "groups", _ROLES)
        bearers = Bearers(known, _AUDIENCE)
        return Settings(origin, known, local, bearers, forms=often, sign_ins=often, strangers=often)

    with (
        provider(folder, _STAFF) as issuer,
        served(told(make_exchange(folder).home("board")), clock=lambda: NOW, settings=settings) as node,
    ):
        made = Tool(node, issuer)
        with closing(made.http):
            yield made


def test_a_program_asks_and_its_question_is_recorded(tool: Tool) -> None:
    answer = tool.ask("Q1", tool.token("p-1"), {**_WHY, "params": {"case": CASE}})

    assert 200 == answer.status_code
    assert answer.json()["rows"]
    assert ("Audit tool (p-1)", _WHY["purpose"], f"Q1; case {CASE}") == tool.node.recorded()[-1]


def _signed(tool: Tool, key: RSAKey, **other: Any) -> str:
    claims = {"iss": tool.issuer, "aud": _AUDIENCE, "sub": "p-1", "exp": int(time.time()) + 600}
    return jwt.encode({"alg": "RS256"}, claims | {"groups": ["scrutineers"]} | other, key)


_BAD: Final[dict[str, Callable[[Tool], str | None]]] = {
    "none": lambda _tool: None,
    "words": lambda _tool: "let me in",
    "forged": lambda tool: _signed(tool, RSAKey.generate_key(2048)),
    "other audience": lambda tool: tool.token("p-1", "somebody-else"),
    "altered": lambda tool: tool.token("p-1")[:-8] + "AAAAAAAA",
    "unsigned": lambda tool: "eyJhbGciOiJub25lIn0." + tool.token("p-1").split(".")[1] + ".",
}


@pytest.mark.parametrize("bad", _BAD)
def test_what_is_no_token_for_here_shows_nothing_and_is_recorded(tool: Tool, bad: str) -> None:
    before = len(tool.node.questions())
    answer = tool.ask("Q1", _BAD[bad](tool), {**_WHY, "params": {"case": CASE}})

    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["www-authenticate"]
    (new,) = tool.node.recorded()[before:]
    assert new[2].startswith("refused")


@pytest.mark.parametrize("later_s", [0, 10 * 24 * 3600])
def test_a_token_is_good_until_it_expires(tool: Tool, later_s: int) -> None:
    """The very same token, by another clock."""
    known = Provider(tool.issuer, "handrail-board", "a secret", "groups", _ROLES)
    bearers = Bearers(known, _AUDIENCE, lambda: time.time() + later_s)
    token = tool.token("p-1")
    if later_s:
        with pytest.raises(TokenRefusedError):
            bearers.person(token)
    else:
        assert "p-1" == bearers.person(token).subject


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("Q3", {"purpose": " "}, 422),
        ("Q3", {}, 422),
        ("Q3", ["x"], 422),
        ("Q3", {**_WHY, "params": {"since": "yesterday"}}, 422),
        ("Q3", {**_WHY, "params": {"area": FAR}}, 422),
        ("Q3", {**_WHY, "params": {HOSTILE: HOSTILE}}, 422),
        ("Q99", _WHY, 404),
    ],
)
def test_what_cannot_be_answered_says_why_and_is_recorded(
    tool: Tool, key: str, body: Any, status: int
) -> None:
    before = len(tool.node.questions())
    answer = tool.ask(key, tool.token("p-1"), body)

    assert status == answer.status_code
    assert tool.node.recorded()[before:][-1][2].startswith("refused")


def test_roles_hold_for_programs(tool: Tool) -> None:
    """Who has no role asks nothing; a business manager asks for figures and for no child."""
    manager, stranger = tool.token("p-2"), tool.token("p-3")

    assert 403 == tool.call("GET", "/questions", stranger).status_code
    assert 200 == tool.ask("Q3", manager, _WHY).status_code
    assert 404 == tool.ask("Q1", manager, {**_WHY, "params": {"case": CASE}}).status_code
    assert 403 == tool.ask("Q3", manager, {**_WHY, "params": {"case": CASE}}).status_code
    offered = {one["key"] for one in tool.call("GET", "/questions", manager).json()["questions"]}
    assert {one.key for one in CATALOGUE.values() if one.aggregate} == offered


def test_a_protected_child_waits_for_a_second_auditor_and_stays_hidden(tool: Tool) -> None:
    token, body = tool.token("p-1"), {**_WHY, "params": {"case": PROTECTED}}
    waits = tool.ask("Q1", token, body)
    assert 202 == waits.status_code
    path = waits.headers["location"].removeprefix("/api/v1")
    number = waits.json()["request"]
    assert "waiting" == tool.call("GET", path, token).json()["state"]
    assert 404 == tool.call("GET", path, tool.token("p-2")).status_code
    with caller(tool.node, PEOPLE[Role.SECOND_AUDITOR]) as second:
        agreed = second.post("/approvals", {"number": str(number), "why": "seen the case file"})
    assert 200 == agreed.status_code

    assert "approved" == tool.call("GET", path, token).json()["state"]
    texts = [tool.ask("Q1", token, body).text]
    for key, question in CATALOGUE.items():
        if Takes.CHILD not in question.needs:
            answer = tool.ask(key, token, _WHY)
            assert 200 == answer.status_code, key
            texts.append(answer.text)
    assert "plan opened" in texts[0]
    assert not any(word in text for text in texts for word in (FAR, "Durham"))


def test_another_boards_child_is_nobody_and_nothing_is_asked_by_address(tool: Tool) -> None:
    token = tool.token("p-1")
    theirs, nobodys = (
        tool.ask("Q1", token, {**_WHY, "params": {"case": one}}).json() for one in ("DUR-7", "DUR-8")
    )
    assert theirs["rows"] == nobodys["rows"] == []
    by_address = tool.http.get(f"/api/v1/questions?nhs={CHILD}", headers={"authorization": f"Bearer {token}"})
    assert 400 == by_address.status_code
    assert CHILD not in json.dumps(tool.node.recorded())
