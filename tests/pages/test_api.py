"""The board's questions for programs, with tokens that a real provider has signed: what is answered, and what is not."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from jsonschema import Draft202012Validator

from broker.board import recording
from broker.board.node import BoardHome
from broker.board.pages.api_calls import CALLS
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
from tests.support.identities import token as signed
from tests.support.pages import PEOPLE, Node, served
from tests.support.pages_client import caller

_AUDIENCE: Final = "handrail-api"
_PUBLISH: Final = recording.publish
"""The real way to the log, before the tests of the pages put another in its place."""
_NOW_S: Final = int(time.time())
_STAFF: Final = (
    {"sub": "p-1", "name": "Audit tool", "groups": ["scrutineers"]},
    {"sub": "p-2", "name": "Figures tool", "groups": ["managers"]},
    {"sub": "p-3", "name": "Other tool", "groups": ["all-staff"]},
    {"sub": "p-4", "name": "Rowan Second", "groups": ["seconds"], "auth_time": _NOW_S},
    {"sub": "p-5", "name": "Left at noon", "groups": ["seconds"], "auth_time": _NOW_S - 3600},
    {"sub": "p-6", "name": "Approving tool", "groups": ["seconds"], "auth_time": None},
    {"sub": "p-7", "name": "Both Roles", "groups": ["scrutineers", "seconds"], "auth_time": _NOW_S},
)
_ROLES: Final = {
    "scrutineers": Role.SCRUTINEER.value,
    "managers": Role.BUSINESS_MANAGER.value,
    "seconds": Role.SECOND_AUDITOR.value,
}
_OFTEN: Final = Rate(burst=10_000, every_s=0.001)
_WHY: Final = {"purpose": "case audit 2026/14"}


class Tool:
    """A program that asks, and holds each answer against the description that the node itself gives."""

    def __init__(self, node: Node, issuer: str) -> None:
        self.node, self.issuer = node, issuer
        self.http = httpx2.Client(base_url=node.origin, timeout=20)
        self.described: Any = self.http.get("/api/v1/openapi.json").json()

    def token(self, subject: str, audience: str = _AUDIENCE, scope: str = "openid profile") -> str:
        """One that the provider signs for somebody, for an audience."""
        return signed(self.issuer, subject, audience, scope)

    def call(self, method: str, path: str, token: str | None, body: Any = None) -> httpx2.Response:
        """One request; what comes back is what the description says of it."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = self.http.request(method, f"/api/v1{path}", headers=headers, json=body)
        names = path.split("/")
        names[2:3] = [{"questions": "{key}", "requests": "{number}"}[names[1]]] if names[2:] else []
        known = self.described["paths"]["/api/v1" + "/".join(names)][method.lower()]
        if body is not None and answer.is_success:
            takes = known["requestBody"]["content"]["application/json"]["schema"]
            Draft202012Validator({**takes, "components": self.described["components"]}).validate(body)
        said = known["responses"][str(answer.status_code)]
        media, schema = next(iter(said["content"].items()))
        assert answer.headers["content-type"] == media
        whole = {**schema["schema"], "components": self.described["components"]}
        Draft202012Validator(whole).validate(answer.json())
        return answer

    def ask(self, key: str, token: str | None, body: Any) -> httpx2.Response:
        """Put one question."""
        return self.call("POST", f"/questions/{key}", token, body)


def _settings(issuer: str, forms: Rate) -> Callable[[str, Local], Settings]:
    def settings(origin: str, local: Local) -> Settings:
        known = Provider(issuer, "handrail-board", "a secret", "groups", _ROLES)
        bearers = Bearers(known, _AUDIENCE)
        return Settings(origin, known, local, bearers, forms=forms, sign_ins=_OFTEN, strangers=_OFTEN)

    return settings


@contextmanager
def _tool(home: BoardHome, issuer: str, forms: Rate) -> Iterator[Tool]:
    with served(home, clock=lambda: NOW, settings=_settings(issuer, forms)) as node:
        made = Tool(node, issuer)
        with closing(made.http):
            yield made


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """A node with an interface for programs; its provider is a process of its own."""
    folder: Path = tmp_path_factory.mktemp("api")
    home = told(make_exchange(folder).home("board"))
    with provider(folder, _STAFF) as issuer, _tool(home, issuer, _OFTEN) as made:
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
            bearers.read(token)
    else:
        assert "p-1" == bearers.read(token).person.subject


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


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("POST", "/questions/Q3/more", 404),
        ("DELETE", "/questions", 405),
        ("GET", "/questions/Q3", 405),
        ("PUT", "/exports", 405),
        ("POST", "/openapi.json", 405),
        ("GET", "/requests/" + "9" * 6000, 404),
    ],
)
def test_an_address_or_method_that_there_is_not_is_a_problem_too(
    tool: Tool, method: str, path: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {tool.token('p-1')}"}
    answer = tool.http.request(method, f"/api/v1{path}", headers=headers)
    schema = {"$ref": "#/components/schemas/Problem", "components": tool.described["components"]}
    Draft202012Validator(schema).validate(answer.json())

    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert (status == 405) is ("allow" in answer.headers)


def test_every_operation_is_described_and_every_description_is_served(tool: Tool) -> None:
    """By the node that runs: what is described answers, and what answers is described."""
    described = {
        (method, path)
        for path, item in tool.described["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == {(one.method.lower(), one.path) for one in CALLS}
    for method, path in described:
        served_at = path.format(key="Q3", number=1)
        assert 401 == tool.http.request(method, served_at).status_code
    for schema in tool.described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_who_asks_too_often_waits(tool: Tool) -> None:
    """Each account has a measure of its own; what is refused is recorded, and nothing is answered."""
    with _tool(tool.node.home, tool.issuer, Rate(burst=2, every_s=3600)) as strict:
        token = strict.token("p-1")
        statuses = [strict.ask("Q3", token, _WHY).status_code for _ in range(3)]
        last = strict.ask("Q3", token, _WHY)
        others = strict.ask("Q3", strict.token("p-2"), _WHY)

        assert [200, 200, 429] == statuses
        assert ("60", False) == (last.headers["retry-after"], "rows" in last.json())
        assert 200 == others.status_code
        assert ("Audit tool (p-1)", "", "refused: too often (api)") in strict.node.recorded()


def test_a_question_that_cannot_be_recorded_is_not_answered(tool: Tool) -> None:
    """Neither is a refusal given in any other form: what cannot be written down gets 503."""
    token, path = tool.token("p-1"), tool.node.home.folder / "audit.db"
    with closing(sqlite3.connect(path)) as disk:
        disk.execute("ALTER TABLE questions RENAME TO elsewhere")
        answers = [tool.ask("Q3", token, _WHY), tool.ask("Q99", token, _WHY), tool.ask("Q3", None, _WHY)]
        disk.execute("ALTER TABLE elsewhere RENAME TO questions")

    assert [(503, "60")] * 3 == [(one.status_code, one.headers["retry-after"]) for one in answers]
    assert not any("rows" in one.json() for one in answers)
    assert 200 == tool.ask("Q3", token, _WHY).status_code


def test_without_a_bus_nothing_is_answered_and_the_question_waits(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the real way to the log, which leads nowhere here."""
    monkeypatch.setattr(recording, "publish", _PUBLISH)
    (tool.node.home.folder / "nats" / "url").unlink(missing_ok=True)
    answer = tool.ask("Q3", tool.token("p-1"), {"purpose": "without a bus"})
    monkeypatch.undo()

    assert (503, False) == (answer.status_code, "rows" in answer.json())
    with tool.node.store.work() as work:
        assert 1 == len(work.unlogged())
    assert "without a bus" == tool.node.recorded()[-1][1]


def test_a_body_too_long_is_read_by_nobody(tool: Tool) -> None:
    answer = tool.ask("Q3", tool.token("p-1"), {"purpose": "x" * (1 << 20)})

    assert 413 == answer.status_code


def _asked_of_a_protected_child(tool: Tool, token: str, purpose: str, day: int) -> int:
    """Each in words of its own: what was agreed to once is answered."""
    params = {"case": PROTECTED, "since": f"2026-01-{day:02}"}
    waits = tool.ask("Q1", token, {"purpose": purpose, "params": params})
    assert 202 == waits.status_code
    return int(waits.json()["request"])


def test_a_second_auditor_who_is_there_agrees_and_it_is_recorded(tool: Tool) -> None:
    asks, second = tool.token("p-1"), tool.token("p-4")
    number = _asked_of_a_protected_child(tool, asks, "review 2026/9", 9)
    waiting = tool.call("POST", "/approvals", second, {"purpose": "second auditor on duty"}).json()[
        "requests"
    ]
    agreed = tool.call("POST", f"/requests/{number}/approval", second, {"why": "seen the case file"})
    recorded = tool.node.recorded()

    assert [("Audit tool (p-1)", "review 2026/9")] == [
        (one["asker"], one["purpose"]) for one in waiting if one["number"] == number
    ]
    assert 200 == agreed.status_code
    assert "approved" == tool.call("GET", f"/requests/{number}", asks).json()["state"]
    assert ("Rowan Second (p-4)", "seen the case file", f"approval of question {number}") == recorded[-1]
    assert ("Rowan Second (p-4)", "second auditor on duty") == recorded[-2][:2]
    again = tool.call("POST", f"/requests/{number}/approval", second, {"why": "seen it again"})
    assert (409, "It was approved before.") == (again.status_code, again.json()["detail"])


@pytest.mark.parametrize(
    ("who", "status"),
    [
        pytest.param("p-5", 401, id="signed in an hour ago"),
        pytest.param("p-6", 401, id="a program of its own"),
        pytest.param("p-1", 403, id="the asker, who is no second auditor"),
        pytest.param("p-2", 403, id="another role"),
    ],
)
def test_nobody_else_agrees(tool: Tool, who: str, status: int) -> None:
    asks = tool.token("p-1")
    number = _asked_of_a_protected_child(tool, asks, "review 2026/10", 10)
    answer = tool.call("POST", f"/requests/{number}/approval", tool.token(who), {"why": "let me"})

    assert status == answer.status_code
    assert "waiting" == tool.call("GET", f"/requests/{number}", asks).json()["state"]
    assert tool.node.recorded()[-1][2].startswith("refused: ")
    if status == 401:
        assert "insufficient_user_authentication" in answer.headers["www-authenticate"]


def test_one_person_is_not_two_by_another_name(tool: Tool) -> None:
    """A token without the profile shows the same person by the subject alone."""
    asks, nameless = tool.token("p-7"), tool.token("p-7", scope="openid")
    number = _asked_of_a_protected_child(tool, asks, "review 2026/11", 11)
    for token in (asks, nameless):
        answer = tool.call("POST", f"/requests/{number}/approval", token, {"why": "I know myself"})
        assert (409, True) == (answer.status_code, "of their own" in answer.json()["detail"])

    assert "waiting" == tool.call("GET", f"/requests/{number}", asks).json()["state"]


@pytest.mark.parametrize(
    ("path", "who", "body", "status"),
    [
        ("/exports", "p-1", {"purpose": " ", "params": {"case": CASE}}, 422),
        ("/exports", "p-1", {**_WHY, "params": {}}, 422),
        ("/exports", "p-1", {**_WHY, "params": {"case": " "}}, 422),
        ("/exports", "p-1", {**_WHY, "params": {"case": CASE, "nhs": CHILD}}, 422),
        ("/exports", "p-1", {**_WHY, "params": {"nhs": "999"}}, 422),
        ("/exports", "p-1", {**_WHY, "params": {"case": CASE}}, 409),
        ("/exports", "p-1", {**_WHY, "params": {"case": PROTECTED}}, 202),
        ("/exports", "p-2", {**_WHY, "params": {"case": CASE}}, 403),
        ("/exports", "p-4", {**_WHY, "params": {"case": CASE}}, 403),
        ("/approvals", "p-4", {"purpose": ""}, 422),
        ("/approvals", "p-1", {"purpose": "a look"}, 403),
        ("/requests/1/approval", "p-4", {"why": " "}, 422),
        ("/requests/99999/approval", "p-4", {"why": "why not"}, 409),
        (f"/requests/{'9' * 19}/approval", "p-4", {"why": "why not"}, 404),
    ],
)
def test_exports_and_approvals_keep_their_roles_and_forms(
    tool: Tool, path: str, who: str, body: Any, status: int
) -> None:
    """This node has no head yet: an export that could not be proven is none. What is refused is recorded."""
    before = len(tool.node.questions())
    answer = tool.call("POST", path, tool.token(who), body)

    assert status == answer.status_code
    assert "refused" in tool.node.recorded()[before:][-1][2]
    assert "entries" not in answer.json()
