"""Runs in the peer's environment: what ``aics_tlog`` makes of our notes and tiles, and what it signs. JSON in, JSON out."""

import json
import sys
from typing import Any

import aics_tlog as peer  # type: ignore[import-not-found]  # only in the peer's environment
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def main() -> None:
    asked = json.load(sys.stdin)
    answer = {
        "heads": [_head(*one) for one in asked["heads"]],
        "signed": [_signed(**one) for one in asked["signed"]],
        "tiles": [_tiles(**one) for one in asked["tiles"]],
    }
    json.dump(answer, sys.stdout)


def _head(note: str, log: str, witnesses: list[str]) -> Any:
    """What it holds of a head: the size and root it signs for, and who has cosigned it at which time."""
    try:
        read = peer.parse_note(note)
        result = peer.verify_checkpoint(
            read, peer.parse_vkey(log), [peer.parse_vkey(one) for one in witnesses]
        )
    except ValueError as error:
        return f"refused: {error}"
    if not result.ok:
        return f"refused: {result.error}"
    return [result.size, result.root.hex(), result.timestamps]


def _signed(seed: str, name: str, witness: str, at: int, size: int, root: str) -> str:
    """A head that it signs and cosigns with this one key."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    note = peer.sign_checkpoint(peer.Checkpoint(name, size, bytes.fromhex(root)), key, name)
    _, line = peer.sign_cosignature(key, witness, at, name, size, bytes.fromhex(root))
    return str(peer.Note(text=note.text, signatures=(*note.signatures, line)).serialise())


def _tiles(folder: str, size: int, root: str) -> str:
    """Whether every tile and bundle below a folder follows from a root."""
    try:
        peer.audit_tiles(peer.FileSystemTileReader(folder), size, bytes.fromhex(root))
    except (peer.TileVerificationError, peer.TileMissingError) as error:
        return f"refused: {type(error).__name__}"
    return "whole"


if __name__ == "__main__":
    main()
