"""Where a child is: what raises a possible move and what does not; unknown is a state; a sighting tells no area."""

from datetime import date, timedelta

import pytest

from adapters.gateway.errors import AreaHiddenError
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.record import whereabouts as w
from broker.store.router.children import ChildRow
from schemas.wire import InKind
from tests.support.events import CHILD, CUMBERLAND, WESTMORLAND, a_document
from tests.support.postroom import PostRoom

WORKER = Person("Rowan Example", "team manager")
HERE = {"residence": {"gss": CUMBERLAND}}
DAY = date(2026, 3, 2)


def contact(day: int = 0, place: tuple[str, ...] = (), area: str = WESTMORLAND) -> w.Contact:
    """One contact in the other area."""
    return w.Contact(f"event-{day}", area, DAY + timedelta(days=day), "contact_elsewhere", place)


QUIET = {"contact_elsewhere": (1, 6)}
AT_HOME = ("12 Example Street", "CA1 1AA")


@pytest.mark.parametrize(
    ("contacts", "known", "expected"),
    [
        pytest.param([contact()], {}, "Nothing", id="one day is an outing"),
        pytest.param([contact(0), contact(1)], {}, "Raise", id="a second day"),
        pytest.param([contact(0), contact(0)], {}, "Nothing", id="twice on one day"),
        pytest.param([contact(0, ("3 Elsewhere Road",))], {}, "Raise", id="a differing address"),
        pytest.param(
            [contact(0, ("12, Example St.", "ca11aa")), contact(1, ("12 EXAMPLE STREET", "CA1 1AA"))],
            {},
            "Nothing",
            id="the same address in another spelling",
        ),
        pytest.param([contact()], {"alert": True}, "AtOnce", id="at risk: one contact"),
        pytest.param([contact(0), contact(1)], {"usual": frozenset({WESTMORLAND})}, "Nothing", id="usual"),
        pytest.param([contact(0)], {"settled": {WESTMORLAND: DAY}, "alert": True}, "Nothing", id="settled"),
        pytest.param(
            [contact(0), contact(1)], {"settled": {WESTMORLAND: DAY}, "alert": True}, "AtOnce", id="and again"
        ),
        pytest.param([contact(0), contact(1)], {"acted": QUIET}, "DailyList", id="a rule seldom acted on"),
        pytest.param([contact()], {"acted": QUIET, "alert": True}, "AtOnce", id="but never for one at risk"),
        pytest.param(
            [contact(0), contact(1)], {"acted": {"contact_elsewhere": (2, 6)}}, "Raise", id="one in three"
        ),
        pytest.param([contact(0), contact(1)], {"home": WESTMORLAND}, "Nothing", id="the child lives there"),
    ],
)
def test_what_raises_a_possible_move(
    contacts: list[w.Contact], known: dict[str, object], expected: str
) -> None:
    whole = {"home": CUMBERLAND, "alert": False, "address": AT_HOME} | known

    assert expected == type(w.possible_move(WESTMORLAND, contacts, w.Known(**whole))).__name__  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param([], True, id="nothing known"),
        pytest.param(
            [a_document("da.incident", occurred_at="2025-03-03T08:00:00Z")], False, id="abuse, a year"
        ),
        pytest.param([a_document("da.incident", occurred_at="2025-03-01T08:00:00Z")], True, id="longer ago"),
        pytest.param([a_document("marac.listed")], False, id="MARAC"),
        pytest.param([a_document("sensitivity.set")], False, id="a flag"),
        pytest.param([a_document("concern.raised", sensitivity="sensitive")], False, id="sensitive"),
    ],
)
def test_an_area_is_told_only_where_nobody_need_hide(events: list[dict[str, object]], told: bool) -> None:
    assert told is w.may_tell_area(events, DAY)


def whole(room: PostRoom, name: str) -> str:
    """The handle of the one child that a member knows."""
    return next(str(item.child) for item in room[name].inbox(everything=True) if item.child)


def the_child(room: PostRoom) -> ChildRow:
    """The router's two facts about the one child."""
    with room.store.work() as work:
        token = room["cumberland"].home.keyring.tokens().token_now("nhs", CHILD)  # type: ignore[arg-type]
        return work.children.by_tokens([token.value])[0]


def test_contact_elsewhere_of_a_child_on_a_plan_is_raised_at_once_and_a_person_settles_it(
    room: PostRoom,
) -> None:
    """The other area's clinic writes one appointment: the case holder sees it; confirmed, the handover opens."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    room["health"].publish(a_document("appointment.missed", n=2, acting_area=WESTMORLAND))
    room.settle()
    finding, child = room["cumberland"].finding, whole(room, "cumberland")
    [raised] = finding.of(child).raised
    before = room["westmorland"].actions.handovers()
    finding.confirm(child, "moved", WESTMORLAND, WORKER, "The clinic has the new address.")
    room.settle()

    assert isinstance(raised, w.AtOnce)
    assert [] == before
    assert WESTMORLAND == room["westmorland"].actions.handovers()[0].safety
    after = finding.of(child)
    assert ((), WESTMORLAND) == (after.raised, after.where.area if isinstance(after.where, w.At) else None)


def test_a_place_marked_as_usual_is_not_raised_again(room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    finding = room["cumberland"].finding
    for n in (2, 3):
        room["health"].publish(a_document("appointment.missed", n=n, acting_area=WESTMORLAND))
        room.settle()
        if n == 2:
            finding.confirm(whole(room, "cumberland"), "usual_place", WESTMORLAND, WORKER, "Grandmother's.")
            room.settle()

    assert () == finding.of(whole(room, "cumberland")).raised
    assert [] == room["westmorland"].actions.handovers()


def test_unknown_is_a_state_with_an_owner_and_the_case_stays(room: PostRoom) -> None:
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    finding, child = room["cumberland"].finding, whole(room, "cumberland")
    finding.unknown(child, WORKER, ["visited twice"], "ask the school")
    room.settle()
    found = finding.of(child)

    assert found.needs_somebody
    assert isinstance(found.where, w.Unknown)
    assert "Rowan Example" == found.where.owner
    assert [] == room["westmorland"].actions.handovers()


def a_search(room: PostRoom) -> int:
    """A family is missing, a clinic of the other area sees the child; gives the sighting's number there."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    room.settle()
    room["cumberland"].publish(a_document("missing.child", n=2, **HERE))
    room.settle()
    room["health"].publish(
        a_document("missing.sighted", n=3, acting_area=WESTMORLAND, details={"place": {"gss": WESTMORLAND}})
    )
    room.settle()
    return next(item.number for item in room["westmorland"].inbox() if item.author_name == "Example health")


def everything_of(room: PostRoom, name: str) -> bytes:
    """All that a member's gateway holds, as bytes, and every event in it opened."""
    gateway = room[name]
    reads = [
        str(gateway.read(item.number, role="looks").document)
        for item in gateway.inbox(everything=True)
        if item.kind is InKind.VIEW
    ]
    files = [path.read_bytes() for path in gateway.home.folder.glob("*.db*")]
    return b"".join(files) + "".join(reads).encode()


def test_those_who_look_for_a_child_hear_that_it_is_safe_and_never_where(room: PostRoom) -> None:
    """The sighting goes to the finding area alone; the raiser hears the exchange's own word, without author or area."""
    number = a_search(room)
    before = everything_of(room, "cumberland")
    room["westmorland"].finding.seen(number, "yes", WORKER, "Seen at the clinic with her mother.")
    room.settle()

    says = [str(item.says) for item in room["cumberland"].inbox() if item.kind is InKind.NOTICE]
    after = everything_of(room, "cumberland")
    door = str(room.exchange.members["westmorland"]).encode()
    # The directory names every area; the record must not.
    for held in (before, after):
        assert WESTMORLAND.encode() not in held
        assert door not in held
    assert 1 == len(says)
    assert "was seen, and is safe" in says[0]
    assert isinstance(room["cumberland"].finding.of(whole(room, "cumberland")).where, w.Missing)


def test_a_person_may_let_the_area_be_known_unless_somebody_must_stay_hidden(room: PostRoom) -> None:
    number = a_search(room)
    room["police"].publish(
        a_document("da.incident", n=9, acting_area=WESTMORLAND, residence={"gss": WESTMORLAND})
    )
    room.settle()

    with pytest.raises(AreaHiddenError):
        room["westmorland"].finding.tell_area(number, WORKER, "The mother agrees.")


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        pytest.param(
            "secure.entered", {"home_area": CUMBERLAND, "host_area": WESTMORLAND}, id="into a secure setting"
        ),
        pytest.param(
            "secure.leaving",
            {"host_area": "E06000047", "release_area": WESTMORLAND},
            id="out of a secure setting",
        ),
        pytest.param(
            "move.notified", {"to_area": None, "to_place": {"postcode": "LA9 4DQ"}}, id="a postcode alone"
        ),
    ],
)
def test_where_a_child_is_said_to_be_is_where_the_duty_went(
    room: PostRoom, kind: str, details: dict[str, object]
) -> None:
    """However the author says where to: both front doors read the area that has the safety duty, and not UNKNOWN."""
    room["cumberland"].publish(a_document("plan.opened", n=1, **HERE))
    later = {"occurred_at": "2026-03-02T11:00:00Z", "residence": {"gss": WESTMORLAND}}
    room["cumberland"].publish(a_document(kind, n=2, details=details, **later))
    room.settle()

    for name in ("cumberland", "westmorland"):
        [found] = room[name].finding.children()
        assert isinstance(found.where, w.At)
        assert (WESTMORLAND, kind) == (found.where.area, found.where.says)
        assert {WESTMORLAND} == {view.safety for view in room[name].actions.handovers()}


@pytest.mark.parametrize(
    ("occurred_at", "day"),
    [
        ("2026-03-28T23:30:00Z", date(2026, 3, 28)),
        ("2026-03-29T23:30:00Z", date(2026, 3, 30)),
        ("2026-10-24T23:30:00Z", date(2026, 10, 25)),
        ("2026-10-25T23:30:00Z", date(2026, 10, 25)),
        ("2028-02-29T12:00:00+00:00", date(2028, 2, 29)),
        ("2028-02-29", date(2028, 2, 29)),
        ("never", date.min),
    ],
    ids=["before summer time", "its first night", "its last night", "after it", "29 February", "a day", "no"],
)
def test_a_late_evening_counts_on_the_day_that_it_was_in_england(occurred_at: str, day: date) -> None:
    assert day == w.day_of({"occurred_at": occurred_at})
