"""An answer in one file that proves itself: entries as the router wrote them, proofs, the signed head, the slips.

The file is JSON in one spelling (sorted keys, no blanks, ASCII), so that no byte of it is without a meaning. Hashes of
proofs stand in one table, because entries share most of them. ``adapters.verify`` reads it without any other part.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from broker.audit.reading import read_entry
from broker.board.mirror import Mirror, NotTheLogError
from broker.board.veil import Veil
from broker.crypto.keys import SigningKey
from broker.crypto.tree import leaf_hash
from broker.store.audit.rows import Found, Place

FORMAT: Final = "handrail-export-1"
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asked what, why and when: the board's word."""

    board: str
    asker: str
    purpose: str
    asked: str
    at_ms: int


def export(
    found: Sequence[Found],
    places: Callable[[list[Place]], dict[Place, int]],
    mirror: Mirror,
    asking: Asking,
    key: SigningKey,
    kept: Mapping[Place, str] | None = None,
) -> bytes:
    """The file's bytes. Entries that are newer than the head are counted, not shown: nothing proves them yet.

    Of those that are ``kept`` back, with the reason, the hash stands there alone: that they are in the log is proven
    all the same.
    """
    indexes = places([one.row.place for one in found])
    table: dict[bytes, int] = {}
    entries: list[dict[str, Any]] = []
    seen: set[int] = set()
    for one in found:
        index = indexes.get(one.row.place)
        if index is None or index >= mirror.head.size:
            continue
        if index in seen:
            continue
        seen.add(index)
        leaf = mirror.subtree(0, index)
        if not one.row.inner and leaf_hash(one.row.body) != leaf:
            raise NotTheLogError(f"entry {index} at this node is not the one that the log has signed")
        proof = [table.setdefault(node, len(table)) for node in mirror.proof(index)]
        why = "stands sealed in the log" if one.row.inner else (kept or {}).get(one.row.place)
        shown = (
            {"leaf": b64(one.row.body), "slip": _slip(one)}
            if why is None
            else {"hash": b64(leaf), "kept_back": why}
        )
        entries.append({"index": index, "proof": proof, **shown})
    entries.sort(key=lambda entry: entry["index"])
    document: dict[str, Any] = {
        "format": FORMAT,
        "board": asking.board,
        "asker": asking.asker,
        "purpose": asking.purpose,
        "asked": asking.asked,
        "at_ms": asking.at_ms,
        "head": mirror.note.to_text(),
        "too_new": len(found) - len(entries),
        "hashes": [b64(node) for node in table],
        "entries": entries,
    }
    digests = {name: _digests(value) for name, value in document.items()}
    document["digests"] = digests
    document["signature"] = b64(key.sign(to_be_signed(digests)))
    return canonical_json(document) + b"\n"


def kept_back(one: Found, veil: Veil, others: frozenset[bytes]) -> str | None:
    """Why an entry's bytes must not leave the node, if they must not: what is in a leaf cannot be cut out of it."""
    if one.row.thread in others:
        return "about another child, too"
    if veil.tells(one.child, read_entry(one.row.body)):
        return "would tell where a hidden child is"
    return None


def to_be_signed(digests: dict[str, Any]) -> bytes:
    """What the board signs: the digests of every part, under this format's name."""
    return FORMAT.encode() + b"\n" + canonical_json(digests)


def canonical_json(value: Any) -> bytes:
    """JSON in its one spelling."""
    return _JSON.encode(value).encode()


def b64(data: bytes) -> str:
    """Base64, as everywhere in the file."""
    return base64.b64encode(data).decode()


def _digests(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return [_digest(one) for one in value]
    return _digest(value)


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _slip(one: Found) -> dict[str, Any]:
    if one.slip is None:
        return {"state": one.slip_state.value}
    return {
        "state": one.slip_state.value,
        "type": one.slip.event_type,
        "purpose": one.slip.purpose,
        "basis": one.slip.basis,
        "occurred_ms": one.slip.occurred_ms,
        "recorded_ms": one.slip.recorded_ms,
        "case_ref": one.slip.case_ref,
    }
