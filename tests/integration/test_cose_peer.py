"""Our COSE_Sign1 against an independent implementation, ``cwt``, in an environment of its own.

It checks the container, the protected headers and algorithm -19 (RFC 9864) both ways. What is not COSE (manifest,
commitment, views, HPKE wraps) is checked by the vectors. The environment is made once, beside the packages that run
the tests, from a lock file with hashes; after that no network is needed.
"""

from pathlib import Path
from typing import Any

import cbor2
import pytest

from broker.crypto.derive import EVENT_LABEL
from broker.crypto.errors import BadSignatureError
from broker.crypto.signing import Signed, sign, verify
from schemas.orders import Grant
from tests.support.peers import ask_peer, peer_python
from tests.support.sealing import CAST, sealed

HERE = Path(__file__).parent
LOCK = HERE.parents[1] / "requirements" / "peer.lock"


@pytest.fixture(scope="module")
def peer() -> Path:
    """The peer's interpreter."""
    return peer_python(LOCK)


def ask(python: Path, label: str, payload: bytes, *messages: bytes) -> Any:
    request = {
        "key_id": CAST.author.key_id,
        "public": CAST.author.public.hex(),
        "seed": CAST.author.secret().hex(),
        "label": label,
        "payload": payload.hex(),
        "messages": [message.hex() for message in messages],
    }
    return ask_peer(python, HERE / "cose_peer.py", request)


def test_the_peer_verifies_our_signatures_and_refuses_altered_ones(peer: Path) -> None:
    event = sealed()
    signed = event.envelope.signed
    protected, _, payload, signature = cbor2.loads(signed)
    altered = [
        cbor2.dumps([protected, {}, payload[:-1] + b"\x00", signature]),
        cbor2.dumps([protected.replace(b"event", b"grant"), {}, payload, signature]),
        cbor2.dumps([protected, {}, payload, bytes([signature[0] ^ 1]) + signature[1:]]),
        sign(CAST.mallory, EVENT_LABEL, payload),
    ]

    answer = ask(peer, EVENT_LABEL, b"", signed, sign(CAST.author, Grant.LABEL, b"x"), *altered)

    assert [event.manifest.to_bytes().hex(), b"x".hex()] == answer["outcomes"][:2]
    assert ["refused"] * 4 == [outcome.split(":")[0] for outcome in answer["outcomes"][2:]]


@pytest.mark.parametrize("label", [EVENT_LABEL, Grant.LABEL])
def test_we_verify_the_peers_signatures_and_refuse_altered_ones(peer: Path, label: str) -> None:
    """Not only accepted: Ed25519 is deterministic and the headers have one spelling, so the bytes are the same."""
    payload = sealed().manifest.to_bytes()

    signed = bytes.fromhex(ask(peer, label, payload)["signed"])

    assert Signed(CAST.author.key_id, payload) == verify(signed, label, CAST.public_of)
    assert sign(CAST.author, label, payload) == signed
    with pytest.raises(BadSignatureError):
        verify(signed[:-1] + bytes([signed[-1] ^ 1]), label, CAST.public_of)
