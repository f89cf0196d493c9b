"""``KemKey.open`` against the published vectors of RFC 9180 (P-256) and of hpke-pq (X-Wing, 0x647a).

The vectors carry associated data, which our library does not take, and no vector has our hybrid suite whole. So
the key schedule is written again (``tests.support.hpke``), proved on the vectors' own ciphertexts, and then used to
make from each vector's encapsulation and shared secret the message that ``KemKey.open`` must open.
"""

import hashlib
import json
from importlib.resources import files
from typing import Any

import pytest

from broker.crypto.errors import NotAddressedError
from broker.crypto.keys import KemKey, KemPublic
from schemas.wire import Kem
from tests.support.hpke import schedule

P256 = 0x0010
HYBRID = 0x647A
HKDF_SHA256 = 1
AES_256_GCM = 2
INFO = b"handrail known answer"
SECRET = bytes(range(32))


def _vectors(file: str, kem: int) -> list[dict[str, Any]]:
    published = json.loads((files("cryptography_vectors") / "HPKE" / file).read_text())
    return [
        vector
        for vector in published
        if (vector["mode"], vector["kem_id"], vector["kdf_id"]) == (0, kem, HKDF_SHA256)
        and vector["aead_id"] in {1, 2, 3}
    ]


CASES = [
    pytest.param(P256, "test-vectors.json", id="rfc 9180, p256"),
    pytest.param(HYBRID, "hpke-pq-test-vectors.json", id="hpke-pq, mlkem768-x25519"),
]


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def _key(vector: dict[str, Any]) -> KemKey:
    secret = _hex(vector["skRm"])
    if vector["kem_id"] == P256:
        return KemKey(Kem.P256, secret)
    # X-Wing keeps a 32-byte seed; ours is its expansion, ML-KEM seed and X25519 scalar.
    return KemKey(Kem.MLKEM768_X25519, hashlib.shake_256(secret).digest(96))


@pytest.mark.parametrize(("kem", "file"), CASES)
def test_the_key_schedule_is_the_published_one(kem: int, file: str) -> None:
    """Our second writing of the RFC gives each vector's key, nonce and first ciphertext."""
    ran = 0
    for vector in _vectors(file, kem):
        context = schedule(kem, vector["aead_id"], _hex(vector["shared_secret"]), _hex(vector["info"]))
        first = vector["encryptions"][0]

        assert (_hex(vector["key"]), _hex(vector["base_nonce"])) == (context.key, context.nonce)
        assert _hex(first["ct"]) == context.seal(_hex(first["pt"]), _hex(first["aad"]))
        ran += 1
    assert ran > 0


@pytest.mark.parametrize(("kem", "file"), CASES)
def test_key_pairs_are_the_published_ones(kem: int, file: str) -> None:
    ran = 0
    for vector in _vectors(file, kem):
        key = _key(vector)

        assert _hex(vector["pkRm"]) == key.public
        assert key.public == KemKey(key.kem, key.secret()).public
        assert key.key_id == KemPublic.load(key.kem, _hex(vector["pkRm"])).key_id
        ran += 1
    assert ran > 0


@pytest.mark.parametrize(("kem", "file"), CASES)
def test_a_published_encapsulation_opens_with_our_suite(kem: int, file: str) -> None:
    """From the vector's shared secret, under HKDF-SHA256 and AES-256-GCM, with our info and no aad."""
    ran = 0
    for vector in _vectors(file, kem):
        context = schedule(kem, AES_256_GCM, _hex(vector["shared_secret"]), INFO)
        sealed = _hex(vector["enc"]) + context.seal(SECRET)

        assert SECRET == _key(vector).open(sealed, INFO)
        with pytest.raises(NotAddressedError):
            _key(vector).open(sealed, INFO + b"!")
        with pytest.raises(NotAddressedError):
            _key(vector).open(_hex(vector["enc"]) + context.seal(SECRET, b"aad"), INFO)
        ran += 1
    assert ran > 0
