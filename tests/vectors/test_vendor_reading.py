"""A vendor's program: it knows docs/protocol.md and the vectors, and uses none of our code.

It reads one event as a reader, as a verifier, and one grant, with general libraries only. If this file needs a fact
that the document does not state, the document is at fault.
"""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import cbor2
import nacl.signing
import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FOLDER = Path(__file__).parent
KEYS = json.loads((FOLDER / "keys.json").read_text())


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def cbor(*items: Any) -> bytes:
    return cbor2.dumps(list(items))


def verified(signed: bytes, label: str) -> tuple[str, bytes]:
    """Section 3: the signer's key id and the payload."""
    protected, unprotected, payload, signature = cbor2.loads(signed)
    header = cbor2.loads(protected)
    key_id = header[4].hex()
    assert ({1: -19, 4: header[4], 16: label}, {}) == (header, unprotected)
    public = next(key["public"] for key in KEYS.values() if key["key_id"] == key_id)
    verifier = nacl.signing.VerifyKey(bytes.fromhex(public))
    verifier.verify(cbor("Signature1", protected, b"", payload), signature)
    return key_id, payload


def hpke_open(name: str, sealed: bytes, info: bytes) -> bytes:
    """Section 7: HPKE base mode, one message, no associated data."""
    secret = bytes.fromhex(KEYS[name]["private"])
    if KEYS[name]["algorithm"] == "p256":
        suite = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
        return suite.decrypt(
            sealed, ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1()), info
        )
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    pair = hpke.MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(secret[:64]),
        x25519.X25519PrivateKey.from_private_bytes(secret[64:]),
    )
    return suite.decrypt(sealed, pair, info)


def context_of(header: Any, index: int, part: Any) -> bytes:
    kind, digest, commitment, length, leaves = part
    return sha256(cbor(sha256(cbor2.dumps(header)), index, kind, commitment, digest, length, len(leaves)))


def opened(header: Any, index: int, part: Any, ciphertext: bytes, key: bytes) -> bytes:
    """Section 6: check the hash and the commitment, then decrypt and unpad."""
    kind, digest, commitment, length, _ = part
    header_hash = sha256(cbor2.dumps(header))

    def derived(label: bytes) -> bytes:
        return hmac.digest(key, label + header_hash + bytes([index, kind]), "sha256")

    assert 32 == len(key)
    assert (digest, length) == (sha256(ciphertext), len(ciphertext))
    assert commitment == derived(b"handrail commit\x00")
    cipher, nonce = derived(b"handrail key\x00"), derived(b"handrail iv\x00")[:12]
    padded = AESGCM(cipher).decrypt(nonce, ciphertext, cbor("Encrypt0", header_hash, index, kind))
    end = 4 + int.from_bytes(padded[:4], "big")
    assert not any(padded[end:])
    return padded[4:end]


@pytest.mark.parametrize("name", ["event", "event-sensitive"])
@pytest.mark.parametrize("reader", ["front", "school", "police"])
def test_a_vendor_reads_a_view(name: str, reader: str) -> None:
    frozen = load(name)
    signed, openings, parts, countersigned = cbor2.loads(bytes.fromhex(frozen["views"][reader]))
    key_id, payload = verified(signed, "handrail-event")
    header, summaries, _ = cbor2.loads(payload)
    assert (1, 2, key_id, None) == (header[0], header[2], header[4], countersigned)

    for field, salt, value in openings:
        assert header[10][field] == sha256(b"handrail field\x00" + bytes([field]) + salt + value)
    for index, ciphertext, position, (wrap_key, kem, sealed) in parts:
        part = summaries[index]
        assert part[4][position] == sha256(cbor("handrail leaf", wrap_key, kem, sealed))
        info = cbor("handrail wrap", wrap_key, kem, context_of(header, index, part), key_id)
        plaintext = opened(header, index, part, ciphertext, hpke_open(reader, sealed, info))
        assert frozen["parts"][index]["plaintext"] == plaintext.hex()
    assert KEYS[reader]["key_id"] == parts[0][3][0]


def test_a_vendor_checks_an_event_as_the_router_does() -> None:
    frozen = load("event-sensitive")
    version, kind, body = cbor2.loads(bytes.fromhex(frozen["frame"]))
    signed, (form, sealed_to, sealed), parts, slips, _ = cbor2.loads(body)
    _, payload = verified(signed, "handrail-event")
    header, summaries, signed_slips = cbor2.loads(payload)

    content = hpke_open("router", sealed, cbor("handrail openings", sealed_to, sha256(cbor2.dumps(header))))
    rows = cbor2.loads(content[4 : 4 + int.from_bytes(content[:4], "big")])

    assert (1, 1, 1, True) == (version, kind, form, header[7])
    assert list(range(1, 10)) == [field for field, _, _ in rows]
    for field, salt, value in rows:
        assert header[10][field] == sha256(b"handrail field\x00" + bytes([field]) + salt + value)
    assert [[board, sha256(slip)] for board, slip in slips] == signed_slips
    for (ciphertext, wraps), part in zip(parts, summaries, strict=True):
        assert (part[1], part[3]) == (sha256(ciphertext), len(ciphertext))
        assert part[4] == [sha256(cbor("handrail leaf", *wrap)) for wrap in wraps]


def test_a_vendor_reads_a_grant() -> None:
    frozen = load("history")
    _, order = verified(bytes.fromhex(frozen["order_signed"]), "handrail-order")
    grantor_key, grant = verified(bytes.fromhex(frozen["grant_signed"]), "handrail-grant")
    row = cbor2.loads(grant)
    _, payload = verified(row[8], "handrail-event")
    header, summaries, _ = cbor2.loads(payload)
    listed = {event: digest for event, digest in cbor2.loads(order)[7]}  # noqa: C416

    assert listed[row[3]] == sha256(payload)
    for at, (index, ciphertext, (key_id, kem, sealed)) in enumerate(row[9]):
        context = context_of(header, index, summaries[index])
        info = cbor("handrail grant", key_id, kem, context, grantor_key, sha256(order))
        plaintext = opened(header, index, summaries[index], ciphertext, hpke_open("newcomer", sealed, info))
        assert frozen["plaintexts"][at] == plaintext.hex()


def test_a_vendor_opens_a_board_slip() -> None:
    frozen = load("slips")
    author, board, key_ref, board_key, sealed = cbor2.loads(bytes.fromhex(frozen["setup"]))
    secret = hpke_open("board", sealed, cbor("handrail slip key", author, board, key_ref))
    used, nonce, body = cbor2.loads(bytes.fromhex(frozen["slip"]))

    aad = cbor("handrail slip", author, board, bytes.fromhex(frozen["event"]), used)
    padded = AESGCM(secret).decrypt(nonce, body, aad)

    assert (KEYS["board"]["key_id"], key_ref) == (board_key, used)
    assert frozen["plaintext"] == padded[4 : 4 + int.from_bytes(padded[:4], "big")].hex()


def test_a_vendor_makes_the_same_tokens_partitions_and_subject() -> None:
    frozen = load("tokens")
    secret = bytes.fromhex(frozen["secret"])

    for row in frozen["tokens"]:
        message = "\0".join(("handrail token", str(row["epoch"]), row["kind"], row["identifier"])).encode()
        token = hmac.digest(secret, message, "sha256")[:16]
        assert row["token"] == token.hex()
        assert row["partition"] == sha256(b"partition " + token)[0] % 8
    matter = frozen["matter"]
    message = "\0".join(("handrail matter", matter["member"], matter["reference"])).encode()
    assert matter["value"] == hmac.digest(secret, message, "sha256")[:16].hex()
    lone = frozen["partition_without_token"]
    assert lone["partition"] == sha256(b"partition " + lone["author"].encode())[0] % 8


def test_a_vendor_checks_a_delivery() -> None:
    frozen = load("control")
    version, signed, kind, body = cbor2.loads(bytes.fromhex(frozen["delivery_frame"]))
    signer, payload = verified(signed, "handrail-note")
    note = cbor2.loads(payload)

    assert (1, KEYS["router_sign"]["key_id"]) == (version, signer)
    assert (kind, sha256(body)) == (note[4], note[7])
    assert [8, 3] == note[1:3]
