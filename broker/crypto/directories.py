"""Whether to trust a directory: the roots' signatures, no way back, no fork. Pure; gateways and services ask it.

``judge_directory`` decides on a change of trust. ``reopen_directory`` reads one's own copy again, however old:
an expired directory stops changes, not publishing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from broker.crypto.errors import UnusableKeyError
from broker.crypto.keys import KEM_ALGORITHMS, KemPublic, SigningKey, check_kem_key, check_signing_key
from broker.crypto.signing import sign, verify
from broker.errors import HandrailError, TamperedError
from schemas.canonical import NotCanonicalError
from schemas.directory import LABEL, Directory, SignedDirectory, digest_of
from schemas.members import Algorithm, PublishedKey, RootSet
from schemas.reading import MalformedMessageError

CLOCK_LEEWAY: Final = timedelta(minutes=5)
"""How far ahead of ours the roots' clock may be."""
_KEMS: Final = {Algorithm(name): kem for kem, name in KEM_ALGORITHMS.items()}


def published_kem(key: PublishedKey) -> KemPublic:
    """A member's key to seal to, as the directory has it. Raises UnusableKeyError."""
    return KemPublic.load(_KEMS[key.algorithm], key.public)


class DirectoryBrokenError(TamperedError):
    """Our own copy of the directory is not one that the roots signed."""


@dataclass(frozen=True, slots=True)
class Accept:
    """The directory may be used. ``digest`` is the SHA-256 of its document, ``signers`` the roots' key ids."""

    directory: Directory
    digest: bytes
    signers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Refuse:
    """The directory may not be used; ``code`` is stable, ``sentence`` says what is wrong and what to do."""

    code: str
    sentence: str


def sign_directory(directory: Directory, roots: tuple[SigningKey, ...]) -> SignedDirectory:
    """Have each of ``roots`` sign the directory. Whether they are enough is for the judgement."""
    document = directory.to_bytes()
    digest = digest_of(document)
    return SignedDirectory(document, tuple(sign(root, LABEL, digest) for root in roots))


def judge_directory(
    candidate: bytes, current: Directory | None, roots: RootSet, now: datetime
) -> Accept | Refuse:
    """Decide whether ``candidate`` (the bytes of a ``directory.bin``) replaces ``current``.

    ``roots`` are those trusted from the start; with a ``current`` directory its own roots count instead.
    What the caller still owes: to keep the bytes, durably, before acting on them.
    """
    # 1. Form of the file, 2. form of the document.
    try:
        signed = SignedDirectory.from_bytes(candidate)
        directory = Directory.from_bytes(signed.document)
    except (NotCanonicalError, MalformedMessageError) as error:
        return Refuse("malformed", f"It is not a directory file ({error}). Fetch it again.")
    # 3. Enough of the roots that are trusted today.
    trusted = roots if current is None else current.roots
    signers = signers_of(signed, trusted)
    if len(signers) < trusted.threshold:
        return Refuse(
            "too-few-signatures",
            f"{len(signers)} of the {trusted.threshold} signatures needed are there and hold."
            " Have more roots sign it; if roots changed twice, fetch the versions between in order.",
        )
    # 4. A new set of roots has also signed, so that it is known to work.
    if directory.roots != trusted and len(signers_of(signed, directory.roots)) < directory.roots.threshold:
        return Refuse(
            "new-roots-unsigned", "It names new roots and not enough of them signed it. Have them sign too."
        )
    # 5. The same bytes again change nothing, even when expired.
    if current is not None and directory == current:
        return Accept(directory, signed.digest, signers)
    # 6. No way back, no fork, no broken chain.
    refusal = _against(directory, current)
    if refusal is not None:
        return refusal
    # 7. Every key that is new can do what it is for: nobody else checks that again.
    unusable = _unusable(directory, current)
    if unusable is not None:
        return Refuse(
            "unusable-key",
            f"Its key {unusable} is not usable. Have its owner make a new one, and sign again.",
        )
    # 8. Time: an expired directory, or one of the future, changes no trust.
    if directory.issued_at > now + CLOCK_LEEWAY:
        return Refuse(
            "not-yet-issued", "It is issued in the future. Compare the clocks of this machine and the roots."
        )
    if directory.expires_at <= now:
        return Refuse(
            "expired", f"It expired at {directory.expires_at:%Y-%m-%d %H:%M} UTC. Have it signed anew."
        )
    return Accept(directory, signed.digest, signers)


def _unusable(directory: Directory, current: Directory | None) -> str | None:
    for root in directory.roots.keys:
        try:
            check_signing_key(root.public)
        except UnusableKeyError:
            return root.key_id
    for key in directory.all_keys():
        if current is not None and current.key(key.key_id) is not None:
            continue
        try:
            if key.algorithm is Algorithm.ED25519:
                check_signing_key(key.public)
            else:
                check_kem_key(_KEMS[key.algorithm], key.public)
        except UnusableKeyError:
            return key.key_id
    return None


def _against(directory: Directory, current: Directory | None) -> Refuse | None:
    if current is None:
        return None
    if directory.version < current.version:
        return Refuse(
            "rollback",
            f"It is version {directory.version} and version {current.version} is in use. Never go back: find out who sent it.",
        )
    if directory.version == current.version:
        return Refuse(
            "fork",
            f"It says other things than the version {current.version} in use. Two were signed: call the operators.",
        )
    follows = directory.version == current.version + 1
    if follows and directory.previous != digest_of(current.to_bytes()).hex():
        return Refuse(
            "broken-chain",
            f"It does not follow from version {current.version} in use. Two were signed: call the operators.",
        )
    return None


def signers_of(signed: SignedDirectory, roots: RootSet) -> frozenset[str]:
    """The ids of the roots whose signature over exactly this document holds, each counted once."""
    found: set[str] = set()
    for signature in signed.signatures:
        try:
            checked = verify(signature, LABEL, roots.public_of)
        except HandrailError:
            continue  # not a root's, or broken: it counts for nothing
        if checked.payload == signed.digest:
            found.add(checked.key_id)
    return frozenset(found)


def reopen_directory(data: bytes) -> Directory:
    """Read one's own copy, whose bytes were judged when they came; expiry does not matter.

    Raises:
        DirectoryBrokenError: the copy is damaged, or its own roots did not sign it.
    """
    try:
        signed = SignedDirectory.from_bytes(data)
        directory = Directory.from_bytes(signed.document)
    except (NotCanonicalError, MalformedMessageError) as error:
        raise DirectoryBrokenError(f"the stored directory is damaged: {error}") from error
    if len(signers_of(signed, directory.roots)) < directory.roots.threshold:
        raise DirectoryBrokenError("the stored directory is not signed by enough of its roots")
    return directory
