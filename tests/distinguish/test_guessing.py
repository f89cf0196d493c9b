"""The short form of ``python -m tests.distinguish``, and the attacker tried on what it must and must not find."""

import random

import pytest

from tests.distinguish.attacker import upper_bound
from tests.distinguish.measuring import Run, judge, play_many
from tests.distinguish.page import page


def _runs(count: int, tell: float) -> list[Run]:
    """Invented runs in which one feature of forty tells the label with that strength."""
    noise = random.Random(9)
    found = []
    for _ in range(count):
        label = noise.random() < 0.5
        run = {f"feature {n}": noise.gauss(0, 1) for n in range(40)}
        run["feature 7"] += tell * (1 if label else -1)
        found.append((run, label))
    return found


def test_the_attacker_finds_one_feature_in_forty_that_tells() -> None:
    measured = judge(_runs(200, 3.0))

    assert measured.logistic > 180
    assert measured.single > 180
    assert "feature 7" == measured.rule


def test_the_attacker_finds_a_leak_that_shows_in_a_few_runs_of_a_hundred() -> None:
    """So that a score near one half is worth something: a lean of half a standard deviation is seen."""
    assert judge(_runs(480, 0.5)).right > 300


def test_where_nothing_tells_it_tosses_a_coin() -> None:
    measured = judge(_runs(480, 0.0))

    assert upper_bound(measured.right, measured.runs) < 0.6


def test_the_bound_is_wilsons() -> None:
    assert 0.5488 == round(upper_bound(200, 400), 4)
    assert upper_bound(400, 400) == pytest.approx(1.0)


def test_told_openly_every_run_is_guessed_and_withheld_they_look_alike() -> None:
    """A dozen runs of each: enough to see the control, and that no feature of a hidden one tells two areas apart."""
    off, on = play_many(8, hidden=False, first=50), play_many(8, hidden=True, first=50)
    control = judge(off, folds=4)

    assert control.right == control.runs
    # What can be counted is the same whoever has the child: kinds and numbers of deliveries, rows, entries of the trail.
    counted = [
        {
            name: value
            for name, value in run.items()
            if " count " in name or " rows " in name or name.endswith(" size")
        }
        for run, _ in on
    ]
    varying = {
        name for name in counted[0] if len({run.get(name) for run in counted}) > 1 and "database" not in name
    }
    labels = [label for _, label in on]
    telling = {
        name
        for name in varying
        if len({(run.get(name), label) for run, label in zip(counted, labels, strict=True)})
        == len({run.get(name) for run in counted})
    }
    assert {True, False} == set(labels)
    assert set() == telling


def test_the_page_says_what_was_measured() -> None:
    from datetime import date

    on, off = judge(_runs(40, 0.0)), judge(_runs(40, 4.0))
    text = page(on, off, date(2026, 1, 2))

    assert f"| withheld | 40 | {on.looked_at} |" in text
    assert "02 January 2026" in text
