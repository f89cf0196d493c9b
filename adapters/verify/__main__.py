"""The command: reads a file and keys, says in plain words what is proven and what is not. Exit 0 only if all holds."""

import argparse
import base64
import gc
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.verify.checking import Report, check
from adapters.verify.keys import KeyFileError, read_keys


def main() -> int:
    """Check one file."""
    parser = argparse.ArgumentParser(
        prog="handrail-verify",
        description="Checks an export of a board's node. Needs no network and nothing of Handrail.",
    )
    parser.add_argument("file", type=Path, help="The export.")
    parser.add_argument(
        "--key",
        type=Path,
        action="append",
        required=True,
        help="A file of public keys, one a line, from `handrail log keys`; not from whoever gave you the export.",
    )
    parser.add_argument("--entries", action="store_true", help="List every entry.")
    asked = parser.parse_args()
    gc.disable()  # one file is read and the program ends: nothing of it is garbage before
    try:
        keys = [key for path in asked.key for key in read_keys(_lines(path))]
        report = check(asked.file.read_bytes(), keys)
    except (OSError, KeyFileError) as error:
        sys.stderr.write(f"Cannot check: {error}\n")
        return 2
    sys.stdout.writelines(_plain(line) + "\n" for line in told(report, entries=asked.entries))
    return 1 if report.faults or report.lacking else 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise KeyFileError(f"{path} is not a file of keys: it is not text") from error


def _plain(line: str) -> str:
    """A line that steers no terminal: whoever made the file may have put anything into it."""
    return "".join(one if one.isprintable() else "·" for one in line)


def told(report: Report, *, entries: bool = False) -> list[str]:
    """The outcome in words."""
    if report.faults:
        found = [*report.faults, *report.lacking]
        return ["NOT PROVEN. This file is not what was signed:", *(f"- {fault}" for fault in found)]
    if report.lacking:
        return [
            "NOT PROVEN. Nothing in the file contradicts itself, but keys are missing, so nobody vouches for it:",
            *(f"- {lacking}" for lacking in report.lacking),
            "Have the keys printed by `handrail log keys` at the operator's or another member's, not by whoever gave you the file.",
        ]
    document = report.document
    count = len(document["entries"])
    kept = sum("hash" in entry for entry in document["entries"])
    lines = [
        "PROVEN:",
        f"- The log {report.origin} has signed a head over {report.size} entries.",
        f"- {len(report.witnesses)} members have signed that up to there it had only grown: {', '.join(report.witnesses)}.",
        f"- All {count} entries of this file stand in that log, byte for byte, at the places that are given.",
        f"- Board {document['board']} has signed this file, and nothing in it was changed, left out or moved since.",
        *(
            [f"- Of {kept} of them only the hash stands here: the board has kept their content back."]
            if kept
            else []
        ),
        "BY THE BOARD'S WORD ALONE:",
        f"- {document['asker']} asked on {_time(document['at_ms'])} for: {document['asked']}. Purpose: {document['purpose']}.",
        f"- What its {_open(document)} opened slips say: kind, purpose, basis, dates.",
        "- That these are all the entries that fit the question"
        + (f"; {document['too_new']} more were too new for the head." if document["too_new"] else "."),
        "NOT PROVEN:",
        "- That what a member reported is true, or that nothing was shared outside the exchange.",
        "- That the log holds no later entries. Ask for a newer export.",
    ]
    gaps = [_gap(leaf) for leaf in _leaves(document) if leaf.startswith(_GAP)]
    lines[6:6] = [f"- The log itself records {len(gaps)} gaps: {'; '.join(gaps)}."] if gaps else []
    if entries:
        lines += ["ENTRIES:", *(_entry(entry) for entry in document["entries"])]
    return lines


def _entry(entry: dict[str, Any]) -> str:
    if "hash" in entry:
        return f"- number {entry['index']}: kept back by the board: {entry['kept_back']}"
    slip = entry["slip"]
    said = f"; {slip['type']}, purpose {slip['purpose']}" if slip["state"] == "open" else ""
    return f"- number {entry['index']}: {_start(base64.b64decode(entry['leaf']))}{said}"


_GAP = b"\x84\x00\x62of\x69audit.gap"
"""How an entry of the log begins that the audit service has written itself."""


def _leaves(document: dict[str, Any]) -> Iterator[bytes]:
    return (base64.b64decode(entry["leaf"]) for entry in document["entries"] if "leaf" in entry)


def _gap(leaf: bytes) -> str:
    """A gap in words: its fields ``of``, ``first`` and ``last``, in CBOR."""
    numbers = [_number(leaf, leaf.rindex(name) + len(name)) for name in (b"bof", b"efirst", b"dlast")]
    return f"partition {numbers[0]}, numbers {numbers[1]} to {numbers[2]}"


def _number(leaf: bytes, at: int) -> int:
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(leaf[at], 0)
    return int.from_bytes(leaf[at + 1 : at + 1 + width], "big") if width else leaf[at]


def _start(leaf: bytes) -> str:
    """The beginning of an entry, ``[1, salt, partition, number, at, kind, ...]`` in CBOR, in words."""
    if leaf.startswith(_GAP):
        return f"gap: {_gap(leaf)}"
    if leaf[:1] != b"\x87":
        return "of the log or of a board, not of the router"
    values, at = [], 1
    for _ in range(6):
        major, short = leaf[at] >> 5, leaf[at] & 31
        at += 1
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
        number = int.from_bytes(leaf[at : at + size], "big") if size else short
        at += size
        if major == 0:
            values.append(str(number))
        else:
            values.append(leaf[at : at + number].decode(errors="replace") if major == 3 else "")  # noqa: PLR2004  text
            at += number
    return f"{values[5]}, entry {values[3]} of partition {values[2]}, {_time(int(values[4]))}"


def _open(document: dict[str, Any]) -> int:
    return sum(entry.get("slip", {}).get("state") == "open" for entry in document["entries"])


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%d %B %Y %H:%M:%S} UTC"


if __name__ == "__main__":
    sys.exit(main())
