"""Seeded faults about hidden families, broken glass and keys; each with the few steps of a flight in which it is met."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from broker.handover import machine
from broker.routing import verify
from broker.routing.handovers import Handovers
from broker.routing.lifting import Lifting
from broker.routing.relay import Relay
from broker.routing.shield import Shield, Sides
from tests.distinguish.world import DURHAM, LANCASHIRE, OLD
from tests.model.flights import Flights


@dataclass(frozen=True, slots=True)
class HiddenFault:
    """One fault: the promise that it breaks, how it is put in, and the steps that meet it."""

    promise: str
    put_in: Callable[[pytest.MonkeyPatch], None]
    steps: Callable[[Flights], None]


def _any_report_is_believed(patch: pytest.MonkeyPatch) -> None:
    """A hidden family is wherever somebody says that it is."""
    patch.setattr(Shield, "bars", lambda *_: False)


def _both_sides_are_told(patch: pytest.MonkeyPatch) -> None:
    """A hidden handover is told to both front doors, as any other."""
    tell = Handovers.tell

    def open_to_all(self: Handovers, handover: machine.Handover, *rest: Any, **more: Any) -> None:
        tell(self, replace(handover, withheld=False), *rest, **more)

    patch.setattr(Handovers, "tell", open_to_all)


def _nobody_waits_for_the_hold(patch: pytest.MonkeyPatch) -> None:
    """The old area is told at the next slot."""
    patch.setattr(Relay, "_may_speak", lambda *_: True)


def _the_way_between_is_open(patch: pytest.MonkeyPatch) -> None:
    """An area that was itself hidden when the family came is as open as the first."""
    patch.setattr(Sides, "is_open", lambda *_: True)
    shield = Shield.sides

    def forgetful(self: Shield, child: Any) -> Sides | None:
        sides = shield(self, child)
        return None if sides is None else replace(sides, through=frozenset())

    patch.setattr(Shield, "sides", forgetful)


def _telling_one_tells_all(patch: pytest.MonkeyPatch) -> None:
    """One area is to be told, and every way is shown."""
    lift = Lifting.lift
    patch.setattr(Lifting, "lift", lambda self, child, _handover: lift(self, child, None))


def _glass_breaks_where_it_is_hidden(patch: pytest.MonkeyPatch) -> None:
    """The old area is asked for a history by name of whoever has the hidden child."""
    patch.setattr(machine, "_shut", lambda handover: handover.contested or handover.released)
    patch.setattr(Shield, "may_be_ordered", lambda *_: True)
    hidden_step = Handovers._hidden_step

    def ordered(self: Handovers, after: Any, action: Any, event_id: bytes, **rest: Any) -> None:
        hidden_step(self, after, action, event_id, **rest)
        if after.glass:
            self._order(after, event_id)

    patch.setattr(Handovers, "_hidden_step", ordered)


def _a_revoked_key_counts(patch: pytest.MonkeyPatch) -> None:
    """The router takes what is signed with a key that was revoked."""
    patch.setattr(verify, "check_key", lambda *_: None)


def _flees(life: Flights) -> None:
    life.the_police_are_called()
    life.a_move_is_reported(DURHAM, own=False)


def _claims(life: Flights) -> None:
    _flees(life)
    life.the_case_is_taken_on(hurry=False)
    life.another_plan_is_opened(OLD)


def _moves_on(life: Flights) -> None:
    _flees(life)
    life.the_case_is_taken_on(hurry=False)
    life.a_move_is_reported(LANCASHIRE, own=False)


def _is_told_on(life: Flights) -> None:
    _moves_on(life)
    life.who_was_left_last_is_told()


def _goes_on_between(life: Flights) -> None:
    _moves_on(life)
    life.somebody_says_something(DURHAM)


def _breaks_glass(life: Flights) -> None:
    _flees(life)
    life.glass_is_broken()


def _loses_a_key(life: Flights) -> None:
    life.a_key_is_stolen(DURHAM)


HIDDEN_FAULTS: Final[dict[str, HiddenFault]] = {
    "any report of a hidden family is believed": HiddenFault("P7", _any_report_is_believed, _claims),
    "a hidden handover is told to both sides": HiddenFault("P7", _both_sides_are_told, _flees),
    "nobody waits for the hold": HiddenFault("P7", _nobody_waits_for_the_hold, _flees),
    "the area between is as open as the first": HiddenFault("P7", _the_way_between_is_open, _goes_on_between),
    "telling one area tells all": HiddenFault("P7", _telling_one_tells_all, _is_told_on),
    "glass breaks where the family is hidden": HiddenFault(
        "P7", _glass_breaks_where_it_is_hidden, _breaks_glass
    ),
    "a revoked key counts": HiddenFault("P4", _a_revoked_key_counts, _loses_a_key),
}
"""Each is found by itself."""
