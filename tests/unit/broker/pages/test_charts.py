"""Drawings: nothing falls outside, heights are in proportion, and order is kept."""

from hypothesis import given
from hypothesis import strategies as st

from broker.pages.charts import Bar, Happening, draw_bars, draw_lanes

_COUNTS = st.lists(st.one_of(st.none(), st.integers(0, 10_000)), min_size=1, max_size=12)


@given(_COUNTS)
def test_bars_stand_on_the_floor_in_proportion(counts: list[int | None]) -> None:
    drawn = draw_bars([Bar(str(at), count) for at, count in enumerate(counts)])
    tallest = max((count or 0 for count in counts), default=0)
    for one in drawn.bars:
        assert 0 <= one.x < one.x + one.width <= drawn.width
        assert abs(one.y + one.height - drawn.floor) < 1e-9
        assert 0 <= one.y
        if tallest:
            highest = max(each.height for each in drawn.bars)
            assert abs(one.height * tallest - highest * (one.bar.count or 0)) < 1e-6 * tallest * highest


def test_the_limit_stands_before_the_first_late_bar() -> None:
    drawn = draw_bars([Bar("a", 1), Bar("b", 2), Bar("c", 3, late=True)])

    assert drawn.limit_x is not None
    assert drawn.bars[1].x + drawn.bars[1].width < drawn.limit_x < drawn.bars[2].x
    assert draw_bars([Bar("a", 1)]).limit_x is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1 << 41)), max_size=40))
def test_a_story_is_drawn_in_order_and_within_its_lanes(told: list[tuple[str, int]]) -> None:
    drawn = draw_lanes([Happening(lane, at_ms, "sent", "words") for lane, at_ms in told])
    high = dict(drawn.lanes)

    assert {lane for lane, _ in told} == set(high)
    across = [mark.x for mark in drawn.marks]
    assert across == sorted(across)
    assert all(drawn.left < mark.x < drawn.width for mark in drawn.marks)
    assert all(mark.y in high.values() for mark in drawn.marks)
    assert all(0 < y < drawn.height for y in high.values())
