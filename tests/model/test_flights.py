"""The short form of the flights: the same few at every run, and faults that they must find; the long form plays them, too."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.flights import Flights
from tests.model.hidden_faults import HIDDEN_FAULTS
from tests.model.promises import BrokenPromiseError

SHORT = settings(
    max_examples=2,
    stateful_step_count=6,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_nobody_learns_more_than_it_may_in_random_flights() -> None:
    run_state_machine_as_test(Flights, settings=SHORT)


@pytest.mark.parametrize("name", HIDDEN_FAULTS)
def test_a_fault_about_a_hidden_family_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = HIDDEN_FAULTS[name]
    fault.put_in(monkeypatch)
    life = Flights()
    life.begin(1)
    try:
        with pytest.raises(BrokenPromiseError, match=fault.promise):
            fault.steps(life)
            life.the_promises_hold()
    finally:
        life.mesh.close()
        life.mesh.remove()
