"""Our heads, cosignatures and tiles against an outside implementation of C2SP's formats, ``aics-tlog``, in its own environment.

What it signs with the same key is ours byte for byte; what we signed it verifies, and what somebody altered it refuses.
Every tile and bundle that the log has written it derives from the root alone. Both stand on one library for Ed25519,
so the ``openssl`` program verifies the signatures once more, over bytes that are put together here from the words of
signed-note and tlog-cosignature and not by our code.
"""

import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from broker.audit.log import open_log
from broker.crypto.errors import MalformedError
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, Note, NoteKey, cosign, sign_head
from tests.support.peers import ask_peer, peer_python

HERE = Path(__file__).parent
NAME: Final = "log.handrail.example"
AT: Final = 1_700_000_000
LOG, ONE, TWO = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
LOG_KEY = NoteKey(NAME, LOG.public)
WITNESSES: Final = (NoteKey("m-one", ONE.public, witness=True), NoteKey("m-two", TWO.public, witness=True))
SIZES: Final = (1, 255, 256, 700)
OPENSSL: Final = shutil.which("openssl")


def ask(**asked: Any) -> Any:
    python = peer_python(HERE / "note_peer.lock", any_python=True)
    return ask_peer(python, HERE / "note_peer.py", {"heads": [], "signed": [], "tiles": []} | asked)


def witnessed(head: Head) -> Note:
    note = sign_head(head, LOG)
    return note.with_signatures([cosign(note, "m-one", ONE, AT), cosign(note, "m-two", TWO, AT + 1)])


HEADS: Final = [witnessed(Head(NAME, size, bytes([size % 251]) * 32)) for size in (0, 1, 9, 10, 2**40)]


def asked_of(text: str) -> list[Any]:
    return [text, LOG_KEY.to_text(), [key.to_text() for key in WITNESSES]]


def test_the_peer_finds_in_our_heads_what_we_signed() -> None:
    found = ask(heads=[asked_of(note.to_text()) for note in HEADS])["heads"]

    heads = [Head.from_text(note.text) for note in HEADS]
    assert [[one.size, one.root.hex(), {"m-one": AT, "m-two": AT + 1}] for one in heads] == found


def test_the_peer_refuses_each_head_in_which_a_letter_was_changed() -> None:
    """Any letter of what is signed, and of the signatures: neither side believes it."""
    text = HEADS[2].to_text()
    other = {"A": "B"}
    altered = [text[:at] + other.get(letter, "A") + text[at + 1 :] for at, letter in enumerate(text)]
    found = ask(heads=[asked_of(one) for one in altered])["heads"]

    believed = [one for one, said in zip(altered, found, strict=True) if not isinstance(said, str)]
    # A signature line that names nobody known is no fault of a note: there both count one witness less.
    assert all(len(said[2]) == 1 for said in found if not isinstance(said, str))
    assert all(ours(one) == 1 for one in believed)
    assert all(ours(one) in {None, 1} for one in altered)


def ours(text: str) -> int | None:
    """How many witnesses we count under a text that the log has signed; None where it has not."""
    try:
        note = Note.from_text(text)
    except MalformedError:
        return None
    if not LOG_KEY.signed(note):
        return None
    return sum(key.cosigned(note) is not None for key in WITNESSES)


def test_what_the_peer_signs_is_ours_byte_for_byte() -> None:
    """Ed25519 is deterministic and each line has one spelling."""
    head = Head.from_text(HEADS[3].text)
    same = {"seed": LOG.secret().hex(), "name": NAME, "witness": "m-log", "at": AT}
    (signed,) = ask(signed=[same | {"size": head.size, "root": head.root.hex()}])["signed"]
    note = sign_head(head, LOG)

    assert note.with_signatures([cosign(note, "m-log", LOG, AT)]).to_text() == signed


def test_the_peer_derives_every_tile_of_our_log_from_its_root(tmp_path: Path) -> None:
    """At each size that the log had; with one byte changed anywhere it does not."""
    folder, asked = tmp_path / "log", []
    entries = [f"entry {number}".encode() for number in range(SIZES[-1])]
    with open_log(folder, NAME, LOG) as log:
        for size in SIZES:
            head = log.append(entries[log.head.size : size])
            shutil.copytree(folder, tmp_path / str(size))
            asked.append({"folder": str(tmp_path / str(size)), "size": size, "root": head.root.hex()})
    whole, damaged = asked[-1], []
    # An earlier width of a tile that is not full yet stays until it is: the tree of today has no use for it.
    written = {path for path in (folder / "tile").rglob("*") if path.is_file()} - {folder / "tile/1/000.p/1"}
    for number, path in enumerate(sorted(written)):
        copy = tmp_path / f"damaged-{number}"
        shutil.copytree(folder, copy)
        data = path.read_bytes()
        (copy / path.relative_to(folder)).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        damaged.append(whole | {"folder": str(copy)})
    found = ask(tiles=[*asked, *damaged])["tiles"]

    assert ["whole"] * len(SIZES) == found[: len(SIZES)]
    assert 7 == len(damaged)
    assert ["refused"] * len(damaged) == [one.split(":")[0] for one in found[len(SIZES) :]]


@pytest.mark.skipif(OPENSSL is None, reason="no openssl program")
def test_openssl_verifies_our_signatures_over_the_bytes_that_the_specification_names(tmp_path: Path) -> None:
    size, root = 10, base64.b64encode(bytes([10]) * 32).decode()
    body = f"{NAME}\n{size}\n{root}\n"
    lines = dict(line[2:].split(" ") for line in HEADS[3].to_text()[len(body) + 1 :].splitlines())
    raw = {name: base64.b64decode(line)[4:] for name, line in lines.items()}
    stamped = f"cosignature/v1\ntime {AT}\n{body}"

    assert HEADS[3].to_text().startswith(f"{body}\n\u2014 ")
    assert AT == int.from_bytes(raw["m-one"][:8], "big")
    assert verified(tmp_path, LOG.public, body, raw[NAME])
    assert verified(tmp_path, ONE.public, stamped, raw["m-one"][8:])
    assert not verified(tmp_path, ONE.public, body, raw["m-one"][8:])
    assert not verified(tmp_path, TWO.public, stamped, raw["m-one"][8:])


def verified(folder: Path, public: bytes, text: str, signature: bytes) -> bool:
    # A public key as RFC 8410 writes it: the algorithm's name, and the key's own bytes.
    (folder / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + public)
    (folder / "text").write_bytes(text.encode())
    (folder / "signature").write_bytes(signature)
    words = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin", "-in", "text"]
    command = [str(OPENSSL), *words, "-sigfile", "signature"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
