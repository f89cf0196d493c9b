"""Seeded faults: what a programmer might forget, each put into the real program by hand, and each found by the machine."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from adapters.gateway.frontdoor.actions import Actions, Person
from adapters.gateway.frontdoor.asking import Asking
from broker.handover import deadlines, machine
from broker.routing.events import Events
from broker.routing.handovers import Handovers
from broker.routing.intake import Batch
from broker.routing.ordering import Ordering
from broker.routing.verify import ChainStep
from broker.store.gateway.inbox import Inbox
from broker.store.router import links, tables
from broker.store.router.children import Children
from broker.store.router.links import Links
from broker.store.router.outgoing import Outgoing
from schemas.control import ActionKind
from schemas.ids import EventId


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how it is put in, and the promise that it breaks."""

    promise: str
    put_in: Callable[[pytest.MonkeyPatch], None]
    in_tour: tuple[tuple[str, str], ...] = ()
    """Where on the tour it is met, of kind and stage, or as a story of its own; empty: in random lives."""


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
    patch.setattr(Ordering, "_lacking", lambda self, *rest: list(lacking(self, *rest))[1:])


def _a_move_waits_for_the_acceptance(patch: pytest.MonkeyPatch) -> None:
    """A reported move opens the handover and leaves the safety duty where it was."""
    patch.setattr(Children, "set_safety", lambda _self, _child, _area, _at_ms: None)


def _the_other_handovers_stay_open(patch: pytest.MonkeyPatch) -> None:
    """An acceptance brings the child's other handovers into line with nothing."""
    patch.setattr(Handovers, "settle", lambda _self, *_rest: None)


def _one_acceptance_takes_the_family(patch: pytest.MonkeyPatch) -> None:
    """Who accepts one child has accepted its brothers and sisters, too."""
    accept = Actions.accept

    def all_of_them(self: Actions, handover: str, by: Person, **rest: Any) -> EventId:
        for view in self.handovers():
            if view.handover.hex() != handover:
                accept(self, view.handover.hex(), by)
        return accept(self, handover, by, **rest)

    patch.setattr(Actions, "accept", all_of_them)


def _a_stay_gives_the_case(patch: pytest.MonkeyPatch) -> None:
    """Where a child stays for a while the case goes, too."""
    step = machine.step

    def generous(handover: machine.Handover, action: Any, now_ms: int) -> machine.Step:
        result = step(handover, action, now_ms)
        stays = isinstance(result, machine.Moved) and result.handover.state is machine.State.STAYING
        return replace(result, holder=handover.to_area) if stays else result  # type: ignore[arg-type]

    patch.setattr(machine, "step", generous)


def _acceptable(patch: pytest.MonkeyPatch, state: machine.State) -> None:
    step = machine.step

    def lenient(handover: machine.Handover, action: Any, now_ms: int) -> machine.Step:
        accepts = action.kind is ActionKind.ACCEPT and handover.state is state
        before = replace(handover, state=machine.State.NOTICED) if accepts else handover
        return step(before, action, now_ms)

    patch.setattr(machine, "step", lenient)


def _nobody_looks_at_a_stay_again(patch: pytest.MonkeyPatch) -> None:
    """A stay starts no clock."""
    owed = deadlines.owed_after

    def silent(action: ActionKind, *rest: Any) -> tuple[deadlines.Deadline, ...]:
        return () if action is ActionKind.ASK else owed(action, *rest)

    patch.setattr(deadlines, "owed_after", silent)


def _a_placement_says_nothing(patch: pytest.MonkeyPatch) -> None:
    """The area that places a child does not say that it keeps the case."""
    patch.setattr(Asking, "ask_by_policy", lambda _self, *_: [])


def _a_claim_makes_it_a_stay(patch: pytest.MonkeyPatch) -> None:
    """The new area says that a child was placed there, and the old one's gateway agrees to that."""
    patch.setattr(Asking, "_is_own_word", lambda _self, *_: False)


def _a_birth_loses_the_plan(patch: pytest.MonkeyPatch) -> None:
    """The number of a newborn is linked to the unborn one's record, and that one's plan is dropped."""
    bind = Links.bind

    def careless(self: Links, token: bytes, kept: Any, *rest: Any, **more: Any) -> None:
        bind(self, token, kept, *rest, **more)
        self._t.now.execute(tables.matters.delete().where(tables.matters.c.child == kept.child))

    patch.setattr(Links, "bind", careless)


FAULTS: Final[dict[str, Fault]] = {
    "repeats are taken": Fault("P2", _repeats_are_taken),
    "the ledger forgets the order": Fault("P2", _the_ledger_forgets),
    "the previous number stands still": Fault("P2", _previous_stands_still),
    "a decline gives the case away": Fault(
        "P5", _a_decline_gives_the_case, in_tour=(("permanent", "noticed"),)
    ),
    "a reader is forgotten": Fault("P1", _nobody_is_asked_to_grant),
    "a history is cut short": Fault("P1", _the_history_is_cut_short),
    "a routine event keeps a row": Fault("P12", _a_routine_event_keeps_a_row),
    "a child is never forgotten": Fault("P12", _a_child_is_never_forgotten, in_tour=(("ending", ""),)),
    "a link forgets whose a name was": Fault("P10", _a_link_forgets_where_names_came_from),
    "handovers stay with the kept child": Fault("P5, P10", _handovers_stay_with_the_kept_child),
    "a move waits for the acceptance": Fault("P5", _a_move_waits_for_the_acceptance),
    "other handovers stay open": Fault("P5", _the_other_handovers_stay_open),
    "one acceptance takes the family": Fault(
        "P5", _one_acceptance_takes_the_family, in_tour=(("family", "accept"),)
    ),
    "a stay gives the case away": Fault("P5", _a_stay_gives_the_case, in_tour=(("temporary", "staying"),)),
    "a stay is accepted": Fault(
        "P5",
        lambda patch: _acceptable(patch, machine.State.STAYING),
        in_tour=(("temporary", "staying"),),
    ),
    "the second acceptance wins": Fault(
        "P5",
        lambda patch: _acceptable(patch, machine.State.SUPERSEDED),
        in_tour=(("permanent", "superseded"),),
    ),
    "nobody looks at a stay again": Fault(
        "P6", _nobody_looks_at_a_stay_again, in_tour=(("temporary", "staying"),)
    ),
    "a placement says nothing": Fault("P6", _a_placement_says_nothing, in_tour=(("placement", "staying"),)),
    "a claim makes it a stay": Fault("P5", _a_claim_makes_it_a_stay, in_tour=(("claim", ""),)),
    "a birth loses the plan": Fault("P1", _a_birth_loses_the_plan, in_tour=(("birth", ""),)),
}
"""Each is found by itself; the promise is the one that the book then says is broken first, or one beside it."""
