"""Many events in one commit: in their order, all of them or none."""

import pytest

from schemas.errors import EventRefusedError
from tests.support.events import CUMBERLAND, a_document
from tests.support.postroom import PostRoom

HERE = {"residence": {"gss": CUMBERLAND}}


def test_many_arrive_in_the_order_in_which_they_were_given(room: PostRoom) -> None:
    documents = [a_document("concern.raised", n=1, **HERE)]
    documents += [a_document("appointment.missed", n=n, **HERE) for n in (2, 3, 4)]
    sent = room["health"].publish_many(documents)
    room.settle()

    assert [one.raw for one in sent] == [item.message_id for item in room["cumberland"].inbox()]


def test_one_that_is_refused_keeps_all_of_them_back(room: PostRoom) -> None:
    good, bad = a_document("concern.raised", n=1, **HERE), a_document("concern.raised", n=2, **HERE)
    with pytest.raises(EventRefusedError):
        room["health"].publish_many([good, bad | {"type": "no.such"}])

    assert [] == room["health"].outbox()
