"""Seeded faults: what a programmer might forget, each put into the real program by hand, and each found by the machine."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from broker.handover import machine
from broker.routing.events import Events
from broker.routing.handovers import Handovers
from broker.routing.intake import Batch
from broker.routing.ordering import Ordering
from broker.routing.verify import ChainStep
from broker.store.gateway.inbox import Inbox
from broker.store.router import links
from broker.store.router.children import Children
from broker.store.router.links import Links
from broker.store.router.outgoing import Outgoing
from schemas.control import ActionKind


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how it is put in, and the promise that it breaks."""

    promise: str
    put_in: Callable[[pytest.MonkeyPatch], None]


def _repeats_are_taken(patch: pytest.MonkeyPatch) -> None:
    """The router forgets that it knows a message: what comes again is taken again."""
    chain = Batch._chain

    def forgetful(self: Batch, *rest: Any) -> ChainStep:
        step = chain(self, *rest)
        return ChainStep.NEXT if step is ChainStep.REPEAT else step

    patch.setattr(Batch, "_chain", forgetful)


def _the_ledger_forgets(patch: pytest.MonkeyPatch) -> None:
    """A gateway applies a held delivery whether or not what comes before it has been applied."""
    patch.setattr(Inbox, "is_applied", lambda _self, _number: True)


def _previous_stands_still(patch: pytest.MonkeyPatch) -> None:
    """Each note names no predecessor: the newest number about the child is not carried on."""
    patch.setattr(Outgoing, "previous_about", lambda _self, _reader, _child, _number: 0)


def _a_decline_gives_the_case(patch: pytest.MonkeyPatch) -> None:
    """The case passes on a decline, as on an acceptance."""
    step = machine.step

    def generous(handover: machine.Handover, action: Any, now_ms: int) -> machine.Step:
        result = step(handover, action, now_ms)
        declined = action.kind is ActionKind.DECLINE and isinstance(result, machine.Moved)
        return replace(result, holder=handover.to_area) if declined else result  # type: ignore[arg-type]

    patch.setattr(machine, "step", generous)


def _nobody_is_asked_to_grant(patch: pytest.MonkeyPatch) -> None:
    """Who must know and was not sealed to is forgotten, of every other event."""
    one = Ordering.one
    count = [0]

    def every_other(self: Ordering, *rest: Any) -> None:
        count[0] += 1
        if count[0] % 2:
            one(self, *rest)

    patch.setattr(Ordering, "one", every_other)


def _a_routine_event_keeps_a_row(patch: pytest.MonkeyPatch) -> None:
    """Every delivery is recorded, also of a child that nothing is open about."""
    without = Events._without_child

    def keeping(self: Events, event: Any) -> bool:
        header = event.checked.header
        for token in event.facts.tokens:
            self._children.involve(token.value, header.author, self._desk.now_ms)
        return without(self, event)

    patch.setattr(Events, "_without_child", keeping)


def _a_link_forgets_where_names_came_from(patch: pytest.MonkeyPatch) -> None:
    """Two records merge and nothing tells afterwards which was whose."""
    merge = Links.merge

    def forgetful(self: Links, kept: Any, merged: Any, between: Any, **rest: Any) -> Any:
        return merge(self, kept, merged, (between[0], between[0]), **rest)

    patch.setattr(Links, "merge", forgetful)


def _handovers_stay_with_the_kept_child(patch: pytest.MonkeyPatch) -> None:
    """A link is undone, and every handover is the kept child's, whichever record it is about."""
    left = tuple(table for table in links._FOLLOWS_ORIGIN if table.name != "handovers")
    patch.setattr(links, "_FOLLOWS_ORIGIN", left)


def _a_child_is_never_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The last matter ends and the rows stay."""
    patch.setattr(Children, "forget", lambda _self, _child: None)


def _the_history_is_cut_short(patch: pytest.MonkeyPatch) -> None:
    """The first event of a history is not ordered."""
    lacking = Ordering._lacking
    patch.setattr(Ordering, "_lacking", lambda self, *rest: lacking(self, *rest)[1:])


def _a_move_waits_for_the_acceptance(patch: pytest.MonkeyPatch) -> None:
    """A reported move opens the handover and leaves the safety duty where it was."""
    patch.setattr(Children, "set_safety", lambda _self, _child, _area, _at_ms: None)


def _the_other_handovers_stay_open(patch: pytest.MonkeyPatch) -> None:
    """An acceptance brings the child's other handovers into line with nothing."""
    patch.setattr(Handovers, "settle", lambda _self, *_rest: None)


FAULTS: Final[dict[str, Fault]] = {
    "repeats are taken": Fault("P2", _repeats_are_taken),
    "the ledger forgets the order": Fault("P2", _the_ledger_forgets),
    "the previous number stands still": Fault("P2", _previous_stands_still),
    "a decline gives the case away": Fault("P5", _a_decline_gives_the_case),
    "a reader is forgotten": Fault("P1", _nobody_is_asked_to_grant),
    "a history is cut short": Fault("P1", _the_history_is_cut_short),
    "a routine event keeps a row": Fault("P12", _a_routine_event_keeps_a_row),
    "a child is never forgotten": Fault("P12", _a_child_is_never_forgotten),
    "a link forgets whose a name was": Fault("P10", _a_link_forgets_where_names_came_from),
    "handovers stay with the kept child": Fault("P5, P10", _handovers_stay_with_the_kept_child),
    "a move waits for the acceptance": Fault("P5", _a_move_waits_for_the_acceptance),
    "other handovers stay open": Fault("P5", _the_other_handovers_stay_open),
}
"""Each is found by itself; the promise is the one that the book then says is broken first, or one beside it."""
