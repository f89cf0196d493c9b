"""The check itself: from a file's bytes and keys to what is wrong with it. Pure."""

import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapters.verify.keys import Key

FORMAT = "handrail-export-1"
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
ENOUGH = 2
_NAMES = {"format", "board", "asker", "purpose", "asked", "at_ms", "head", "too_new", "hashes", "entries"}
_ENTRY = {"index", "leaf", "proof", "slip"}
_KEPT_BACK = {"index", "hash", "proof", "kept_back"}
_HEAD_LINES = 4
_HASH_BYTES = 32
_SIZE_CHARS = 19
_MARK = "\u2014 "


@dataclass
class Report:
    """What came out. No ``faults`` and nothing ``lacking``: all in the file is as the log and the board have signed it."""

    faults: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    """What could not be checked, for want of a key."""
    document: dict[str, Any] = field(default_factory=dict)
    origin: str = ""
    size: int = 0
    witnesses: tuple[str, ...] = ()


def check(data: bytes, keys: list[Key]) -> Report:
    """Check a whole file. Goes on after a fault as far as it can, to name them all."""
    report = Report()
    read = _read(data, report)
    if read is None:
        return report
    document, spelled = read
    report.document = document
    changed = _against_the_board(document, spelled, keys, report)
    root = _head(document["head"], keys, report)
    report.faults += _in_order(document)
    if root is not None:
        report.faults += _in_the_log(document, report.size, root, changed)
    return report


@dataclass
class Spelled:
    """Each part in its one spelling, and each row of the two long lists: written once, hashed and compared."""

    parts: dict[str, bytes]
    rows: dict[str, list[bytes]]

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Spelled":
        """Spell a document."""
        rows = {
            name: [_spelled(row) for row in document[name]]
            for name in ("entries", "hashes")
            if isinstance(document.get(name), list)
        }
        parts = {
            name: b"[" + b",".join(rows[name]) + b"]" if name in rows else _spelled(value)
            for name, value in document.items()
        }
        return cls(parts, rows)

    def whole(self) -> bytes:
        """The document."""
        named = (_spelled(name) + b":" + self.parts[name] for name in sorted(self.parts))
        return b"{" + b",".join(named) + b"}"


def _read(data: bytes, report: Report) -> tuple[dict[str, Any], Spelled] | None:
    """The document in its one spelling: sorted, without blanks, ASCII, one line."""
    try:
        document = json.loads(data.decode("ascii"), parse_constant=_refuse, parse_float=_refuse)
    except (ValueError, RecursionError) as error:
        report.faults.append(f"The file is damaged: it is not JSON any more ({error}).")
        return None
    spelled = Spelled.of(document) if isinstance(document, dict) else None
    if spelled is None or spelled.whole() + b"\n" != data:
        report.faults.append("The file is not in its one spelling: a byte was changed, added or moved.")
    if spelled is None or set(document) != _NAMES | {"digests", "signature"}:
        report.faults.append(
            "The file does not have the parts of an export: one is missing, added or renamed."
        )
        return None
    if document["format"] != FORMAT:
        report.faults.append(f"“format” was altered, or is of another version: {document['format']!r}.")
    if not _formed(document):
        report.faults.append("A part of the file is not of the form of an export: it was altered.")
        return None
    return document, spelled


def _formed(document: dict[str, Any]) -> bool:
    entries, hashes, digests = document["entries"], document["hashes"], document["digests"]
    texts = ("head", "board", "asker", "purpose", "asked", "signature")
    return (
        all(isinstance(document[name], str) for name in texts)
        and all(type(document[name]) is int for name in ("at_ms", "too_new"))
        and isinstance(digests, dict)
        and isinstance(entries, list)
        and isinstance(hashes, list)
        and all(isinstance(one, str) for one in hashes)
        and all(_entry_formed(one) for one in entries)
    )


def _entry_formed(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and (set(entry) == _ENTRY or set(entry) == _KEPT_BACK)
        and type(entry["index"]) is int
        and isinstance(entry["proof"], list)
        and set(map(type, entry["proof"])) <= {int}
        and isinstance(entry.get("leaf", ""), str)
        and isinstance(entry.get("slip", {}), dict)
        and isinstance(entry.get("hash", ""), str)
        and isinstance(entry.get("kept_back", ""), str)
    )


def _against_the_board(
    document: dict[str, Any], spelled: Spelled, keys: list[Key], report: Report
) -> set[int]:
    """Each part against the digests that the board has signed. Gives the places of entries that differ."""
    digests, board = document["digests"], document["board"]
    signature = _octets(document["signature"])
    signed = FORMAT.encode() + b"\n" + spelled.parts["digests"]
    own = [key for key in keys if key.name == board and not key.of_log]
    if not own:
        report.lacking.append(f"No key of the board {board} was given: its signature cannot be checked.")
    elif not any(key.holds(signature, signed) for key in own):
        report.faults.append(
            "The board's signature does not hold: the signature or the digests were altered."
        )
    if set(digests) != _NAMES:
        report.faults.append("“digests” was altered: it does not name every part.")
        return set()
    for name in sorted(_NAMES - {"entries", "hashes"}):
        if digests[name] != _sha256(spelled.parts[name]):
            report.faults.append(f"“{name}” was altered.")
    report.faults += _rows_differ("hash of the proofs", spelled.rows["hashes"], digests["hashes"])
    faults = list(_rows_differ("entry", spelled.rows["entries"], digests["entries"]))
    report.faults += faults
    if faults or not isinstance(digests["entries"], list):
        return {
            place
            for place, row in enumerate(spelled.rows["entries"])
            if not isinstance(digests["entries"], list)
            or place >= len(digests["entries"])
            or _sha256(row) != digests["entries"][place]
        }
    return set()


def _rows_differ(what: str, rows: list[bytes], digests: Any) -> Iterator[str]:
    if not isinstance(digests, list):
        yield f"The digests of each {what} were altered."
        return
    found = [_sha256(row) for row in rows]
    if found == digests:
        return
    if sorted(found) == sorted(map(str, digests)):
        yield f"Rows were reordered: each {what} is there, not in the order that the board has signed."
        return
    there = set(found)
    missing = [place for place, digest in enumerate(digests) if digest not in there]
    known = set(map(str, digests))
    strange = [place for place, digest in enumerate(found) if digest not in known]
    for place in strange:
        yield f"The {what} at place {place} was altered or added."
    if len(missing) > len(strange):
        yield f"{len(missing) - len(strange)} rows are missing: the {what} at place {missing[0]} of those signed."
    if len(found) > len(digests) and not strange:
        yield f"One row stands there twice: an {what}."


def _head(text: str, keys: list[Key], report: Report) -> bytes | None:
    """The head's root, if the log has signed it. Fills in who has witnessed it."""
    body, blank, under = text.rpartition("\n\n")
    body += "\n"
    lines = body.split("\n")
    signatures = [_signature(line) for line in under.split("\n")[:-1]]
    if (
        not blank
        or len(lines) != _HEAD_LINES
        or not (lines[1].isdecimal() and len(lines[1]) <= _SIZE_CHARS)
        or not under.endswith("\n")
        or None in signatures
    ):
        report.faults.append("“head” was altered: it is not the head of a log.")
        return None
    report.origin, report.size = lines[0], int(lines[1])
    by_log, witnesses, unknown = False, set[str](), set[str]()
    for one in signatures:
        if one is None:
            continue
        name, key_id, proof = one
        key = next((key for key in keys if key.name == name and key.key_id == key_id), None)
        if key is None:
            unknown.add(name)
        elif key.of_log:
            by_log = by_log or (name == report.origin and key.holds(proof, body.encode()))
        else:
            at = int.from_bytes(proof[:8], "big")
            if key.holds(proof[8:], f"cosignature/v1\ntime {at}\n{body}".encode()):
                witnesses.add(name)
            else:
                report.faults.append(f"“head”: the cosignature of {name} does not hold.")
    report.lacking += [f"“head”: no key was given for the signature of {name}." for name in sorted(unknown)]
    report.witnesses = tuple(sorted(witnesses))
    if not by_log:
        if report.origin not in unknown:
            report.faults.append("“head”: the log's own signature is missing or does not hold.")
        return None
    if len(witnesses | unknown) < ENOUGH:
        report.faults.append(f"“head”: {len(witnesses)} of the {ENOUGH} witnesses needed have signed it.")
    return _octets(lines[2])


def _in_order(document: dict[str, Any]) -> Iterator[str]:
    before = -1
    for place, entry in enumerate(document["entries"]):
        if entry["index"] <= before:
            yield f"The entry at place {place} (number {entry['index']} of the log) stands out of order."
        before = max(before, entry["index"])


def _in_the_log(document: dict[str, Any], size: int, root: bytes, changed: set[int]) -> Iterator[str]:
    table = [_octets(one) for one in document["hashes"]]
    proven: dict[tuple[int, int], bytes] = {}
    for place, entry in enumerate(document["entries"]):
        index, proof = entry["index"], entry["proof"]
        leaf = (
            hashlib.sha256(b"\x00" + _octets(entry["leaf"])).digest()
            if "leaf" in entry
            else _octets(entry["hash"])
        )
        there = not proof or (min(proof) >= 0 and max(proof) < len(table))
        if there and _included(leaf, index, size, [table[one] for one in proof], root, proven):
            if place in changed:
                yield f"  its bytes are those of the log (number {index}); its slip or its proof was altered."
            continue
        yield f"The entry at place {place} (number {index} of the log): “leaf”, “hash”, “index” or “proof” was altered; the log does not hold it so."


def _included(
    leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes, proven: dict[tuple[int, int], bytes]
) -> bool:
    """RFC 9162 section 2.1.3.2. A path that reaches a node of an earlier path, ``proven`` up to the root, ends there."""
    if not 0 <= index < size:
        return False
    found = leaf
    level, node, last = 0, index, size - 1
    path = {}
    for sibling in proof:
        if proven.get((level, node)) == found:
            break
        if last == 0 or len(sibling) != _HASH_BYTES:
            return False
        path[level, node] = found
        if node & 1 or node == last:
            pair = b"\x01" + sibling + found
            while not node & 1 and node:
                level, node, last = level + 1, node >> 1, last >> 1
        else:
            pair = b"\x01" + found + sibling
        found = hashlib.sha256(pair).digest()
        level, node, last = level + 1, node >> 1, last >> 1
    else:
        if last != 0 or found != root:
            return False
    proven |= path
    return True


def _signature(line: str) -> tuple[str, bytes, bytes] | None:
    name, blank, encoded = line.removeprefix(_MARK).partition(" ")
    decoded = _octets(encoded)
    if not line.startswith(_MARK) or not blank or len(decoded) <= 4:  # noqa: PLR2004  a key id comes first
        return None
    return name, decoded[:4], decoded[4:]


def _octets(text: str) -> bytes:
    """Base64 in its one spelling; anything else is no bytes at all, and then nothing fits."""
    try:
        found = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b""
    return found if binascii.b2a_base64(found, newline=False).decode() == text else b""


def _sha256(spelled: bytes) -> str:
    return hashlib.sha256(spelled).hexdigest()


def _spelled(value: Any) -> bytes:
    return _JSON.encode(value).encode()


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number of an export")
