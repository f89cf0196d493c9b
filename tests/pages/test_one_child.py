"""The page of one child in a real browser: asked by form, told in order, recorded before it is shown."""

import re
from collections.abc import Callable

from broker.board.pages.roles import Role
from tests.support.events import CHILD
from tests.support.pages import NARROW, PEOPLE, Node, Visitor

Come = Callable[..., Visitor]


def test_a_scrutineer_asks_by_number_and_reads_who_was_told(node: Node, visit: Come) -> None:
    at = visit()
    at.sign_in(PEOPLE[Role.SCRUTINEER])
    before = len(node.questions())
    at.ask_about(CHILD, by="An NHS number")

    told = at.page.locator("main").inner_text()
    assert "plan opened" in told
    assert "St Bega’s primary school" in told
    assert "From Cumberland to Westmorland and Furness. Westmorland and Furness holds the case" in told
    assert [] == at.violations()
    at.keep("child-answer")
    asked = node.recorded()[before:]
    assert [("Kit Scrutineer (demo-scrutineer)", "case audit 2026/14")] * 2 == [one[:2] for one in asked]
    assert re.fullmatch(r"moves; .*token [0-9a-f]{32}", asked[1][2])
    assert re.fullmatch(r"Q1; .*token [0-9a-f]{32}", asked[0][2])
    assert CHILD not in at.page.url
    assert CHILD not in at.page.content()


def test_the_form_fits_a_narrow_screen_without_javascript(visit: Come) -> None:
    at = visit(viewport=NARROW, java_script_enabled=False)
    at.sign_in(PEOPLE[Role.SCRUTINEER])
    at.ask_about("CC-404")

    assert "Nothing was shared about this child" in at.page.locator("main").inner_text()
    at.keep("child-nobody-narrow")
