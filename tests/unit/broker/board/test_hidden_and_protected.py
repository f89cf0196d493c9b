"""A hidden destination reaches no answer, list or export of the old area's board; a protected child takes two people."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.audit.receipts import Receipts
from broker.board.exporting import Asking, export, kept_back
from broker.board.mirror import Mirror
from broker.board.questions import (
    CATALOGUE,
    Mark,
    NeedsApprovalError,
    NotAnsweredError,
    Takes,
    approve,
    to_json,
    waiting,
)
from broker.board.questions.cli import as_spreadsheet
from broker.board.questions.paper import as_pdf
from broker.board.releasing import of_others, release
from broker.board.showing import View, as_csv, as_document, names_of
from broker.clock import to_ms
from broker.crypto.notes import Head, cosign, sign_head
from broker.crypto.tree import leaf_hash, root_of
from broker.store.audit.rows import Came
from broker.store.audit.store import AuditStore
from schemas.audit import EntryKind
from schemas.wire import EventClass, ReceiptKind
from tests.support.audit_trail import AT_MS, Trail, an_id
from tests.support.board import ASKED_AT, Board, a_board_of, table
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.exchange import Exchange
from tests.support.paper import words

ASK: dict[str, Any] = {
    "case_ref": None,
    "nhs": None,
    "upn": None,
    "member": None,
    "area": None,
    "since": None,
    "until": None,
    "kinds": (),
    "most": 0,
}


def flight() -> Trail:
    """From Cumberland to Westmorland, hidden; a sibling whose record was joined by mistake; a child of no secret."""
    trail = Trail()
    key, setup = trail.key()
    trail.add(EntryKind.SLIP_KEY, **setup)
    trail.taken("plan", slip=(key, "plan.opened", "CC-1"))
    hidden: dict[str, Any] = {"safety": WESTMORLAND, "areas": [CUMBERLAND, WESTMORLAND]}
    readers = [[trail.member("westmorland"), 1], [trail.member("cumberland"), 2]]
    trail.taken("flight", event_class=EventClass.MOVE, sealed=True, readers=readers, **hidden)
    move = {
        "child": an_id("child"),
        "handover": an_id("flight"),
        "withheld": True,
        "evidence": an_id("flight"),
    }
    for step in ("noticed", "decline", "release", "accept"):
        sides = {"from_area": CUMBERLAND, "to_area": WESTMORLAND, "holder": CUMBERLAND, "safety": WESTMORLAND}
        trail.add(EntryKind.HANDOVER, step=step, state="noticed", **(move | sides))
    trail.receipt("flight", "westmorland", ReceiptKind.OPENED)
    trail.taken("school", slip=(key, "attendance.summary", "CC-1"), readers=readers, **hidden)
    trail.taken("sibling", child="sibling", slip=(key, "plan.opened", "CC-2"))
    pair = {"kept": an_id("child"), "merged": [an_id("sibling")], "bound": [], "areas": [CUMBERLAND]}
    trail.add(
        EntryKind.LINKED, event=an_id("link"), child=an_id("child"), by=trail.member("cumberland"), **pair
    )
    split = {"kept": an_id("child"), "split": an_id("sibling"), "areas": [CUMBERLAND], "told": []}
    trail.add(
        EntryKind.UNLINKED,
        event=an_id("unlink"),
        child=an_id("child"),
        by=trail.member("cumberland"),
        **split,
    )
    return trail


@pytest.fixture
def old(it: Exchange) -> Iterator[Board]:
    """The old area's board."""
    trail = flight()
    with a_board_of(trail, it, CUMBERLAND) as board:
        board.reads(trail)
        yield board


SECRETS = (WESTMORLAND, "Example westmorland")


def approved(board: Board, key: str, **given: Any) -> Any:
    """Ask, have a second auditor approve it, and ask again."""
    with pytest.raises(NeedsApprovalError) as refused:
        board.ask(key, **given)
    approve(
        board.home, board.store, "Rowan Second", "seen the case file", refused.value.logged or 0, ASKED_AT
    )
    return board.ask(key, **given)


@pytest.mark.parametrize("key", CATALOGUE)
def test_no_answer_of_the_old_board_tells_where_the_family_went(old: Board, key: str) -> None:
    of_child = Takes.CHILD in CATALOGUE[key].takes
    answers = [approved(old, key, case="CC-1")] if of_child else []
    if Takes.CHILD not in CATALOGUE[key].needs:
        given: dict[str, Any] = {"hours": 1} if Takes.HOURS in CATALOGUE[key].takes else {}
        answers.append(old.ask(key, **given))
    said = json.dumps([to_json(answer) for answer in answers], ensure_ascii=False)

    # The silent agencies are of the whole directory, and say nothing of a child.
    assert not [secret for secret in SECRETS if secret in said]


def test_the_old_board_sees_that_it_is_withheld(old: Board) -> None:
    shown = table(approved(old, "Q1", case="CC-1"))

    assert Mark.WITHHELD in {row["to"] for row in shown}
    assert {Mark.WITHHELD} == {row["to_area"] for row in table(old.ask("Q20"))}


def test_no_paper_and_no_spreadsheet_of_the_old_board_tells(old: Board) -> None:
    """In no word of the pages, no metadata, no byte, however it might be spelled."""
    answer = approved(old, "Q1", case="CC-1")
    paper = as_pdf(answer, asker="Kit Example", purpose="review 2026/3")
    said = words(paper)
    files = (paper, said.encode(), as_spreadsheet(answer).encode(), json.dumps(to_json(answer)).encode())

    assert "withheld" in said
    assert "attendance summary" in said
    for secret in SECRETS:
        for spelled in (secret.encode(), secret.encode("utf-16-be"), secret.encode().hex().encode()):
            assert not [place for place, data in enumerate(files) if spelled.lower() in data.lower()]


def test_the_new_board_sees_its_own_child(it: Exchange) -> None:
    trail = flight()
    with a_board_of(trail, it, WESTMORLAND) as board:
        board.reads(trail)
        (row,) = table(board.ask("Q20"))

    assert "E06000064" in str(row["to_area"]) or "Westmorland" in str(row["to_area"])


def test_neither_list_nor_export_of_the_old_board_tells(old: Board) -> None:
    """The leaf of an entry that would tell is kept back; its hash and its proof are there."""
    trail = flight()
    mirror = _mirror(old, trail)
    asked = ASK | {"case_ref": "CC-1"}
    with pytest.raises(NeedsApprovalError) as refused:
        release(old.home, old.store, ("Kit", "why"), asked, to_ms(ASKED_AT), lambda *_: None)
    approve(old.home, old.store, "Rowan Second", "seen the case file", refused.value.logged or 0, ASKED_AT)

    def make(work: Any, got: Any) -> bytes:
        others = of_others(work, got.found, got.ask.question.records)
        kept = {
            one.row.place: why for one in got.found if (why := kept_back(one, got.veil, others)) is not None
        }
        asking = Asking("m-board", "Kit", "why", got.ask.recorded, AT_MS)
        return export(got.found, work.indexes_of, mirror, asking, trail.world["board"].sign, kept)

    got, data = release(old.home, old.store, ("Kit", "why"), asked, to_ms(ASKED_AT), make)
    view = View(names_of(old.home.directory()), Receipts({}), got.veil)
    listed = as_csv(got.found, view) + json.dumps([as_document(one, view) for one in got.found])
    leaves = b"".join(_leaf(entry) for entry in json.loads(data)["entries"])
    ids = (trail.member("westmorland"), WESTMORLAND)

    assert len(got.found) > 5
    assert not [secret for secret in (*SECRETS, *ids) if secret in listed]
    assert not [secret for secret in ids if secret.encode() in leaves]
    assert {"would tell where a hidden child is", "about another child, too"} == {
        entry["kept_back"] for entry in json.loads(data)["entries"] if "hash" in entry
    }


def _leaf(entry: dict[str, Any]) -> bytes:
    return base64.b64decode(entry.get("leaf", ""))


def _mirror(board: Board, trail: Trail) -> Mirror:
    """The node has followed the log of this trail, and a head over it counts."""
    leaves = [leaf_hash(one) for one in trail.entries]
    board.store.close()
    board.store = AuditStore(Path(board.home.folder) / "followed.db")
    with board.store.work() as work:
        trail.projection().take_all(work, [Came(data, index) for index, data in enumerate(trail.entries)])
        work.add_leaves(enumerate(leaves))
    log = trail.world["school"].sign
    note = sign_head(Head("log.example", len(leaves), root_of(leaves)), log)
    seen = note.with_signatures([cosign(note, "m-one", trail.world["health"].sign, 1)])
    return Mirror(
        Head.from_text(note.text), seen, ("m-one",), lambda level, index: _perfect(leaves, level, index)
    )


def _perfect(leaves: list[bytes], level: int, index: int) -> bytes:
    return root_of(leaves[index << level : (index + 1) << level])


def test_entries_about_protected_children_are_left_out_of_a_list_of_everything(old: Board) -> None:
    got, _ = release(old.home, old.store, ("Kit", "why"), ASK, to_ms(ASKED_AT), lambda *_: None)

    assert got.left_out > 3
    assert an_id("child") not in {one.child for one in got.found}


def test_a_protected_child_takes_a_second_person(old: Board) -> None:
    with pytest.raises(NeedsApprovalError) as refused:
        old.ask("Q1", case="CC-1", by="Kit Example")
    number = refused.value.logged or 0

    assert [number] == [one.question for one in waiting(old.store, ASKED_AT)]
    for approver, why in (("kit example ", "mine"), ("Rowan", " ")):
        with pytest.raises(NotAnsweredError):
            approve(old.home, old.store, approver, why, number, ASKED_AT)
    approve(old.home, old.store, "Rowan", "seen the case file", number, ASKED_AT)
    with pytest.raises(NotAnsweredError, match="approved before"):
        approve(old.home, old.store, "Sam", "again", number, ASKED_AT)

    assert old.ask("Q1", case="CC-1", by="Kit Example").rows
    assert [] == waiting(old.store, ASKED_AT)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"by": "Another"}, id="another asker"),
        pytest.param({"until": "2026-05-01"}, id="another wording"),
        pytest.param({"at": ASKED_AT + timedelta(hours=25)}, id="a day later"),
    ],
)
def test_an_approval_is_for_one_asker_one_wording_and_one_day(old: Board, other: dict[str, Any]) -> None:
    approved(old, "Q1", case="CC-1")

    with pytest.raises(NeedsApprovalError):
        old.ask("Q1", case="CC-1", **other)


def test_a_request_a_week_old_must_be_asked_again(old: Board) -> None:
    with pytest.raises(NeedsApprovalError) as refused:
        old.ask("Q1", case="CC-1")

    with pytest.raises(NotAnsweredError, match="seven days"):
        approve(old.home, old.store, "Rowan", "why", refused.value.logged or 0, ASKED_AT + timedelta(days=8))


def test_refusals_and_approvals_are_recorded(old: Board) -> None:
    approved(old, "Q1", case="CC-1")

    said = [(one.asker, one.asked) for one in old.questions()]
    assert [
        ("Kit Example", "Q1; case CC-1; refused"),
        ("Rowan Second", "approval of question 1"),
        ("Kit Example", "Q1; case CC-1"),
    ] == said


def test_a_protected_child_is_never_drawn(old: Board) -> None:
    assert {an_id("sibling").hex()[:8]} == {row["child"] for row in table(old.ask("Q1", sample=50))}
