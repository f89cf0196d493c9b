"""The overview: three distributions, each drawn with the figures of its table; asked under the session's purpose."""

import re

import pytest

from broker.board.pages.roles import Role
from tests.support.pages import PEOPLE, Node
from tests.support.pages_client import caller


@pytest.mark.parametrize("of", ["accepted", "seen", "conference"])
def test_what_is_drawn_is_what_the_table_says(node: Node, of: str) -> None:
    with caller(node, PEOPLE[Role.SCRUTINEER]) as at:
        page = at.get("/overview").text
    drawing = page.split(f'aria-labelledby="{of}-title"')[1].split("</svg>")[0]
    drawn = [int(figure) for figure in re.findall(r'font-size="16" text-anchor="middle">(\d+)<', drawing)]
    table = page.split(f'id="{of}-table"')[1].split("</table>")[0]
    told = [int(figure) for figure in re.findall(r'numeric">(\d+)</td>', table)]

    assert sum(drawn) > 5
    assert [*drawn, sum(drawn)] == told
    assert len([count for count in drawn if count]) == drawing.count("<rect")


def test_no_small_number_is_shown_to_whoever_sees_no_child(node: Node) -> None:
    with caller(node, PEOPLE[Role.BUSINESS_MANAGER]) as at:
        page = at.get("/overview").text
    figures = [
        int(figure)
        for figure in re.findall(r'numeric">(\d+)</td>|number">(\d+)<', page)
        for figure in figure
        if figure
    ]
    drawn = [int(figure) for figure in re.findall(r'text-anchor="middle">(\d+)<', page)]

    assert "kept back" in page
    assert not [figure for figure in figures + drawn if 0 < figure < 5]


def test_it_is_recorded_under_the_purpose_of_the_session(node: Node) -> None:
    with caller(node) as at:
        at.sign_in(PEOPLE[Role.SCRUTINEER], purpose="quarterly report")
        at.get("/overview")

    assert (PEOPLE[Role.SCRUTINEER].asker, "quarterly report", "overview") == node.recorded()[-1]
