"""S1 and S3 of the domain notes with their own dates, over real processes. A scenario is data: others are added here."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.clock import from_ms
from broker.store.audit.rows import Question, Scope
from schemas.audit import EntryKind
from schemas.catalogue import parse_event
from schemas.codes.cases import ClockStart
from schemas.codes.members import MemberKind as Kind
from schemas.default_policy import default_policy
from schemas.errors import EventRefusedError
from schemas.handover import HandoverView
from schemas.policy import Policy
from tests.support.events import a_document
from tests.support.exchange import settled
from tests.support.scenario import LONDON, Does, Never, Says, Scenario, Sees, Stage, played, uk
from tests.support.turning import FAKETIME

CUMBERLAND: Final = "E06000063"
LANCASHIRE: Final = "E10000017"
FYLDE: Final = "E07000119"
LANCASTER: Final = "E07000121"
WORKER: Final = Person("Rowan Example", "social worker")
MANAGER: Final = Person("Kim Example", "team manager")
AVA: Final = {"nhs_number": "9990000018"}
BOY: Final = {"nhs_number": "9990000042"}
PLAN: Final = {
    "plan_ref": "plan-ava",
    "initial_category": "SAB",
    "latest_category": "NEG",
}

pytestmark = [
    pytest.mark.skipif(not FAKETIME, reason="needs libfaketime (Debian: faketime)"),
    pytest.mark.timeout(900),
]


def view(gateway: Gateway) -> HandoverView | None:
    """The one handover that a front door shows, or None."""
    return next(iter(gateway.actions.handovers()), None)


def reference(gateway: Gateway) -> str:
    """Its id."""
    found = view(gateway)
    assert found is not None
    return found.handover.hex()


def due(gateway: Gateway, kind: str) -> datetime | None:
    """Until when something is owed, as the clock on the wall has it."""
    found = view(gateway)
    dates = [one.due_ms for one in found.due if one.kind == kind] if found is not None else []
    return from_ms(dates[0]).astimezone(LONDON) if dates else None


def held_by(area: str, safety: str) -> Any:
    """A check: who holds the case and who has the safety duty."""
    return lambda gateway, _: (found := view(gateway)) and (found.holder, found.safety) == (area, safety)


S1_DUE: Final = {
    ClockStart.NOTIFIED: None,
    ClockStart.WRITTEN_PACK_RECEIVED: (4, 17),
    ClockStart.ACCEPTED: (4, 20),
}
"""Fifteen working days from Monday 23, Wednesday 25 and Thursday 26 March; Good Friday and Easter Monday left out."""


def s1(start: ClockStart) -> Scenario:
    """Ava moves from Cumberland to Fylde on a protection plan; the new area counts from ``start``."""
    knows, pack, accepted = uk(2026, 3, 23, 10, 5), uk(2026, 3, 25, 14), uk(2026, 3, 26, 11)
    local = S1_DUE[start]
    told = ("cumberland", "lancashire")
    return Scenario(
        cast={
            "cumberland": (Kind.SOCIAL_CARE, (CUMBERLAND,)),
            "lancashire": (Kind.SOCIAL_CARE, (LANCASHIRE,)),
            "nurses": (Kind.HEALTH_PROVIDER, (LANCASHIRE,)),
            "school": (Kind.SCHOOL, (CUMBERLAND,)),
            "fylde-housing": (Kind.HOUSING, (FYLDE,)),
            "cumbria-board": (Kind.BOARD, (CUMBERLAND,)),
            "lancashire-board": (Kind.BOARD, (LANCASHIRE,)),
        },
        clocks={LANCASHIRE: start},
        begins=uk(2026, 3, 16),
        steps=(
            Says(
                uk(2026, 3, 16, 9),
                "cumberland",
                "plan.opened",
                CUMBERLAND,
                AVA,
                PLAN | {"started_on": "2026-01-12"},
                arrives=("cumberland",),
            ),
            Says(uk(2026, 3, 17, 9), "school", "concern.raised", CUMBERLAND, AVA, arrives=("cumberland",)),
            Says(
                knows,
                "cumberland",
                "move.notified",
                CUMBERLAND,
                AVA,
                {
                    "from_area": CUMBERLAND,
                    "to_area": FYLDE,
                    "known_at": knows.isoformat(),
                    "live": ["child_protection_plan"],
                },
                arrives=told,
            ),
            Sees(knows, "lancashire", "who holds the case", held_by(CUMBERLAND, LANCASHIRE)),
            Sees(knows, "cumberland", "the same", held_by(CUMBERLAND, LANCASHIRE)),
            Does(pack, "cumberland", lambda g, _: g.actions.release(reference(g), WORKER)),
            Sees(pack, "lancashire", "the whole history", lambda g, _: (v := view(g)) and v.verified),
            Sees(pack, "lancashire", "whose it still is", held_by(CUMBERLAND, LANCASHIRE)),
            Sees(
                pack,
                "lancashire",
                "the earlier category",
                lambda g, s: any(
                    one["details"].get("initial_category") == "SAB"
                    for one in (line.read.document for line in g.chronology(_child(g)))
                    if one["type"] == "plan.opened"
                ),
            ),
            Does(
                accepted, "lancashire", lambda g, _: g.actions.accept(reference(g), MANAGER, conference=True)
            ),
            *(Sees(accepted, who, "the new case holder", held_by(LANCASHIRE, LANCASHIRE)) for who in told),
            *(
                Sees(
                    accepted,
                    who,
                    "the conference's date from being notified",
                    lambda g, _: (d := due(g, "conference")) and (d.month, d.day) == (4, 15),
                )
                for who in told
            ),
            *(
                Sees(
                    accepted,
                    who,
                    "the area's own clock beside it",
                    lambda g, _: (
                        ((d := due(g, "conference-local")) and (d.month, d.day) == local)
                        or (local is None and due(g, "conference-local") is None)
                    ),
                )
                for who in told
            ),
            Does(
                accepted,
                "lancashire",
                lambda g, s: g.actions.involve(dict(AVA), s.member("nurses"), MANAGER),
            ),
            Sees(
                accepted,
                "lancashire",
                "that the nurses are involved",
                lambda _, s: "involvement.confirmed" in s.types("lancashire"),
            ),
            Says(
                uk(2026, 3, 27), "lancashire", "plan.changed", LANCASHIRE, AVA, PLAN, arrives=("lancashire",)
            ),
            Sees(
                uk(2026, 3, 27),
                "nurses",
                "the changed plan",
                lambda _, s: "plan.changed" in s.types("nurses"),
            ),
            *(
                Sees(
                    uk(2026, 4, 16),
                    who,
                    "that no conference was held in time",
                    lambda g, _: any(one.kind == "conference" and one.late for one in view(g).due),  # type: ignore[union-attr]
                )
                for who in told
            ),
        ),
        never=(Never(("fylde-housing",), ("9990000018", "plan-ava")),),
    )


def _child(gateway: Gateway) -> str:
    return next(str(item.child) for item in gateway.inbox(everything=True) if item.child)


@pytest.mark.parametrize("start", list(S1_DUE), ids=lambda start: start.value)
async def test_s1_a_permanent_move_on_a_plan(tmp_path: Path, start: ClockStart) -> None:
    async with played(tmp_path, s1(start)) as stage:
        await stage.play()

        assert [] == stage.gateways["fylde-housing"].inbox(everything=True)
        for board in stage.boards:
            await _counts_it_late(stage, board)


async def _counts_it_late(stage: Stage, board: str) -> None:
    """The board's own log has the conference as overdue."""
    areas = frozenset(str(area) for area in stage.story.cast[board][1])
    question = Question(Scope(areas, frozenset()), kinds=(EntryKind.OVERDUE.value,))

    def late() -> bool:
        with stage.boards[board].work() as work:
            found = work.answer(question)
        return any(b"conference" in one.row.body for one in found)

    await settled(late, within=60, what=f"the late conference at {board}")


def in_force() -> Policy:
    """The default policy, as it will be when s.213AA has commenced."""
    policy = default_policy()
    clocks = tuple(
        clock.model_copy(update={"awaiting_commencement": False}) if clock.key == "housing-213aa" else clock
        for clock in policy.clocks
    )
    bases = tuple(
        one.model_copy(update={"awaiting_commencement": False})
        if one.basis.value == "housing_agreement_213aa"
        else one
        for one in policy.bases
    )
    return policy.model_copy(update={"clocks": clocks, "bases": bases})


PLACED: Final = {
    "from_area": LANCASTER,
    "to_area": CUMBERLAND,
    "function": "interim duty to accommodate",
    "available_from": "2026-05-01",
    "others_in_household": 2,
}
AGREED: Final = {"agreed": True, "on": "2026-05-05", "details_given_on": "2026-05-06"}


def owed(gateway: Gateway) -> dict[str, tuple[int, int]]:
    """What a gateway's own clocks say is owed: key to month and day."""
    found = {}
    for row in gateway.clocking.open():
        if row.due_ms is not None:
            day = from_ms(row.due_ms).astimezone(LONDON)
            found[row.key] = (day.month, day.day)
    return found


S3: Final = Scenario(
    cast={
        "lancashire": (Kind.SOCIAL_CARE, (LANCASHIRE,)),
        "cumberland": (Kind.SOCIAL_CARE, (CUMBERLAND,)),
        "lancaster-housing": (Kind.HOUSING, (LANCASTER,)),
        "carlisle-housing": (Kind.HOUSING, (CUMBERLAND,)),
        "lancashire-education": (Kind.EDUCATION, (LANCASHIRE,)),
        "cumberland-education": (Kind.EDUCATION, (CUMBERLAND,)),
        "school": (Kind.SCHOOL, (LANCASHIRE,)),
    },
    begins=uk(2026, 4, 20),
    policy=in_force,
    steps=(
        Says(
            uk(2026, 4, 20),
            "lancashire",
            "plan.opened",
            LANCASHIRE,
            BOY,
            {"plan": "child_in_need", "plan_ref": "cin-1", "started_on": "2026-04-20"},
            arrives=("lancashire",),
        ),
        Says(
            uk(2026, 5, 1, 15),
            "lancaster-housing",
            "temp_accommodation.placed",
            LANCASTER,
            BOY,
            PLACED,
            more={"residence": {"gss": CUMBERLAND, "temporary": True}},
            arrives=("lancashire", "cumberland", "carlisle-housing"),
        ),
        Sees(uk(2026, 5, 1, 15), "cumberland", "the safety duty", held_by(LANCASHIRE, CUMBERLAND)),
        Sees(
            uk(2026, 5, 1, 15),
            "lancaster-housing",
            "the notice due on 14 May",
            lambda g, _: owed(g).get("housing-notice") == (5, 14) and "housing-213aa" not in owed(g),
        ),
        Says(
            uk(2026, 5, 6, 12),
            "lancaster-housing",
            "temp_accommodation.placed",
            LANCASTER,
            BOY,
            {**PLACED, "agreement": AGREED},
            more={"residence": {"gss": CUMBERLAND, "temporary": True}, "basis": "housing_agreement_213aa"},
            arrives=("cumberland",),
        ),
        Sees(
            uk(2026, 5, 6, 12),
            "lancaster-housing",
            "the notice to practice and school due on 19 May",
            lambda g, _: owed(g).get("housing-213aa") == (5, 19),
        ),
        Says(
            uk(2026, 5, 8),
            "school",
            "attendance.summary",
            LANCASHIRE,
            BOY,
            more={"residence": {"gss": CUMBERLAND}},
            arrives=("lancashire", "lancashire-education"),
        ),
    ),
    never=(Never(("school",), ("interim duty",)),),
)


async def test_s3_a_homeless_family_placed_in_another_district(tmp_path: Path) -> None:
    async with played(tmp_path, S3) as stage:
        await stage.play()

        assert held_by(LANCASHIRE, CUMBERLAND)(stage.gateways["lancashire"], stage)
        assert [] == stage.gateways["cumberland-education"].inbox()


def test_without_agreement_that_footing_is_refused_and_another_one_goes() -> None:
    """Both outcomes are distinct: refused by its rule, or published under a safeguarding basis."""
    document = a_document("temp_accommodation.placed", details=PLACED, basis="housing_agreement_213aa")
    with pytest.raises(EventRefusedError, match="agreement"):
        parse_event(document)

    assert parse_event(document | {"basis": "safeguarding_public_task"}).basis == "safeguarding_public_task"
