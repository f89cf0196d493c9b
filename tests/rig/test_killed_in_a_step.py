"""Whoever takes part in a handover is killed while a step is taken: it goes on, and nothing is taken twice."""

from pathlib import Path

from tests.rig.stepping import NEW, OLD, PERSON, Death, walk

_SHORT = [
    (
        ("release", [Death("router", 2), Death(OLD, 7), Death(NEW, 2), Death(PERSON, 4), Death("board", 1)]),
        ("accept", [Death("router", 4), Death(OLD, 3), Death(NEW, 6), Death(PERSON, 5), Death("log", 2)]),
    )
]


async def test_all_are_killed_while_a_history_is_released_and_a_child_accepted(tmp_path: Path) -> None:
    """Five in each step, all real processes; ``python -m tests.rig.stepping`` has every party at every gap in every step."""
    done = await walk(tmp_path, _SHORT)

    assert [] == done.not_passed
    assert 10 == len(done.kills)
