"""Signed notes against the specification's own examples, and what no reader may accept."""

import base64

import pytest

from broker.crypto.errors import MalformedError
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, Note, NoteKey, cosign, sign_head

LOG, WITNESS = SigningKey(bytes([1]) * 32), SigningKey(bytes([2]) * 32)
HEAD = Head("log.example", 7, bytes(range(32)))
LOG_KEY = NoteKey("log.example", LOG.public)
WITNESS_KEY = NoteKey("m-witness", WITNESS.public, witness=True)

# From Go's golang.org/x/mod/sumdb/note, whose form C2SP's signed-note is: key, and a note that it signed.
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def peter() -> NoteKey:
    name, _, encoded = PETER_KEY.split("+")
    return NoteKey(name, base64.b64decode(encoded)[1:])


def test_a_published_key_is_written_as_published() -> None:
    assert PETER_KEY == peter().to_text()


def test_a_published_note_is_read_written_and_verified() -> None:
    note = Note.from_text(PETER_NOTE)

    assert PETER_NOTE == note.to_text()
    assert peter().signed(note)


def test_a_head_comes_back_as_it_was_signed_and_cosigned() -> None:
    note = sign_head(HEAD, LOG)
    both = note.with_signatures([cosign(note, "m-witness", WITNESS, 1_700_000_000)])
    read = Note.from_bytes(both.to_text().encode())

    assert both == read
    assert HEAD == Head.from_text(read.text)
    assert LOG_KEY.signed(read)
    assert WITNESS_KEY.cosigned(read) == 1_700_000_000


def test_a_cosignature_is_no_signature_of_a_log_and_the_other_way_round() -> None:
    """One key under both names: what it signed as a witness never counts as the log's word."""
    note = sign_head(HEAD, LOG)
    twin = NoteKey("log.example", LOG.public, witness=True)
    only = Note(note.text, (cosign(note, "log.example", LOG, 5),))

    assert (False, 5) == (LOG_KEY.signed(only), twin.cosigned(only))
    assert twin.cosigned(note) is None


def test_nothing_holds_over_another_text_or_time() -> None:
    note = sign_head(HEAD, LOG)
    witnessed = note.with_signatures([cosign(note, "m-witness", WITNESS, 5)])
    other = Note(Head("log.example", 8, HEAD.root).to_text(), witnessed.signatures)
    late = witnessed.signatures[1].body
    moved = Note(
        note.text, (type(note.signatures[0])("m-witness", WITNESS_KEY.key_id, bytes(7) + b"\x06" + late[8:]),)
    )

    assert not LOG_KEY.signed(other)
    assert WITNESS_KEY.cosigned(other) is None
    assert WITNESS_KEY.cosigned(moved) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text without signatures\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— name AAAA\n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n— na+me AAAAAAA=\n",
        "text\n\n— name AAAAAAA=",
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Note.from_text(text)


@pytest.mark.parametrize(
    "text",
    [
        f"log\n07\n{base64.b64encode(bytes(32)).decode()}\n",
        f"log\n-1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"log\n7\n{base64.b64encode(bytes(31)).decode()}\n",
        f"log\n7\n{base64.b64encode(bytes(32)).decode()}\nmore\n",
        f"log\n7\n{base64.b64encode(bytes(32)).decode()}",
        f"\n7\n{base64.b64encode(bytes(32)).decode()}\n",
    ],
    ids=["two-spellings", "below-zero", "short-root", "fourth-line", "no-end", "no-name"],
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Head.from_text(text)
