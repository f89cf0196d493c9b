"""Signed notes against the specification's own examples, and what no reader may accept."""

import base64

import pytest

from broker.crypto.errors import MalformedError
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, Note, NoteKey, NoteSignature, cosign, sign_head

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


# Published beside them: the first key's seed, a second signature under the same text; and C2SP's own example.
PETER_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
ENOCH_LINE = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def published(text: str) -> NoteKey:
    name, _, encoded = text.split("+", 2)
    return NoteKey(name, base64.b64decode(encoded)[1:])


@pytest.mark.parametrize(
    ("key", "note"),
    [(PETER_KEY, PETER_NOTE + ENOCH_LINE), (ENOCH_KEY, PETER_NOTE + ENOCH_LINE), (C2SP_KEY, C2SP_NOTE)],
)
def test_published_keys_hold_what_they_signed_and_nothing_else(key: str, note: str) -> None:
    read = Note.from_text(note)

    assert key == published(key).to_text()
    assert note == read.to_text()
    assert published(key).signed(read)
    assert not published(key).signed(Note(read.text + "more\n", read.signatures))


def test_what_is_signed_with_the_published_seed_is_the_published_note() -> None:
    """The other way round: our signature is theirs, byte for byte."""
    key = SigningKey(base64.b64decode(PETER_SEED)[1:])
    text = PETER_NOTE.rpartition("\n\n")[0] + "\n"
    name = peter()
    signed = Note(text, (NoteSignature(name.name, name.key_id, key.sign(text.encode())),))

    assert name.public == key.public
    assert PETER_NOTE == signed.to_text()


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
