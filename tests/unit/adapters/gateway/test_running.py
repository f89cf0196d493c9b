"""What a running gateway does after a delivery, for each handover by itself."""

import pytest

from adapters.gateway.errors import NobodyToReadError
from adapters.gateway.frontdoor.actions import Actions, Person
from adapters.gateway.run import GatewayService
from schemas.ids import EventId
from tests.rig.cast import children
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom

WORKER = Person("Rowan Example", "social worker")


def test_a_history_of_which_nothing_can_be_said_holds_up_no_other(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = room["cumberland"], room["westmorland"]
    for n, one in enumerate(children(3)):
        about = {"subject": {"nhs_number": one}}
        here = {"residence": {"gss": CUMBERLAND}, "details": {"plan_ref": f"plan-{n}"}}
        old.publish(a_document("plan.opened", n=n, **about, **here))
        room.settle()
        room["health"].publish(a_document("move.notified", n=10 + n, **about))
        room.settle()
    say_whole = Actions.verify_whole
    with monkeypatch.context() as held_back:
        held_back.setattr(Actions, "verify_whole", lambda _self, _only=None: [])
        for view in old.actions.handovers():
            old.actions.release(view.handover.hex(), WORKER)
        room.settle()
    poor = new.actions.handovers()[1].handover

    def at_a_loss(self: Actions, only: frozenset[bytes] | None = None) -> list[EventId]:
        if only is None or poor in only:
            raise NobodyToReadError
        return say_whole(self, only)

    monkeypatch.setattr(Actions, "verify_whole", at_a_loss)
    GatewayService(new)._say_what_follows(None)
    with new.home.store.look() as work:
        said = {row.handover: row.verify_sent for row in work.inbox.handovers()}

    assert {view.handover: view.handover != poor for view in new.actions.handovers()} == said
