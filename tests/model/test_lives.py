"""The short form of the model: the same lives at every run; ``python -m tests.model`` plays new ones, as long as asked."""

import os
import time

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.faults import FAULTS, Fault
from tests.model.machine import Lives
from tests.model.passages import KINDS, STAGES, VERBS
from tests.model.play import table, visited
from tests.model.promises import BrokenPromiseError
from tests.model.tour import birth, claim, ending, family, missing, short_tour, tour, visit

SHORT = settings(
    max_examples=12,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def test_the_promises_hold_in_random_lives_and_in_every_stage_of_a_handover(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Random lives first; then a tour through whatever (stage, verb) pair they did not come to. Prints the table."""
    run_state_machine_as_test(Lives, settings=SHORT)
    by_chance = sum(visited().values())
    short_tour()

    with capsys.disabled():
        print(f"\n{table()}\n{by_chance} tries in random lives, {sum(visited().values())} with the tour")
    seen = {(stage, verb) for _, stage, verb in visited()}
    assert [] == [(stage, verb) for stage in STAGES for verb in VERBS if (stage, verb) not in seen]
    assert set(KINDS) == {kind for kind, _, _ in visited()}


@pytest.mark.skipif("HANDRAIL_TOUR" not in os.environ, reason="the long form: python -m tests.model --tour")
def test_every_stage_and_verb_of_every_kind() -> None:
    """Each kind into each stage that it comes to, and there each verb."""
    tour()

    assert [] == missing()


@pytest.mark.parametrize("name", FAULTS)
def test_a_seeded_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fault at a time, put into the real program: the same short run breaks, in seconds."""
    FAULTS[name].put_in(monkeypatch)
    begun = time.monotonic()

    with pytest.raises(BrokenPromiseError):
        _play(FAULTS[name])
    assert time.monotonic() - begun < 60


def _play(fault: Fault) -> None:
    for where in fault.in_tour:
        match where:
            case ("family", verb):
                family([verb])
            case ("birth", _):
                birth()
            case ("claim", _):
                claim()
            case ("ending", _):
                ending()
            case kind, stage:
                visit(kind, stage, VERBS)
    if not fault.in_tour:
        run_state_machine_as_test(Lives, settings=settings(SHORT, max_examples=60))
