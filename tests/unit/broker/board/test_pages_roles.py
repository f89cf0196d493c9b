"""The table of roles in ``docs/board.md`` is the one in the code."""

from pathlib import Path
from typing import Final

from broker.board.pages.roles import ACCESS, MENU, Page, Role, menu

_COLUMNS: Final = (Role.SCRUTINEER, Role.SECOND_AUDITOR, Role.BUSINESS_MANAGER, Role.OPERATOR)
_NAMES: Final = {text: page for page, text in MENU} | {"Everybody's questions": Page.EVERYBODYS_QUESTIONS}


def test_the_board_officers_page_says_who_sees_what() -> None:
    lines = (Path(__file__).parents[4] / "docs" / "board.md").read_text().splitlines()
    told = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in _NAMES and len(cells) == 1 + len(_COLUMNS):
            told[_NAMES[cells[0]]] = {role for role, cell in zip(_COLUMNS, cells[1:], strict=True) if cell}

    assert {page: set(ACCESS[page].roles or ()) for page in _NAMES.values()} == told


def test_every_page_has_a_rule_and_nobody_is_led_to_a_page_that_is_refused() -> None:
    assert set(Page) == set(ACCESS)
    for role in Role:
        for item in menu(frozenset({role}), None):
            assert role in (ACCESS[Page(str(item["href"]).removeprefix("/"))].roles or ())
