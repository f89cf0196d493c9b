"""Key pairs: what signs, and what receives. A key's id is the first 8 bytes of its public key's SHA-256, in hex.

``repr`` of a private key shows its id and nothing else.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from broker.crypto.errors import NotAddressedError, UnusableKeyError
from schemas.wire import Kem

_HYBRID: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_P256: Final = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_MLKEM_PUBLIC: Final = 1184
_MLKEM_SEED: Final = 64
_ED25519_BYTES: Final = 32

SIGNING_ALGORITHM: Final = "ed25519"
KEM_ALGORITHMS: Final = {Kem.MLKEM768_X25519: "mlkem768-x25519", Kem.P256: "p256"}

_Private: TypeAlias = hpke.MLKEM768X25519PrivateKey | ec.EllipticCurvePrivateKey
_Public: TypeAlias = hpke.MLKEM768X25519PublicKey | ec.EllipticCurvePublicKey


def key_id_of(public: bytes) -> str:
    """The id under which a public key is known: 16 hex digits."""
    return hashlib.sha256(public).digest()[:8].hex()


class SigningKey:
    """An Ed25519 private key. Never leaves its owner's gateway."""

    __slots__ = ("_seed", "_signs_with", "key_id", "public")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self.public, self._signs_with = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.key_id = key_id_of(self.public)

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over ``data``; the same input always gives the same signature."""
        return nacl.bindings.crypto_sign(data, self._signs_with)[: nacl.bindings.crypto_sign_BYTES]

    def secret(self) -> bytes:
        """The seed, for ``broker.crypto.storage`` only."""
        return self._seed

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def check_signing_key(public: bytes) -> None:
    """Refuse a public key under which signatures could be forged, such as a point of small order.

    Raises:
        UnusableKeyError: wrong length, not on the curve, or of small order.
    """
    if len(public) != _ED25519_BYTES or not nacl.bindings.crypto_core_ed25519_is_valid_point(public):
        raise UnusableKeyError("not a usable Ed25519 public key")


def check_kem_key(kem: Kem, public: bytes) -> None:
    """Refuse a public key that nothing can be sealed to: one in the directory would stop its readers' events.

    Raises:
        UnusableKeyError: no such key, or its curve point is of small order.
    """
    KemPublic.load(kem, public).seal(b"", b"")


def signature_holds(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``data`` is by ``public``. PyNaCl, because it refuses small-order keys."""
    if len(signature) != nacl.bindings.crypto_sign_BYTES or len(public) != _ED25519_BYTES:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + data, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class KemPublic:
    """Somebody's public key that part keys are sealed to."""

    key_id: str
    kem: Kem
    key: _Public

    @classmethod
    def load(cls, kem: Kem, public: bytes) -> "KemPublic":
        """Read raw public bytes: ML-KEM-768 (1,184) then X25519 (32), or an uncompressed P-256 point.

        Raises:
            UnusableKeyError: the bytes are no such key.
        """
        return _loaded(kem, public)

    def seal(self, secret: bytes, info: bytes) -> bytes:
        """HPKE base mode, single shot, with ``info`` bound in. Raises UnusableKeyError."""
        try:
            return _suite(self.kem).encrypt(secret, self.key, info)
        except ValueError as error:
            raise UnusableKeyError(f"nothing can be sealed to key {self.key_id}") from error


@lru_cache(maxsize=1024)
def _loaded(kem: Kem, public: bytes) -> KemPublic:
    """A reader's key is the same from event to event, and takes a quarter as long to read as to seal to."""
    try:
        key: _Public
        if kem is Kem.P256:
            _require_uncompressed(public)
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        else:
            key = hpke.MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
                x25519.X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
            )
    except ValueError as error:
        raise UnusableKeyError(f"not a usable {KEM_ALGORITHMS[kem]} public key") from error
    return KemPublic(key_id_of(public), kem, key)


class KemKey:
    """A private key that part keys are opened with."""

    __slots__ = ("_private", "_secret", "kem", "key_id", "public")

    def __init__(self, kem: Kem, secret: bytes) -> None:
        self.kem = kem
        self._secret = secret
        self._private, self.public = _derive(kem, secret)
        self.key_id = key_id_of(self.public)

    @classmethod
    def generate(cls, kem: Kem, entropy: bytes) -> "KemKey":
        """Make a key from fresh unpredictable bytes: 96 for the hybrid, 32 for P-256."""
        if kem is Kem.P256:
            # A uniform scalar in 1 .. order-1, without the bias of a plain remainder for any practical purpose.
            order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
            scalar = int.from_bytes(hashlib.shake_256(entropy).digest(48), "big") % (order - 1) + 1
            return cls(kem, scalar.to_bytes(32, "big"))
        return cls(kem, entropy)

    @property
    def as_public(self) -> KemPublic:
        """The public half, ready to seal to."""
        return KemPublic.load(self.kem, self.public)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Undo ``KemPublic.seal``.

        Raises:
            NotAddressedError: not sealed to this key, or under another ``info``.
        """
        try:
            return _suite(self.kem).decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError) as error:
            raise NotAddressedError("the key wrap does not open with this key in this context") from error

    def secret(self) -> bytes:
        """The private bytes, for ``broker.crypto.storage`` only."""
        return self._secret

    def __repr__(self) -> str:
        return f"KemKey({self.key_id}, {KEM_ALGORITHMS[self.kem]})"


def _require_uncompressed(point: bytes) -> None:
    # The library reads compressed points too, which would give one key two ids.
    if point[:1] != b"\x04":
        raise ValueError("not an uncompressed point")


def _suite(kem: Kem) -> hpke.Suite:
    return _P256 if kem is Kem.P256 else _HYBRID


def _derive(kem: Kem, secret: bytes) -> tuple[_Private, bytes]:
    if kem is Kem.P256:
        scalar = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        return scalar, scalar.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(secret[:_MLKEM_SEED])
    curve = x25519.X25519PrivateKey.from_private_bytes(secret[_MLKEM_SEED:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return hpke.MLKEM768X25519PrivateKey(lattice, curve), public
