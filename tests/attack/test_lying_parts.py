"""Each part that lies is refused or noticed, by the part and in the way that ``docs/attacks.md`` says."""

from pathlib import Path

import pytest

from tests.attack.liars import LIES, Lie
from tests.attack.page import PAGE, play, row, rows_of


@pytest.mark.parametrize("lie", LIES, ids=[f"{lie.liar} {lie.lie}" for lie in LIES])
def test_a_lie_is_met_as_the_page_says(lie: Lie, tmp_path: Path) -> None:
    seen, _ = play(lie, tmp_path)

    assert lie.seen == seen


def test_the_page_is_made_from_these_attacks() -> None:
    """If this fails: ``python -m tests.attack``."""
    assert [row(lie) for lie in LIES] == rows_of(PAGE.read_text("utf-8"))
