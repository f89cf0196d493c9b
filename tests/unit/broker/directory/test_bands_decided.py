"""That boards may hold bands is shown to whoever reads the policy, or what a new version of the directory changed."""

from broker.directory.differences import differences
from broker.directory.shown import policy_text
from schemas.default_policy import default_policy
from tests.support.banding import with_bands
from tests.support.directory import a_directory


def test_the_policy_says_in_words_whether_boards_hold_bands() -> None:
    without = "\n".join(policy_text(default_policy()))
    agreed = "\n".join(policy_text(with_bands(default_policy())))

    assert "slips of front doors: boards hold none" in without
    assert "slips of front doors: decided 2026-02-01, example only" in agreed
    assert "slips of front doors" not in "\n".join(policy_text(default_policy(), "plan.opened"))


def test_a_change_of_it_stands_in_the_list_of_changes() -> None:
    world = a_directory()
    agreed = world.having(policy=with_bands(default_policy())).directory
    there = [line for line in differences(world.directory, agreed) if "bands" in line]
    back = [line for line in differences(agreed, world.directory) if "bands" in line]

    assert ["~ boards may hold bands of characteristics: example only"] == there
    assert ["~ boards may hold no bands of characteristics"] == back
