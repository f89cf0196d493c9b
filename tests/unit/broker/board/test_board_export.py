"""An export: every byte of it counts. What was altered, left out, moved or added is found, and named."""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.verify.__main__ import main, told
from adapters.verify.checking import check
from adapters.verify.keys import Key, KeyFileError, read_keys
from broker.board.exporting import Asking, canonical_json, export
from broker.board.mirror import Mirror
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, NoteKey, cosign, sign_head
from broker.crypto.tree import leaf_hash, perfect_root, root_of
from broker.store.audit.rows import EntryRow, Found, Place, Slip, SlipState
from schemas.audit import EntryKind
from tests.support.audit_trail import AT_MS, as_entry

LOG, BOARD, SCHOOL, HEALTH = (SigningKey(bytes([number]) * 32) for number in range(1, 5))
ORIGIN = "log.example"
BODIES = [as_entry(number, EntryKind.TAKEN, {"event": bytes([number]) * 16}) for number in range(1, 12)]
SHOWN = (2, 3, 7)
SLIP = Slip("plan.opened", "promote_welfare", "public_task", AT_MS, AT_MS, "CC-1")


def a_mirror(bodies: list[bytes]) -> Mirror:
    leaves = [leaf_hash(body) for body in bodies]
    note = sign_head(Head(ORIGIN, len(leaves), root_of(leaves)), LOG)
    names = (("m-health", HEALTH), ("m-school", SCHOOL))
    seen = note.with_signatures(cosign(note, name, key, AT_MS // 1000) for name, key in names)
    return Mirror(
        Head.from_text(note.text),
        seen,
        ("m-health", "m-school"),
        lambda level, index: perfect_root(leaves[index << level : (index + 1) << level]),
    )


def found(number: int) -> Found:
    state, slip = (SlipState.OPEN, SLIP) if number % 2 else (SlipState.NONE, None)
    row = EntryRow(Place(0, number + 1), AT_MS, "taken", None, None, None, BODIES[number])
    return Found(row, None, state, slip)


KEYS = [
    NoteKey(ORIGIN, LOG.public),
    *(
        NoteKey(name, key.public, witness=True)
        for name, key in (("m-board", BOARD), ("m-school", SCHOOL), ("m-health", HEALTH))
    ),
]
KEY_LINES = [key.to_text() for key in KEYS]


def keys(*, without: str = "") -> list[Key]:
    return read_keys(key.to_text() for key in KEYS if key.name != without)


def an_export(*numbers: int) -> bytes:
    places = {Place(0, index + 1): index for index in range(len(BODIES))}
    asking = Asking("m-board", "officer", "case audit", "case CC-1", AT_MS)
    rows = [found(number) for number in numbers or SHOWN]
    return export(
        rows, lambda wanted: {place: places[place] for place in wanted}, a_mirror(BODIES), asking, BOARD
    )


def changed(change: Callable[[dict[str, Any]], None]) -> list[str]:
    """What is found wrong with a file that was changed and written again in its one spelling."""
    document = json.loads(an_export())
    change(document)
    return check(canonical_json(document) + b"\n", keys()).faults


def test_an_export_holds_and_says_what_it_proves_and_what_it_does_not() -> None:
    report = check(an_export(), keys())
    said = "\n".join(told(report, entries=True))

    assert [] == report.faults
    assert "All 3 entries of this file stand in that log, byte for byte" in said
    assert "- number 3: taken, entry 4 of partition 0" in said
    assert "plan.opened, purpose promote_welfare" in said
    assert said.index("BY THE BOARD'S WORD ALONE:") < said.index("opened slips") < said.index("NOT PROVEN:")


def test_no_byte_can_be_changed_left_out_or_doubled_unseen() -> None:
    """Each byte of the file: another value, gone, twice."""
    data, holding = an_export(3), keys()
    chance = random.Random(7)
    unseen = []
    for place, byte in enumerate(data):
        before, after = data[:place], data[place + 1 :]
        other = bytes([(byte + chance.randrange(1, 256)) % 256])
        instead = (other, b"", bytes([byte, byte]))
        unseen += [place for one in instead if not check(before + one + after, holding).faults]

    assert [] == unseen


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda it: it.update(purpose="another"), "“purpose” was altered."),
        (lambda it: it.update(asker="another"), "“asker” was altered."),
        (lambda it: it["entries"][1]["slip"].update(type="move"), "entry at place 1 was altered or added."),
        (
            lambda it: it["entries"][1]["slip"].update(type="move"),
            "its bytes are those of the log (number 3)",
        ),
        (lambda it: it["entries"].pop(1), "1 rows are missing: the entry at place 1"),
        (lambda it: it["entries"].reverse(), "Rows were reordered: each entry"),
        (lambda it: it["entries"].insert(1, it["entries"][0]), "One row stands there twice: an entry."),
        (lambda it: it["entries"][2].update(index=6), "entry at place 2 (number 6 of the log)"),
        (
            lambda it: it["entries"][0].update(leaf=base64.b64encode(BODIES[0]).decode()),
            "The entry at place 0 (number 2 of the log): “leaf”",
        ),
        (
            lambda it: it.update(head=it["head"].replace("\n11\n", "\n12\n")),
            "the log's own signature is missing",
        ),
        (
            lambda it: it.update(head="".join(it["head"].splitlines(keepends=True)[:-1])),
            "1 of the 2 witnesses",
        ),
        (
            lambda it: it["digests"].update(purpose=it["digests"]["asker"]),
            "The board's signature does not hold",
        ),
        (lambda it: it.update(more=1), "does not have the parts of an export"),
    ],
)
def test_what_was_changed_is_named(change: Callable[[dict[str, Any]], None], named: str) -> None:
    assert any(named in fault for fault in changed(change))


def test_a_board_that_invents_an_entry_and_signs_it_is_found_out() -> None:
    """The board's own key does not help: the log has not signed such an entry."""
    invented = as_entry(4, EntryKind.TAKEN, {"event": b"invented" * 2})
    asking = Asking("m-board", "officer", "case audit", "case CC-1", AT_MS)
    row = EntryRow(Place(0, 4), AT_MS, "taken", None, None, None, invented)
    honest = a_mirror(BODIES)
    lying = replace(
        honest,
        subtree=lambda level, index: (
            leaf_hash(invented) if (level, index) == (0, 3) else honest.subtree(level, index)
        ),
    )
    data = export(
        [Found(row, None, SlipState.NONE, None)],
        lambda wanted: dict.fromkeys(wanted, 3),
        lying,
        asking,
        BOARD,
    )

    assert any("number 3 of the log" in fault for fault in check(data, keys()).faults)


@pytest.mark.parametrize("name", [ORIGIN, "m-board", "m-school"])
def test_what_cannot_be_checked_for_want_of_a_key_is_not_believed(name: str) -> None:
    assert any(name in fault for fault in check(an_export(), keys(without=name)).lacking)


@pytest.mark.parametrize("line", ["no key", "name+00000000+AAAA", keys()[0].name + "+00000000+AQ=="])
def test_a_damaged_key_file_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(KeyFileError, match="line 1 of the key file"):
        read_keys([line])


def test_without_a_key_nobody_is_said_to_have_altered_anything() -> None:
    report = check(an_export(), [])
    said = told(report)

    assert [] == report.faults
    assert said[0].startswith("NOT PROVEN. Nothing in the file contradicts itself, but keys are missing")
    assert "`handrail log keys`" in said[-1]


def _name_in_head(name: str) -> Callable[[dict[str, Any]], None]:
    line = f"\u2014 {name} {base64.b64encode(bytes(72)).decode()}\n"
    return lambda it: it.update(head=it["head"] + line)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_name_in_head("\x1b[2J\x1b[HPROVEN:"), id="a signature's name"),
        pytest.param(lambda it: it.update(board="\x1b[2J\x1b[HPROVEN:"), id="the board"),
        pytest.param(lambda it: it.update(format="\x9b2JPROVEN:\u202e"), id="the format"),
        pytest.param(
            lambda it: it.update(head=it["head"].replace("\n11\n", f"\n{'9' * 5000}\n")), id="a size"
        ),
        pytest.param(lambda it: it.update(asker="\ud800"), id="half a letter"),
    ],
)
def test_a_hostile_file_cannot_speak_for_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    """Nothing in it moves the cursor, wipes the screen or begins a line."""
    document = json.loads(an_export())
    change(document)
    (tmp_path / "export.json").write_bytes(canonical_json(document) + b"\n")
    (tmp_path / "keys").write_text("".join(f"{line}\n" for line in KEY_LINES))
    arguments = [
        "handrail-verify",
        str(tmp_path / "export.json"),
        "--key",
        str(tmp_path / "keys"),
        "--entries",
    ]
    monkeypatch.setattr("sys.argv", arguments)
    monkeypatch.setattr("gc.disable", lambda: None)

    assert 1 == main()
    said = capsys.readouterr().out
    assert said.startswith("NOT PROVEN.")
    assert all(one.isprintable() or one == "\n" for one in said)
    assert not any(line.startswith("PROVEN") for line in said.splitlines())


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", an_export(), b"one\x00two"])
def test_a_key_file_that_is_something_else_is_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "export.json").write_bytes(an_export())
    (tmp_path / "keys").write_bytes(content)
    monkeypatch.setattr(
        "sys.argv", ["handrail-verify", str(tmp_path / "export.json"), "--key", str(tmp_path / "keys")]
    )
    monkeypatch.setattr("gc.disable", lambda: None)

    assert 2 == main()
    assert capsys.readouterr().err.startswith("Cannot check: ")
