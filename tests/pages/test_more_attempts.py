"""More that is tried against the pages: odd letters, long and broken bodies, forged headers and paths, forms sent again.

Each is refused or shown as text; nothing of it breaks a page, starts a header, reaches a file, or passes unrecorded.
"""

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import quote_from_bytes, urlsplit

import httpx2
import pytest

from broker.board.pages.roles import Role
from tests.support.board_story import CASE, PROTECTED
from tests.support.pages import PEOPLE, Node
from tests.support.pages_client import COOKIE, Caller, caller

Call = Callable[..., Caller]


@pytest.fixture
def call(node: Node) -> Iterator[Call]:
    """Makes clients."""
    with ExitStack() as stack:
        yield lambda person=None: stack.enter_context(caller(node, person))


def raw(node: Node, request: bytes, *, more: int = 1 << 20) -> bytes:
    """What comes back for bytes that no client would send."""
    at = urlsplit(node.origin)
    with socket.create_connection((at.hostname, at.port), timeout=10) as line:
        with suppress(ConnectionError):
            line.sendall(request)
        said = b""
        # A server that has said no need not read the rest, and may hang up on it.
        with suppress(ConnectionError):
            while len(said) < more and (part := line.recv(65536)):
                said += part
    return said


_ODD = {
    "as SQL": "' OR 1=1; DROP TABLE questions; --",
    "as a pattern": "CC-%",
    "as a pattern of one letter": "CC-_",
    "as a template": "{{ 7*7 }}{% raise %}${7*7}#{7*7}<%= 7*7 %>",
    "as a format": "%s%n{0.__class__.__mro__}",
    "as a look-up": "${jndi:ldap://elsewhere.example/a}",
    "as a header": "CC-1\r\nSet-Cookie: planted=1\r\n\r\n<script>",
    "as a path": "../../../../etc/passwd",
    "with a nought": "CC-1\x00",
    "right to left": "\u202eCC-1\u2066\u200f",
    "as a terminal would obey": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "of many scripts": "案件 дело क़ 🧒🏽 ﷺ Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞",
    "a look-alike": "СС-1",
    "long": "x" * 2000,
    "long in bytes": "🧒" * 2000,
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in _ODD.items()])
def test_an_odd_reference_leads_to_nobody_and_is_shown_as_text(node: Node, call: Call, text: str) -> None:
    """As case reference and as purpose; on the answer's page, in the list, in both files."""
    at = call(PEOPLE[Role.SCRUTINEER])
    sent = at.post("/child", {"by": "case", "reference": text, "why": f"why {text[:1990]}"})

    assert 303 == sent.status_code
    assert {"planted"}.isdisjoint(sent.cookies)
    path = sent.headers["location"]
    assert re.fullmatch(r"/answers/[A-Za-z0-9_-]+", path)
    page = at.get(path)
    assert "Nothing was shared about this child" in page.text
    assert "<script>" not in page.text
    assert "49" not in page.text.split("<main")[1].split("question")[0]
    for form in ("csv", "json"):
        file = at.get(f"{path}/{form}")
        assert re.fullmatch(
            rf'attachment; filename="handrail-q1-\d+\.{form}"', file.headers["content-disposition"]
        )
        assert "planted" not in str(file.headers)
    assert 200 == at.get("/questions").status_code
    # What is kept of it steers no terminal that the list is read on.
    newest = node.questions()[-4:]
    assert all(one.purpose.isprintable() and one.asked.isprintable() for one in newest)
    assert any(one.asked.startswith("Q1; case ") for one in newest)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"by=case&reference=\xff\xfe&why=x", id="no UTF-8"),
        pytest.param(b"by=case&reference=%ED%A0%80&why=x", id="half a letter"),
        pytest.param(b"by=case&by=nhs&reference=CC-1&why=x", id="a field twice"),
        pytest.param(b"&".join(b"f%d=1" % number for number in range(2000)), id="many fields"),
        pytest.param(b"=&=&=&;;;%%%", id="no fields"),
        pytest.param(b"{" * 2000, id="no form"),
        pytest.param(b"", id="nothing"),
    ],
)
@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "",
    ],
)
def test_a_body_that_is_no_form_asks_nothing(node: Node, call: Call, body: bytes, kind: str) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    before = len(node.questions())
    answer = at.http.post("/child", content=body, headers={"origin": node.origin, "content-type": kind})

    assert answer.status_code in {400, 403}
    assert not [one for one in node.questions()[before:] if one.asked.startswith("Q")]


def test_a_file_in_a_form_is_not_taken(node: Node, call: Call) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    answer = at.http.post(
        "/child",
        data={"csrf": at.secret(), "by": "case", "why": "x"},
        files={"reference": ("../../member.json", b"CC-1")},
        headers={"origin": node.origin},
    )

    assert 400 == answer.status_code


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536 + b"\r\n" * 1, id="in pieces"),
        pytest.param(b"Content-Length: 70000\r\n\r\n", id="said to be long"),
        pytest.param(b"Content-Length: -1\r\n\r\n", id="less than nothing"),
        pytest.param(b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", id="two lengths"),
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /overview HTTP/1.1\r\n\r\n", id="smuggled"),
        pytest.param(b"X: " + b"y" * 200_000 + b"\r\n\r\n", id="a long header"),
        pytest.param(b"no colon\r\n\r\n", id="no header"),
    ],
)  # fmt: skip
def test_a_broken_request_ends_with_a_refusal(node: Node, head: bytes) -> None:
    host = urlsplit(node.origin).netloc.encode()
    more = b"x" * 65536 if b"10000" in head else b""
    said = raw(
        node,
        b"POST /child HTTP/1.1\r\nHost: " + host + b"\r\nOrigin: " + node.origin.encode() + b"\r\nConnection: close\r\n"
        + head + more,
    )  # fmt: skip

    assert re.match(rb"HTTP/1.1 (303|4\d\d) |$", said), said[:80]
    assert said.count(b"HTTP/1.1 ") <= 1
    assert b"Coming in" not in said


_PATHS = [
    "//overview",
    "/./overview",
    "/child/../overview",
    "/%2e%2e/overview",
    "/overview/",
    "/overview%00",
    "/overview%0d%0aSet-Cookie:%20planted=1",
    "/OVERVIEW",
    "/overview;jsessionid=1",
    "/static/../../../member.json",
    "/static/%2e%2e/%2e%2e/%2e%2e/member.json",
    "/static/..%2f..%2fhandrail.css",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static",
    "/answers/none/csv/../json",
    "/ask/Q1%2f..%2fQ2",
    "/ask/%F0%9F%A7%92",
    "http://elsewhere.example/overview",
    "/api/v1/questions",
]


@pytest.mark.parametrize("path", _PATHS)
def test_no_path_leads_around_the_door_or_to_a_file(node: Node, call: Call, path: str) -> None:
    """By somebody with a session, who may see every page: what is not an address stays none."""
    at = call(PEOPLE[Role.SCRUTINEER])
    cookie = f"{COOKIE}={at.http.cookies[COOKIE]}"
    host = urlsplit(node.origin).netloc
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    said = raw(node, request.encode())
    status = int(said.split()[1])

    assert status in {307, 400, 404, 405} or (status == 200 and "elsewhere" in path)
    assert b"set-cookie" not in said.lower()
    assert b"root:" not in said
    assert b'"kind"' not in said
    assert b"elsewhere.example" not in said


@pytest.mark.parametrize("path", _PATHS)
def test_nor_does_one_for_nobody(node: Node, path: str) -> None:
    host = urlsplit(node.origin).netloc
    said = raw(node, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert int(said.split()[1]) in {303, 307, 400, 404, 405}
    assert b"Coming in" not in said


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "BREW"])
def test_no_other_method_does_anything(node: Node, call: Call, method: str) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    before = len(node.questions())
    for path in ("/child", "/overview", "/approvals", "/sign-out"):
        assert at.http.request(method, path).status_code in {400, 403, 404, 405}, path

    assert 200 == at.get("/overview").status_code
    assert not [one for one in node.questions()[before:] if one.asked.startswith("Q")]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-http-method-override": "POST"},
        {"x-original-url": "/overview", "x-rewrite-url": "/overview"},
        {"x-forwarded-user": "demo-scrutineer", "remote-user": "demo-scrutineer"},
        {"authorization": "Basic ZGVtbzpkZW1v"},
        {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
        {"x-forwarded-host": "elsewhere.example", "forwarded": "host=elsewhere.example"},
        {"accept": "application/json", "range": "bytes=0-5"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_no_header_signs_anybody_in_or_leads_elsewhere(call: Call, headers: dict[str, str]) -> None:
    answer = call().http.get("/overview", headers=headers)

    assert (303, "/sign-in") == (answer.status_code, answer.headers["location"])
    assert "elsewhere" not in answer.text


def test_a_form_of_an_earlier_session_of_ones_own_does_nothing(node: Node, call: Call) -> None:
    """The back button after signing out and in again: the form that it shows is the old session's."""
    person = PEOPLE[Role.SCRUTINEER]
    at = call(person)
    old = at.secret()
    assert 200 == at.post("/sign-out", {}).status_code
    at.sign_in(person)
    before = len(node.questions())
    answer = at.post("/child", {"by": "case", "reference": CASE, "why": "again"}, csrf=old)

    assert 403 == answer.status_code
    assert "out of date" in answer.text
    assert ["refused: a form without the secret of its session (child)"] == [
        one.asked for one in node.questions()[before:]
    ]


def test_a_question_sent_twice_is_recorded_twice_and_an_approval_counts_once(node: Node, call: Call) -> None:
    asker, second = call(PEOPLE[Role.SCRUTINEER]), call(PEOPLE[Role.SECOND_AUDITOR])
    form = {"by": "case", "reference": PROTECTED, "why": "case audit 2026/31", "csrf": asker.secret()}
    sent = [asker.post("/child", form, csrf=form["csrf"]).status_code for _ in range(2)]
    number = str(node.questions()[-1].number)
    agree = {"number": number, "why": "seen the case file"}
    agreed = [second.post("/approvals", agree).status_code for _ in range(2)]

    assert [403, 403] == sent
    assert [200, 422] == agreed
    approvals = [what for _, _, what in node.recorded() if what.startswith(f"approval of question {number}")]
    assert [f"approval of question {number}", f"approval of question {number}; refused"] == approvals


def test_a_link_that_many_open_at_once_signs_one_in(node: Node) -> None:
    person = PEOPLE[Role.OPERATOR]
    path = node.link(person).removeprefix(node.origin)

    def enter(_: int) -> int:
        with caller(node) as at:
            secret = re.search(r'name="csrf" value="([^"]+)"', at.get(path).text)
            return at.post(path, {}, csrf=secret[1] if secret else "x").status_code

    with ThreadPoolExecutor(12) as many:
        statuses = sorted(many.map(enter, range(24)))

    assert [303] + [403] * 23 == statuses


def test_many_who_ask_at_once_are_each_given_their_own(node: Node) -> None:
    """Nobody sees another's answer, and every question is recorded once."""
    before = len(node.questions())

    def one(number: int) -> tuple[str, str]:
        with caller(node, PEOPLE[Role.SCRUTINEER]) as at:
            return f"NOBODY-{number}", at.get(at.ask_about(f"NOBODY-{number}")).text

    with ThreadPoolExecutor(8) as many:
        told = list(many.map(one, range(16)))

    for mine, page in told:
        assert {mine} == set(re.findall(r"NOBODY-\d+", page))
    asked = [row.asked for row in node.questions()[before:] if row.asked.startswith("Q1")]
    assert sorted(f"Q1; case {mine}" for mine, _ in told) == sorted(asked)


def test_a_link_whose_two_forms_are_under_way_at_once_signs_one_in(node: Node, call: Call) -> None:
    """Both have passed the first look at the link when the first is done: the second is refused, and breaks nothing."""
    path = node.link(PEOPLE[Role.OPERATOR]).removeprefix(node.origin)
    at = urlsplit(node.origin)
    with ExitStack() as stack:
        lines = []
        for _ in range(2):
            visitor = call()
            body = f"csrf={visitor.secret(path)}".encode()
            line = stack.enter_context(socket.create_connection((at.hostname, at.port), timeout=10))
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {at.netloc}\r\nOrigin: {node.origin}\r\nExpect: 100-continue\r\n"
                f"Cookie: {COOKIE}={visitor.http.cookies[COOKIE]}\r\nContent-Length: {len(body)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n"
            )
            line.sendall(head.encode())
            # The server asks for the body only once the page has begun to read it.
            assert line.recv(64).startswith(b"HTTP/1.1 100")
            lines.append((line, body))
        statuses = []
        for line, body in lines:
            line.sendall(body)
            statuses.append(int(line.recv(64).split()[1]))

    assert [303, 403] == statuses


def test_a_reference_in_the_address_is_in_no_answer(node: Node, call: Call) -> None:
    """However it is written there; a page that is not found does not repeat it either."""
    at = call(PEOPLE[Role.SCRUTINEER])
    for path in ("/child?", "/", "/answers/", "/ask/", "/static/", "/sign-in?next="):
        answer = at.get(path + quote_from_bytes(b"<b>PLANTED-9"))
        assert answer.status_code in {303, 400, 404}, path
        assert "PLANTED-9" not in answer.text + str(answer.headers)
    assert not [what for _, _, what in node.recorded() if "PLANTED" in what]


def test_a_stranger_who_sends_nothing_holds_up_nobody(node: Node, call: Call) -> None:
    """Connections that are opened and left, and bodies that never come."""
    at = urlsplit(node.origin)
    start = f"POST /child HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Length: 50\r\n\r\nby=".encode()
    with ExitStack() as stack:
        for number in range(60):
            line = stack.enter_context(socket.create_connection((at.hostname, at.port), timeout=10))
            line.sendall(start if number % 2 else b"GET / HT")
        assert 200 == call(PEOPLE[Role.SCRUTINEER]).get("/overview").status_code
    with httpx2.Client(base_url=node.origin) as http:
        assert 200 == http.get("/sign-in").status_code
