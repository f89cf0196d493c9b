"""What a board slip may say at its end, and that one which does not say it keeps the bytes it always had."""

import json
from typing import Any, Final

import pytest

from adapters.gateway.sending.describing import informed, slip_of
from schemas import canonical
from schemas.events.base import Informed as Said
from schemas.reading import MalformedMessageError
from schemas.slip import BoardSlip, Heard, Informed, Whom
from tests.support.events import an_event

BARE: Final = ("plan.closed", "promote_welfare", "safeguarding_public_task", 1, 2, None)
BOTH = ((Whom.CHILD, Heard.TOLD), (Whom.PARENT, Heard.OBJECTED))


def a_slip(code: str | None = None, informed: Informed = ()) -> BoardSlip:
    return BoardSlip(*BARE, code, informed)


@pytest.mark.parametrize(
    ("slip", "items"),
    [
        pytest.param(a_slip(), [*BARE], id="neither"),
        pytest.param(a_slip("RC5"), [*BARE, "RC5"], id="a code"),
        pytest.param(a_slip(None, BOTH), [*BARE, None, [[1, 1], [2, 3]]], id="who was told"),
        pytest.param(a_slip("RC5", BOTH), [*BARE, "RC5", [[1, 1], [2, 3]]], id="both"),
    ],
)
def test_what_is_not_said_takes_no_item(slip: BoardSlip, items: list[Any]) -> None:
    assert canonical.encode(items) == slip.to_bytes()
    assert slip == BoardSlip.from_bytes(slip.to_bytes())


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param([None], id="a code that says nothing"),
        pytest.param([None, []], id="nobody informed"),
        pytest.param([None, None], id="no list"),
        pytest.param(["no code!", [[1, 1]]], id="no code"),
        pytest.param([None, [[2, 1], [1, 1]]], id="out of order"),
        pytest.param([None, [[1, 1], [1, 2]]], id="one twice"),
        pytest.param([None, [[4, 1]]], id="nobody of ours"),
        pytest.param([None, [[1, 4]]], id="no such outcome"),
        pytest.param([None, [["mother", "told"]]], id="words"),
        pytest.param([None, [[1, 1]], "more"], id="a ninth item"),
    ],
)
def test_a_second_spelling_and_anything_else_is_refused(rest: list[Any]) -> None:
    with pytest.raises(MalformedMessageError):
        BoardSlip.from_bytes(canonical.encode([*BARE, *rest]))


def said(person: str, told: str, **more: Any) -> Said:
    why = {} if told == "yes" else {"why": "Her partner reads her post."}
    return Said.model_validate_json(json.dumps({"person": person, "told": told} | why | more))


def test_it_says_by_role_who_was_told_and_no_more() -> None:
    """Two parents are one: not told where one was not, objecting where one did."""
    parents = [said("parent", "yes", who="father"), said("parent", "no_unsafe", who="mother")]
    objects = said("parent", "yes", objection="Wants no social worker.")

    assert () == informed([])
    assert ((Whom.CHILD, Heard.TOLD), (Whom.PARENT, Heard.NOT_TOLD)) == informed(
        [*parents, said("child", "yes")]
    )
    assert ((Whom.PARENT, Heard.OBJECTED),) == informed([objects, *parents])
    assert ((Whom.OTHER_ADULT, Heard.NOT_TOLD),) == informed([said("other_adult", "not_yet")])


def test_nothing_that_somebody_wrote_stands_on_a_slip() -> None:
    one = {
        "person": "parent",
        "told": "no_unsafe",
        "who": "canary mother",
        "why": "canary reason",
        "by": "canary worker",
        "safe_contact": "canary number",
        "objection": "canary objection",
    }
    slip = slip_of(an_event("plan.opened", informed=[one], purpose="promote_welfare", basis="court_order"))

    assert ((Whom.PARENT, Heard.OBJECTED),) == slip.informed
    assert b"canary" not in slip.to_bytes()
