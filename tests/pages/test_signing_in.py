"""Signing in with a provider of identities that is a real process: code flow, PKCE, state, nonce; roles from a claim."""

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser

from broker.board.pages.app import Settings
from broker.board.pages.roles import Role
from broker.pages.signing_in import Provider
from tests.support.board_story import NOW, told
from tests.support.exchange import make_exchange
from tests.support.identities import provider
from tests.support.pages import Node, Visitor, served, visitor
from tests.support.pages_client import caller

Come = Callable[..., Visitor]
_STAFF: Final = (
    {"sub": "u-1", "name": "Asha Example", "groups": ["all-staff", "lscb-scrutineers"]},
    {"sub": "u-2", "name": "Bo Example", "groups": ["all-staff"]},
    {"sub": "u-3", "name": "<b>Cy</b> Example", "groups": "lscb-operators"},
)
_ROLES: Final = {"lscb-scrutineers": Role.SCRUTINEER.value, "lscb-operators": Role.OPERATOR.value}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node whose people sign in with the provider."""
    folder = tmp_path_factory.mktemp("sign-in")
    made = make_exchange(folder)
    with (
        provider(folder, _STAFF) as issuer,
        served(
            told(made.home("board")),
            clock=lambda: NOW,
            settings=lambda origin, _local: Settings(
                origin, provider=Provider(issuer, "handrail-board", "a secret", "groups", _ROLES)
            ),
        ) as at_work,
    ):
        yield at_work


def _sign_in(at: Visitor, subject: str) -> None:
    at.go("/overview")
    with at.page.expect_navigation():
        at.page.get_by_role("button", name="Sign in").click()
    with at.page.expect_navigation(url=f"{at.node.origin}/**"):
        at.page.get_by_role("button", name=subject, exact=True).click()


def test_a_person_signs_in_with_the_roles_that_the_provider_signs(node: Node, visit: Come) -> None:
    asked: list[str] = []
    at = visit()
    at.page.on(
        "request", lambda request: asked.append(request.url) if "/oauth2/authorize" in request.url else None
    )
    _sign_in(at, "u-1")

    assert "Asha Example, independent scrutineer" in at.page.locator("body").inner_text()
    assert "Demonstration" not in at.page.content()
    sent = parse_qs(urlsplit(asked[0]).query)
    assert ["S256"] == sent["code_challenge_method"]
    assert 43 == len(sent["code_challenge"][0])
    assert 20 <= len(sent["nonce"][0])
    assert 20 <= len(sent["state"][0])
    assert ("Asha Example (u-1)", "", "signed in") == node.recorded()[-1]
    at.go("/purpose")
    at.page.get_by_label("Why are you looking?").fill("a look")
    at.send("Continue")
    assert 200 == at.go("/overview")
    at.send("Sign out")
    assert "You have signed out" in at.page.content()
    leads_to = at.page.get_by_role("link", name="sign out of it too").get_attribute("href") or ""
    assert leads_to.endswith("/end_session")
    assert [] == at.violations()
    assert ("Asha Example (u-1)", "", "signed out") == node.recorded()[-1]


def test_a_person_without_a_role_here_sees_nothing(node: Node, visit: Come) -> None:
    at = visit()
    _sign_in(at, "u-2")

    assert "Your account has no role at this node" in at.page.content()
    assert ("Bo Example (u-2)", "", "refused: signed in without a role here") == node.recorded()[-1]
    at.go("/overview")
    assert at.page.url.endswith("/sign-in")


def test_a_name_that_the_provider_gives_is_text(visit: Come) -> None:
    at = visit()
    _sign_in(at, "u-3")

    assert "<b>Cy</b> Example, operator" in at.page.locator("body").inner_text()


def _set_out(http: httpx2.Client) -> tuple[str, dict[str, list[str]]]:
    """Begin to sign in; gives the provider's address, and what is asked of it."""
    answer = http.get("/sign-in/provider")
    assert 302 == answer.status_code, answer.text
    there = answer.headers["location"]
    return there, parse_qs(urlsplit(there).query)


def _code(there: str, subject: str = "u-1") -> dict[str, Any]:
    """What the provider sends the browser back with."""
    answer = httpx2.post(there, data={"sub": subject}, follow_redirects=False)
    return {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def test_a_code_is_good_once_for_the_browser_that_set_out(node: Node) -> None:
    """Stolen by another browser, sent twice, or under another state, it signs nobody in; each is written down."""
    with caller(node) as at, caller(node) as thief:
        there, _ = _set_out(at.http)
        back = _code(there)
        _set_out(thief.http)
        stolen = thief.http.get("/sign-in/back", params=back)
        no_cookie = httpx2.get(f"{node.origin}/sign-in/back", params=back)
        rightly = at.http.get("/sign-in/back", params=back)
        twice = at.http.get("/sign-in/back", params=back)

        assert [403, 403, 303, 403] == [one.status_code for one in (stolen, no_cookie, rightly, twice)]
        assert 303 == at.get("/overview").status_code  # signed in, and asked for a purpose
        assert "/purpose" == at.get("/overview").headers["location"]
        assert 4 <= len([what for _, _, what in node.recorded()[-8:] if "sign" in what])


def test_a_state_that_was_not_given_is_refused(node: Node) -> None:
    with caller(node) as at:
        there, _ = _set_out(at.http)
        back = _code(there) | {"state": "x" * 30}

        assert 403 == at.http.get("/sign-in/back", params=back).status_code


def test_an_answer_to_another_nonce_is_refused(node: Node) -> None:
    """A signed token that was made for somebody else's sign-in."""
    with caller(node) as at:
        there, asked = _set_out(at.http)
        back = _code(there.replace(asked["nonce"][0], "n" * 30))

        assert 403 == at.http.get("/sign-in/back", params=back).status_code
        assert "did not confirm" in node.recorded()[-1][2]


def test_no_link_signs_in_where_local_sign_in_is_off(node: Node, chromium: Browser) -> None:
    with caller(node) as at:
        assert 403 == at.get("/sign-in/local/anything").status_code
    with visitor(chromium, node) as someone:
        someone.go("/sign-in")
        assert "one-time link" not in someone.page.content()
        assert [] == someone.violations()
        someone.keep("sign-in")
