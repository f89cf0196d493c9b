"""What each board is shown: its own areas' entries and no others, by every way of asking."""

from pathlib import Path
from typing import Any

import pytest

from broker.store.audit.rows import Scope
from broker.store.audit.store import AuditStore
from schemas.audit import EntryKind
from tests.support.audit_trail import AT_MS, Trail, an_id, ask
from tests.support.directory import CUMBERLAND, WESTMORLAND

THIRD = "E06000047"
BOTH = [CUMBERLAND, WESTMORLAND]


def _a_move() -> tuple[Trail, dict[str, int]]:
    """A child of Cumberland moves to Westmorland; its history follows; life goes on there. Then it moves on."""
    trail, at = Trail(), {}
    child, order, handover = an_id("child"), an_id("order"), an_id("handover")
    at["token"] = trail.add(EntryKind.CHILD_TOKEN, child=child, tokens=[an_id("nhs")], areas=[CUMBERLAND])
    at["opened"] = trail.add(
        EntryKind.MATTER_OPENED,
        child=child,
        event=an_id("plan"),
        area=CUMBERLAND,
        by=trail.member("cumberland"),
    )
    at["before"] = trail.taken("plan", author="cumberland")
    at["read before"] = trail.add(
        EntryKind.RECEIPT, event=an_id("plan"), reader=trail.member("cumberland"), number=1, receipt=2
    )
    sides = {"from_area": CUMBERLAND, "to_area": WESTMORLAND, "holder": CUMBERLAND, "safety": WESTMORLAND}
    at["noticed"] = trail.add(EntryKind.HANDOVER, child=child, handover=handover, step="noticed", **sides)
    at["move"] = trail.taken("move", author="health", holder=CUMBERLAND, safety=WESTMORLAND, areas=BOTH)
    at["withheld"] = trail.add(EntryKind.WITHHELD, child=child, event=an_id("move"), readers=["m-x"])
    at["order"] = trail.add(
        EntryKind.ORDER,
        child=child,
        order=order,
        grantor=trail.member("cumberland"),
        reader=trail.member("westmorland"),
        evidence=an_id("move"),
        events=[an_id("plan")],
        handover=handover,
    )
    at["granted"] = trail.add(
        EntryKind.GRANTED,
        child=child,
        order=order,
        event=an_id("plan"),
        grantor=trail.member("cumberland"),
        reader=trail.member("westmorland"),
    )
    at["late"] = trail.add(
        EntryKind.OVERDUE, child=child, about=handover, owed="acceptance", owner="m", due_ms=1
    )
    at["after"] = trail.taken("new school", area=WESTMORLAND, author="health")
    at["read after"] = trail.add(
        EntryKind.RECEIPT, event=an_id("new school"), reader=trail.member("westmorland"), number=3, receipt=2
    )
    at["onward"] = trail.add(
        EntryKind.HANDOVER,
        child=child,
        handover=an_id("second"),
        step="noticed",
        from_area=WESTMORLAND,
        to_area=THIRD,
        holder=WESTMORLAND,
        safety=THIRD,
    )
    return trail, at


OLD_SIDE = {
    "token",
    "opened",
    "before",
    "read before",
    "noticed",
    "move",
    "withheld",
    "order",
    "granted",
    "late",
}
NEW_SIDE = {"noticed", "move", "withheld", "order", "granted", "late", "after", "read after", "onward"}


@pytest.mark.parametrize(
    ("areas", "shown"),
    [
        pytest.param([CUMBERLAND], OLD_SIDE, id="the old area's board: until the child has gone"),
        pytest.param([WESTMORLAND], NEW_SIDE, id="the new area's board: from the notice on"),
        pytest.param([THIRD], {"onward"}, id="a third area's board: only its own handover"),
        pytest.param(BOTH, OLD_SIDE | NEW_SIDE, id="a board of both areas: all of it, once"),
        pytest.param(["E06000001"], set(), id="a board elsewhere: nothing"),
    ],
)
@pytest.mark.parametrize("by", ["everything", "nhs"])
def test_a_childs_move_is_seen_by_each_board_for_its_own_side_and_time(
    tmp_path: Path, areas: list[str], shown: set[str], by: str
) -> None:
    trail, at = _a_move()
    with trail.store(tmp_path / "audit.db") as store:
        records = None if by == "everything" else _by_token(store, "nhs")

        assert sorted(at[name] for name in shown) == ask(store, *areas, records=records)


def test_an_entry_about_a_member_is_for_the_boards_that_the_member_serves(tmp_path: Path) -> None:
    """It names no area: refusals, lost messages, floods, deliveries sent again."""
    trail = Trail()
    for kind, role in ((EntryKind.REFUSED, "member"), (EntryKind.CHAIN_GAP, "author"), (EntryKind.FLOOD, "member"),
                       (EntryKind.SENT_AGAIN, "reader")):  # fmt: skip
        trail.add(kind, **{role: trail.member("school")})
    with trail.store(tmp_path / "audit.db") as store:
        assert [1, 2, 3, 4] == ask(store, members=[trail.member("school")])
        assert [] == ask(store, members=[trail.member("police")])
        assert [] == ask(store)


@pytest.mark.parametrize("kind", sorted(set(EntryKind) - {EntryKind.REFUSED, EntryKind.CHAIN_GAP, EntryKind.FLOOD,
                                                       EntryKind.SENT_AGAIN}))  # fmt: skip
def test_an_entry_that_names_no_area_is_no_boards(tmp_path: Path, kind: EntryKind) -> None:
    """Not even where its author serves the board: whose child it is about is not known."""
    trail = Trail()
    trail.add(kind, child=an_id("child"), event=an_id("event"), author=trail.member("school"))
    with trail.store(tmp_path / "audit.db") as store:
        assert [] == ask(store, *BOTH, members=[trail.member("school")])


def test_an_author_cannot_tie_its_event_to_another_areas_handover(tmp_path: Path) -> None:
    """An event's id is its author's choice; naming it after a handover must not show that handover to its board."""
    trail, at = _a_move()
    for name in ("handover", "order", "child"):
        trail.taken(name, child="another", area=THIRD, author="police")
    with trail.store(tmp_path / "audit.db") as store:
        shown = ask(store, THIRD)

    assert [at["onward"], *range(at["onward"] + 1, at["onward"] + 4)] == shown


def test_a_case_reference_finds_only_what_this_boards_events_carry(tmp_path: Path) -> None:
    """Two areas may use the same number for two children."""
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    here = trail.taken("here", slip=(key, "plan.opened", "17"))
    later = trail.taken("later")
    there = trail.taken("there", child="another", area=WESTMORLAND, slip=(key, "plan.opened", "17"))
    with trail.store(tmp_path / "audit.db") as store:
        assert [here, later] == ask(store, CUMBERLAND, records=_by_case(store, "17", CUMBERLAND))
        assert [there] == ask(store, WESTMORLAND, records=_by_case(store, "17", WESTMORLAND))
        assert frozenset() == _by_case(store, "17", THIRD)
        assert frozenset() == _by_case(store, "18", CUMBERLAND)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"member": "school"}, [1, 4], id="a member as author"),
        pytest.param({"member": "cumberland"}, [1, 2, 3, 4], id="a member as reader too"),
        pytest.param({"area": WESTMORLAND}, [2, 5], id="an area"),
        pytest.param({"kinds": ("receipt",)}, [3], id="a kind"),
        pytest.param({"kinds": ("receipt", "taken"), "area": CUMBERLAND}, [1, 2, 3, 4], id="two kinds, an area"),
        pytest.param({"since_ms": AT_MS + 2000, "until_ms": AT_MS + 4000}, [2, 3], id="a time, its end not included"),
        pytest.param({"records": frozenset({an_id("child")})}, [1, 2, 3], id="a child"),
        pytest.param({"records": frozenset({an_id("child")}), "member": "health"}, [2], id="a child and a member"),
        pytest.param({"records": frozenset({an_id("child")}), "area": WESTMORLAND, "kinds": ("taken",),
                      "member": "health", "since_ms": AT_MS}, [2], id="all at once"),
        pytest.param({"records": frozenset()}, [], id="no child at all"),
        pytest.param({"most": 2}, [1, 2], id="the first two"),
        pytest.param({"area": THIRD}, [], id="an area of another board"),
    ],
)  # fmt: skip
def test_questions_combine(tmp_path: Path, asked: dict[str, Any], expected: list[int]) -> None:
    trail = Trail()
    trail.taken("first")
    trail.taken("second", author="health", holder=CUMBERLAND, safety=WESTMORLAND, areas=BOTH)
    trail.add(EntryKind.RECEIPT, event=an_id("first"), reader=trail.member("cumberland"), number=1, receipt=1)
    trail.taken("third", child="another")
    trail.taken("fourth", child="another", area=WESTMORLAND, author="police", readers=[])
    if "member" in asked:
        asked = asked | {"member": trail.member(asked["member"])}
    with trail.store(tmp_path / "audit.db") as store:
        assert expected == ask(store, **asked)


def _linked(trail: Trail, **more: Any) -> int:
    return trail.add(
        EntryKind.LINKED,
        child=an_id("child"),
        event=an_id("link"),
        author=trail.member("cumberland"),
        areas=[CUMBERLAND],
        **({"merged": [], "bound": [], "tokens": [an_id("nhs"), an_id("upn")]} | more),
    )


def _unlinked(trail: Trail, split: str) -> int:
    return trail.add(
        EntryKind.UNLINKED,
        child=an_id("child"),
        event=an_id("unlink"),
        author=trail.member("cumberland"),
        areas=[CUMBERLAND],
        split=an_id(split),
        told=[],
    )


@pytest.mark.parametrize(
    "bound", [True, False], ids=["the pupil number had no record", "it had one of its own"]
)
def test_a_link_joins_the_questions_and_its_undoing_parts_them_again(tmp_path: Path, bound: bool) -> None:
    """After the undoing each number finds what came under it, also while the link stood."""
    trail = Trail()
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("child"), tokens=[an_id("nhs")], areas=[CUMBERLAND])
    by_nhs = [trail.number, trail.taken("health visit", author="health")]
    by_upn: list[int] = []
    if not bound:
        trail.add(EntryKind.CHILD_TOKEN, child=an_id("other"), tokens=[an_id("upn")], areas=[CUMBERLAND])
        by_upn += [trail.number, trail.taken("absence", child="other")]
    joined = {"bound": [[an_id("upn"), an_id("other")]]} if bound else {"merged": [an_id("other")]}
    link = _linked(trail, **joined)
    by_upn.append(trail.taken("second absence", child="child", origin=an_id("other")))
    by_nhs.append(trail.taken("second visit", author="health"))
    with trail.store(tmp_path / "audit.db") as store:
        together = sorted([*by_nhs, *by_upn, link])

        assert together == ask(store, records=_by_token(store, "nhs"))
        assert together == ask(store, records=_by_token(store, "upn"))

    undone = _unlinked(trail, "other")
    with trail.store(tmp_path / "later.db") as store:
        assert sorted([*by_nhs, link, undone]) == ask(store, records=_by_token(store, "nhs"))
        assert sorted([*by_upn, link, undone]) == ask(store, records=_by_token(store, "upn"))


def test_a_link_that_is_made_again_after_its_undoing_counts(tmp_path: Path) -> None:
    trail = Trail()
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("child"), tokens=[an_id("nhs")], areas=[CUMBERLAND])
    trail.add(EntryKind.CHILD_TOKEN, child=an_id("other"), tokens=[an_id("upn")], areas=[CUMBERLAND])
    _linked(trail, merged=[an_id("other")])
    _unlinked(trail, "other")
    _linked(trail, merged=[an_id("other")])
    with trail.store(tmp_path / "audit.db", trail.entries[::-1]) as store:
        assert {an_id("child"), an_id("other")} == _by_token(store, "upn")


def _by_token(store: AuditStore, name: str) -> frozenset[bytes]:
    with store.work() as work:
        return work.records_by_token(an_id(name))


def _by_case(store: AuditStore, case_ref: str, *areas: str) -> frozenset[bytes]:
    with store.work() as work:
        return work.records_by_case(case_ref, Scope(frozenset(areas)))
