"""Every page of every role: named, axe-clean, fit for 320 pixels, for the keyboard, for forced colours, without scripts."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from broker.board.pages.roles import ACCESS, MENU, Page, Role
from broker.board.questions import CATALOGUE
from tests.support.board_story import CASE
from tests.support.pages import NARROW, PEOPLE, Visitor

pytestmark = pytest.mark.timeout(300)  # many pages in one test, and the machine may be busy
Come = Callable[..., Visitor]
_FOCUSABLE: Final = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']"


def pages_of(role: Role) -> list[str]:
    """The paths that a role can open by a link."""
    # One question of each form: what is taken makes the form.
    forms = {one.takes: key for key, one in CATALOGUE.items() if role is Role.SCRUTINEER or one.aggregate}
    asked = [f"/ask/{key}" for key in forms.values()]
    listed = [f"/{page}" for page, _ in MENU if role in _for(page)]
    watched = ["/all-questions"] if role in _for(Page.EVERYBODYS_QUESTIONS) else []
    return [*listed, "/purpose", *watched, *(asked if "/ask" in listed else [])]


def _for(page: Page) -> frozenset[str]:
    return ACCESS[page].roles or frozenset()


def walk(at: Visitor, role: Role) -> Iterator[str]:
    """Open every page of a role, and for whoever asks about children an answer too; gives a name for each."""
    at.sign_in(PEOPLE[role])
    for path in pages_of(role):
        assert 200 == at.go(path), path
        yield path.strip("/").replace("/", "-").lower()
    if role is Role.SCRUTINEER:
        at.ask_about(CASE)
        yield "child-answer"


@pytest.mark.parametrize("role", list(Role))
def test_each_page_has_no_fault_that_axe_finds(visit: Come, role: Role) -> None:
    at = visit()
    faults = []
    for name in walk(at, role):
        faults += [f"{name}: {fault}" for fault in at.violations()]
        at.keep(f"{role}-{name}")

    assert [] == faults


def test_each_page_fits_a_narrow_screen(visit: Come) -> None:
    at = visit(viewport=NARROW)
    wide = {}
    for name in walk(at, Role.SCRUTINEER):
        wide[name] = at.overflow()
        at.keep(f"narrow-{name}")

    assert {} == {name: by for name, by in wide.items() if by > 0}


def test_a_word_without_end_does_not_widen_a_narrow_page(visit: Come) -> None:
    """As a purpose, in a reference, and back in the list of questions."""
    at = visit(viewport=NARROW)
    at.sign_in(PEOPLE[Role.SCRUTINEER], purpose="p" * 400)
    at.ask_about("r" * 300, why="w" * 400)
    answer = at.overflow()
    at.go("/questions")

    assert (0, 0) == (answer, at.overflow())


def test_each_page_holds_in_forced_colours(visit: Come) -> None:
    """Contrast is then the browser's affair; that nothing vanishes is looked at, and axe finds no other fault."""
    at = visit(forced_colors="active", color_scheme="dark")
    faults = []
    for name in walk(at, Role.SCRUTINEER):
        faults += [f"{name}: {fault}" for fault in at.violations(without=["color-contrast"])]
        at.keep(f"forced-{name}")

    assert [] == faults


def test_each_page_works_without_scripts(visit: Come) -> None:
    """The same walk, forms and menu included, with JavaScript switched off."""
    at = visit(java_script_enabled=False, viewport=NARROW)
    for _ in walk(at, Role.SCRUTINEER):
        assert at.page.locator("nav a").count() > 3
        assert at.page.locator("main h1").count() == 1


def test_each_page_is_reached_by_keyboard_alone(visit: Come) -> None:
    """Tab comes to everything that can be used, in the order of the page, each with a visible focus, and gets out."""
    at = visit()
    for name in walk(at, Role.SCRUTINEER):
        at.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        wanted = at.page.evaluate(
            "s => [...document.querySelectorAll(s)]"
            ".filter(e => e.checkVisibility() && (e.type !== 'radio' || e.checked)).length",
            _FOCUSABLE,
        )
        order = at.tab_through()

        assert wanted == len(order), name
        assert order == sorted(order), name


def test_a_whole_question_is_put_with_the_keyboard_alone(visit: Come) -> None:
    """From the skip link to the answer; the mouse is never touched."""
    at = visit()
    at.sign_in(PEOPLE[Role.SCRUTINEER])
    at.go("/child")
    press, type_ = at.page.keyboard.press, at.page.keyboard.type
    press("Tab")
    assert "Skip to main content" == at.page.evaluate("document.activeElement.textContent.trim()")
    press("Enter")
    for _ in range(20):
        press("Tab")
        if at.page.evaluate("document.activeElement.id") == "reference":
            break
    type_(CASE)
    press("Tab")
    type_("case audit by keyboard")
    press("Enter")
    at.page.wait_for_url("**/answers/*")

    assert "plan opened" in at.page.locator("main").inner_text()


def test_what_is_wrong_with_a_form_is_said_first_and_leads_to_the_field(visit: Come) -> None:
    at = visit()
    at.sign_in(PEOPLE[Role.SCRUTINEER])
    at.go("/child")
    at.send("Ask")

    assert at.page.title().startswith("Error: ")
    assert "There is a problem" in at.page.evaluate("document.activeElement.innerText")
    assert [] == at.violations()
    at.keep("child-errors")
    at.page.get_by_role("link", name="Say why you ask").click()
    assert "why" == at.page.evaluate("document.activeElement.id")


def test_paper_has_the_answer_and_not_the_menu(visit: Come) -> None:
    at = visit()
    at.sign_in(PEOPLE[Role.SCRUTINEER])
    at.ask_about(CASE)
    at.page.emulate_media(media="print")

    assert at.page.locator("table").first.is_visible()
    assert not at.page.locator("nav").first.is_visible()
    assert not at.page.get_by_role("button", name="Sign out").is_visible()
    at.keep("print-child-answer")
