"""The hold after a marker of danger is a clock of the policy: its length is data, its end a quarter of a day."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from broker.clock import from_ms
from broker.store.router import tables as t
from schemas.policy import Policy
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Stopped

QUARTER = timedelta(hours=6)
HERE: Any = {"residence": {"gss": CUMBERLAND}}


def held_until(room: PostRoom) -> list[datetime]:
    with room.store.work() as work:
        return [from_ms(one) for one in work.connection.scalars(sa.select(t.protections.c.hold_until_ms))]


@pytest.mark.parametrize("hours", [72, 24], ids=["as delivered", "a practice of one day"])
def test_the_router_holds_as_long_as_the_policy_says(tmp_path: Path, hours: int) -> None:
    turned = Stopped()
    room = a_postroom(tmp_path, turned)
    policy = room.exchange.directory.policy
    clocks = [
        one.model_copy(update={"amount": hours}) if one.key == "hidden-hold" else one for one in policy.clocks
    ]
    whole = {name: getattr(policy, name) for name in Policy.model_fields}
    room.exchange.issuer().adopt_policy(Policy.model_validate(whole | {"clocks": tuple(clocks)}))
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room["police"].publish(a_document("da.incident", n=2, **HERE))
    room.settle()

    [ends] = held_until(room)
    assert timedelta(hours=hours) <= ends - turned.now < timedelta(hours=hours) + QUARTER
    assert (0, 0, 0) == (ends.hour % 6, ends.minute, ends.second)
    # It is written down once: what comes later reckons nothing anew.
    turned.now += timedelta(days=1)
    room["school"].publish(a_document("attendance.summary", n=3, **HERE))
    room.settle()
    assert [ends] == held_until(room)
    room.close()
