"""Times and counts as the Design System writes them, in UK time; and every value escaped."""

from datetime import UTC, datetime

import pytest

from broker.clock import to_ms
from broker.pages.layout import Layout, counted, uk_day, uk_time


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2026, 3, 2, 0, 0, tzinfo=UTC), "2 March 2026, 12:00am"),
        (datetime(2026, 3, 2, 12, 5, tzinfo=UTC), "2 March 2026, 12:05pm"),
        (datetime(2026, 3, 2, 23, 59, tzinfo=UTC), "2 March 2026, 11:59pm"),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), "1 July 2026, 12:30am"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "29 March 2026, 2:00am"),
    ],
)
def test_moments_are_in_uk_time(moment: datetime, said: str) -> None:
    assert said == uk_time(to_ms(moment))
    assert said.startswith(uk_day(to_ms(moment)))


def test_one_is_not_many() -> None:
    assert ["0 things", "1 thing", "2 things"] == [counted(number, "thing", "things") for number in range(3)]


def test_what_is_shown_is_text() -> None:
    layout = Layout("broker.board.pages", {"service": "S", "local_sign_in": False, "footer": "F"})
    page = layout.show(
        "message.html", heading="<b>", lines=["<script>"], link={"href": '"><i>', "text": "<u>"}
    )
    body = bytes(page.body).decode()

    assert "&lt;script&gt;" in body
    for absent in ("<b>", "<script>", "<i>", "<u>"):
        assert absent not in body
