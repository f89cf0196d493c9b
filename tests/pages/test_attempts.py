"""What is tried against the pages and must come to nothing: each is refused, shows nothing, and is written down."""

import html
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx2
import pytest

from broker.board.pages.app import Settings
from broker.board.pages.roles import ACCESS, Page, Role
from broker.board.questions import CATALOGUE, Takes
from broker.pages.limits import Rate
from broker.pages.sessions import Lifetime, Person
from tests.support.board_story import CASE, FAR, HOSTILE, NOW, PROTECTED, told
from tests.support.events import CHILD
from tests.support.exchange import make_exchange
from tests.support.pages import PEOPLE, Node, Visitor, served
from tests.support.pages_client import COOKIE, Caller, caller

Call = Callable[..., Caller]
_PATHS = {
    Page.HOME: "/",
    Page.ANSWER: "/answers/none",
    Page.EVERYBODYS_QUESTIONS: "/all-questions",
} | {page: f"/{page}" for page in Page if page not in {Page.HOME, Page.ANSWER}}


@pytest.fixture
def call(node: Node) -> Iterator[Call]:
    """Makes clients."""
    with ExitStack() as stack:
        yield lambda person=None: stack.enter_context(caller(node, person))


def _refusals(node: Node) -> list[tuple[str, str]]:
    return [(who, what) for who, _, what in node.recorded() if what.startswith("refused")]


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_pages_and_no_others(node: Node, call: Call, role: Role) -> None:
    """The whole table, every page for every role."""
    at = call(PEOPLE[role])
    for page, rule in ACCESS.items():
        status = at.get(_PATHS[page]).status_code
        allowed = rule.roles is None or role in rule.roles

        assert (status == 403) is not allowed, page
        if not allowed:
            assert (PEOPLE[role].asker, f"refused: not for this role ({page})") == _refusals(node)[-1]


@pytest.mark.parametrize("path", [_PATHS[page] for page in Page])
def test_nobody_sees_a_page_without_signing_in(call: Call, path: str) -> None:
    answer = call().get(path)

    assert (303, "/sign-in") == (answer.status_code, answer.headers["location"])
    assert "handover" not in answer.text


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "../../etc/passwd", "'; DROP TABLE questions; --"])
def test_a_forged_session_shows_nothing_and_is_written_down(node: Node, call: Call, cookie: str) -> None:
    at = call()
    at.http.headers["cookie"] = f'{COOKIE}="{cookie}"'
    answer = at.get("/overview")

    assert 403 == answer.status_code
    assert "Coming in" not in answer.text
    assert ("(nobody is signed in)", "refused: a cookie that belongs to no session (overview)") == _refusals(
        node
    )[-1]


def test_a_session_is_worth_nothing_after_signing_out(call: Call) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    cookie = at.http.cookies[COOKIE]
    assert 200 == at.post("/sign-out", {}).status_code
    at.http.headers["cookie"] = f"{COOKIE}={cookie}"

    assert 403 == at.get("/overview").status_code


@pytest.mark.parametrize("query", [f"case={CASE}", f"by=nhs&reference={CHILD}&why=x", "anything"])
@pytest.mark.parametrize("path", ["/child", "/ask/Q1", "/overview", "/questions"])
def test_nothing_is_asked_by_address(node: Node, call: Call, path: str, query: str) -> None:
    """Not even by somebody who may ask; what stood in the address is not written down."""
    at = call(PEOPLE[Role.SCRUTINEER])
    answer = at.get(f"{path}?{query}")

    assert 400 == answer.status_code
    assert "plan opened" not in answer.text
    who, what = _refusals(node)[-1]
    assert PEOPLE[Role.SCRUTINEER].asker == who
    assert what.startswith("refused: a question by address")
    assert not any(CHILD in one for one in what.split())


def test_an_answer_is_for_the_session_that_asked(node: Node, call: Call) -> None:
    """A second look by its address, from another session, even of the same person, shows nothing."""
    first, second = call(PEOPLE[Role.SCRUTINEER]), call(PEOPLE[Role.SCRUTINEER])
    path = first.ask_about(CASE)
    assert "plan opened" in first.get(path).text

    for ending in ("", "/csv", "/json"):
        assert 404 == second.get(path + ending).status_code
        assert "plan opened" not in second.get(path + ending).text
    assert "refused: an answer that was not given to this session" == _refusals(node)[-1][1]


@pytest.mark.parametrize("why", ["", "   ", "\t"])
def test_a_question_without_a_purpose_is_not_answered(node: Node, call: Call, why: str) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    before = len(node.questions())
    for path, form in (("/child", {"by": "case", "reference": CASE, "why": why}), ("/ask/Q3", {"why": why})):
        answer = at.post(path, form)
        assert 422 == answer.status_code
        assert "plan opened" not in answer.text

    new = [what for _, _, what in node.recorded()[before:]]
    assert 2 == len([what for what in new if what.startswith("refused")])
    assert not any(what.startswith("Q") for what in new)


@pytest.mark.parametrize("page", [page for page, rule in ACCESS.items() if rule.purpose])
def test_a_page_that_looks_something_up_wants_a_purpose_first(node: Node, call: Call, page: Page) -> None:
    at = call()
    at.sign_in(PEOPLE[Role(min(ACCESS[page].roles or ()))], purpose=None)
    before = len(node.questions())
    answer = at.get(_PATHS[page])

    assert (303, "/purpose") == (answer.status_code, answer.headers["location"])
    assert [] == node.questions()[before:]


def test_a_form_of_another_site_or_session_does_nothing(node: Node, call: Call) -> None:
    at, other = call(PEOPLE[Role.SCRUTINEER]), call(PEOPLE[Role.SCRUTINEER])
    form = {"by": "case", "reference": CASE, "why": "an attempt"}
    tries = [
        at.post("/child", form, csrf=""),
        at.post("/child", form, csrf=other.secret()),
        at.post("/child", form, origin="https://elsewhere.example"),
        at.post("/child", form, origin="null"),
        at.post("/child", form, origin=None),
    ]

    assert [403] * 5 == [one.status_code for one in tries]
    assert "an attempt" not in [purpose for _, purpose, _ in node.recorded()]
    assert 5 == len([what for _, what in _refusals(node)[-5:] if "form" in what])
    assert 403 == at.post("/sign-out", {}, csrf="x").status_code
    assert 200 == at.get("/overview").status_code


def test_another_boards_child_is_nobody_here(call: Call) -> None:
    """By every way of asking the answer is that of a child that does not exist."""
    at = call(PEOPLE[Role.SCRUTINEER])
    theirs, nobodys = (at.get(at.ask_about(one)).text for one in ("DUR-7", "DUR-8"))
    for page in ("/overview", "/silence", "/decisions", "/integrity"):
        assert "Durham" not in at.get(page).text

    assert "Nothing was shared about this child" in theirs
    assert _words(theirs.replace("DUR-7", "X")) == _words(nobodys.replace("DUR-8", "X"))


def _words(text: str) -> list[str]:
    return [line for line in text.split("<main")[1].splitlines() if "recorded as question" not in line]


def test_a_protected_child_needs_two_people_in_two_sessions(node: Node, call: Call) -> None:
    """The asker cannot agree to it, nor whoever is both; each word is written down; the answer comes after both."""
    both = Person("both", "Both Example", frozenset({Role.SCRUTINEER, Role.SECOND_AUDITOR}))
    first, second = call(both), call(PEOPLE[Role.SECOND_AUDITOR])
    form = {"by": "case", "reference": PROTECTED, "why": "case audit 2026/20"}
    refused = first.post("/child", form)
    assert 403 == refused.status_code
    assert "plan opened" not in refused.text
    number = str(node.questions()[-1].number)
    assert number in refused.text
    agree = {"number": number, "why": "the head of service has asked for this audit"}

    own = first.post("/approvals", agree)
    assert 422 == own.status_code
    assert "Nobody approves a question of their own" in own.text
    assert 422 == second.post("/approvals", agree | {"why": " "}).status_code
    assert 422 == second.post("/approvals", agree | {"number": "99999"}).status_code
    assert 403 == first.post("/child", form).status_code
    waits = second.get("/approvals").text
    assert PROTECTED in waits
    assert 200 == second.post("/approvals", agree).status_code

    answer = first.post("/child", form)
    assert 303 == answer.status_code
    assert "plan opened" in first.get(answer.headers["location"]).text
    said = [(who, what) for who, _, what in node.recorded()]
    assert (PEOPLE[Role.SECOND_AUDITOR].asker, f"approval of question {number}") in said
    assert (both.asker, f"approval of question {number}; refused") in said


def test_no_page_and_no_file_gives_a_hidden_place_away(call: Call) -> None:
    """A child fled to County Durham, which is another board's: nothing that this board can open says so (P7)."""
    asker, second = call(PEOPLE[Role.SCRUTINEER]), call(PEOPLE[Role.SECOND_AUDITOR])
    form = {"by": "case", "reference": PROTECTED, "why": "case audit 2026/21"}
    waiting = asker.post("/child", form)
    number = re.search(r"number <strong>(\d+)", waiting.text)
    assert number
    second.post("/approvals", {"number": number[1], "why": "agreed"})
    given = [asker.post("/child", form).headers["location"]]
    told = asker.get(given[0]).text
    assert "a place that is withheld" in told
    assert "accepted" not in told  # nor when somebody there did something
    for key, question in CATALOGUE.items():
        if Takes.CHILD not in question.needs:
            asked = asker.post(f"/ask/{key}", {"why": "all that there is"})
            assert 303 == asked.status_code, key
            given.append(asked.headers["location"])
        read = [asker.get(given[-1] + form).text for form in ("", "/csv", "/json")]
        assert not any(told in text for text in read for told in (FAR, "Durham")), key
    opened = (
        "/overview",
        "/silence",
        "/decisions",
        "/integrity",
        "/questions",
        "/all-questions",
        "/ask/Q1",
        "/ask/Q14",
    )
    for path in opened:
        text = asker.get(path).text
        assert not any(told in text for told in (FAR, "Durham")), path


def test_hostile_text_is_text(call: Call, visit: Callable[..., Visitor]) -> None:
    """In a purpose, in a reference, and in what a member itself wrote into a slip: shown, never obeyed."""
    at = visit()
    at.page.on("dialog", lambda box: pytest.fail(box.message))
    at.sign_in(PEOPLE[Role.SCRUTINEER], purpose=HOSTILE)
    at.ask_about(HOSTILE, why=HOSTILE)
    shown = at.page.locator("main").inner_text()

    assert shown.count("alert(1)") > 2
    assert 0 == at.page.locator("main script, main img").count()
    at.go("/all-questions")
    assert 0 == at.page.locator("main script, main img").count()
    at.keep("hostile-questions")
    with_file = call(PEOPLE[Role.SCRUTINEER])
    sheet = with_file.get(with_file.ask_about(HOSTILE) + "/csv")
    assert "text/csv" in sheet.headers["content-type"]
    assert html.unescape("<script>") in sheet.text


def test_a_file_of_an_answer_is_recorded_and_has_no_formula(node: Node, call: Call) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    path = at.ask_about(CASE)
    sheet = at.get(f"{path}/csv")

    assert 200 == sheet.status_code
    assert "plan opened" in sheet.text
    assert not any(
        cell.startswith(("=", "+", "@")) for line in sheet.text.splitlines() for cell in line.split(",")
    )
    assert node.recorded()[-1][2].startswith("export of answer")


def test_every_answer_says_that_nobody_may_keep_frame_or_script_it(call: Call) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])
    for path in ("/overview", "/child", "/nowhere", "/sign-in", at.ask_about(CASE)):
        headers = at.get(path).headers
        policy = headers["content-security-policy"]
        assert "no-store" == headers["cache-control"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "nosniff" == headers["x-content-type-options"]
        assert "server" not in headers


def test_another_host_name_is_not_answered(node: Node, call: Call) -> None:
    """A name that somebody else points at this machine cannot read its pages."""
    answer = call().http.get("/sign-in", headers={"host": "evil.example"})

    assert 400 == answer.status_code


def test_a_body_that_is_too_long_is_not_read(call: Call) -> None:
    at = call(PEOPLE[Role.SCRUTINEER])

    assert 413 == at.post("/child", {"reference": "x" * 70_000}).status_code
    assert 400 == at.post("/child", {"reference": "x" * 3000}).status_code


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, list[float]]]:
    """Another node, whose clock a test turns, and which allows few forms."""
    made = make_exchange(tmp_path_factory.mktemp("strict"))
    now = [time.monotonic()]
    with served(
        told(made.home("board")),
        clock=lambda: NOW,
        seconds=lambda: now[0],
        settings=lambda origin, local: Settings(
            origin,
            local=local,
            lifetime=Lifetime(idle_s=900, absolute_s=3600),
            forms=Rate(burst=4, every_s=60),
            strangers=Rate(burst=3, every_s=60),
            sign_ins=Rate(burst=12, every_s=60),
        ),
    ) as node:
        yield node, now


def test_a_session_ends_when_idle_and_in_any_case_after_a_time(strict: tuple[Node, list[float]]) -> None:
    node, now = strict
    with caller(node, PEOPLE[Role.OPERATOR]) as at:
        now[0] += 890
        assert 200 == at.get("/integrity").status_code
        now[0] += 910
        assert 403 == at.get("/integrity").status_code
    with caller(node, PEOPLE[Role.OPERATOR]) as at:
        for _ in range(4):
            now[0] += 890
            assert 200 == at.get("/integrity").status_code
        now[0] += 100
        assert 403 == at.get("/integrity").status_code


def test_too_many_forms_are_refused_and_written_down(strict: tuple[Node, list[float]]) -> None:
    node, now = strict
    now[0] += 3600
    person = Person("busy", "Busy Example", frozenset({Role.SCRUTINEER}))
    with caller(node, person) as at:
        form = {"by": "case", "reference": CASE, "why": "much"}
        statuses = [at.post("/child", form).status_code for _ in range(5)]
        now[0] += 61
        later = at.post("/child", form).status_code

    assert [303, 303, 303, 429, 429] == statuses
    assert 303 == later
    assert (person.asker, "refused: too often (child)") in _refusals(node)


def test_a_flood_of_forged_sessions_does_not_fill_the_list(strict: tuple[Node, list[float]]) -> None:
    node, now = strict
    now[0] += 3600
    before = len(node.questions())
    with httpx2.Client(base_url=node.origin) as http:
        for number in range(20):
            http.get("/overview", headers={"cookie": f"{COOKIE}={number}"})

    assert 3 == len(node.questions()) - before


def test_a_link_signs_in_once(node: Node, call: Call) -> None:
    path = node.link(PEOPLE[Role.OPERATOR]).removeprefix(node.origin)
    at = call()
    assert 303 == at.post(path, {}, csrf=at.secret(path)).status_code
    again = call().get(path)

    assert 403 == again.status_code
    assert "unknown or used up" in _refusals(node)[-1][1]


def test_no_log_line_names_a_child(node: Node, call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither number nor reference, asked rightly or wrongly."""
    at = call(PEOPLE[Role.SCRUTINEER])
    at.ask_about(CHILD, by="nhs")
    at.get(f"/child?reference={CHILD}")
    at.get(f"/nowhere/{CHILD}")
    at.post("/child", {"by": "nhs", "reference": "999 000", "why": "x"})
    said = "".join(capfd.readouterr())

    assert CHILD not in said
    assert "999 000" not in said
    files = [path.read_bytes() for path in node.home.folder.rglob("audit.db*")]
    assert not any(CHILD.encode() in content for content in files)
