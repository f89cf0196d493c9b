"""Secrets: readable by their owner only, encrypted if there is a passphrase, and never shown by accident."""

from collections.abc import Callable
from pathlib import Path

import pytest

from broker.crypto.derive import derive
from broker.crypto.errors import UnusableKeyError
from broker.crypto.keyring import (
    WrongKeyFileError,
    load_keyring,
    new_keys,
    save_key,
    save_plain,
    token_name,
)
from broker.crypto.keys import KemKey, KemPublic, SigningKey, check_kem_key, key_id_of
from broker.crypto.open import open_view
from broker.crypto.slips import new_slip_key
from broker.crypto.storage import load_secret, make_private_folder, save_secret
from broker.crypto.tokens import IdentifierKind, KeyedTokens
from broker.crypto.vault import Vault, pairwise_handle
from broker.errors import ConfigurationError, TamperedError
from schemas.wire import Kem, PartKind
from tests.support.sealing import AUTHOR, BOARD, CAST, CORE, Drawn, a_draft, keys_of, sealed, view_of

SECRET = bytes(range(32))
PASSPHRASE = "correct horse battery staple"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "encrypted"])
def test_a_secret_comes_back_and_only_its_owner_can_open_it(home: Path, passphrase: str | None) -> None:
    save_secret(home / "a.key", SECRET, entropy=Drawn("disk"), passphrase=passphrase)

    assert SECRET == load_secret(home / "a.key", passphrase=passphrase)
    assert (0o700, 0o600) == (mode(home), mode(home / "a.key"))
    assert (passphrase is None) == (SECRET in (home / "a.key").read_bytes())


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o700, 0o644])
def test_a_file_that_others_may_open_is_refused_with_the_command_that_mends_it(home: Path, bits: int) -> None:
    save_secret(home / "a.key", SECRET, entropy=Drawn("disk"))
    (home / "a.key").chmod(bits)

    with pytest.raises(ConfigurationError, match=f"mode {bits:04o}.*chmod 0600"):
        load_secret(home / "a.key")


@pytest.mark.parametrize("bits", [0o750, 0o705, 0o755, 0o777])
def test_a_folder_that_others_may_open_is_refused(home: Path, bits: int) -> None:
    save_secret(home / "a.key", SECRET, entropy=Drawn("disk"))
    home.chmod(bits)

    for attempt in (
        lambda: load_secret(home / "a.key"),
        lambda: save_secret(home / "b.key", SECRET, entropy=Drawn("disk")),
        lambda: make_private_folder(home),
    ):
        with pytest.raises(ConfigurationError, match="chmod 0700"):
            attempt()
    assert not (home / "b.key").exists()


def test_a_secret_is_never_overwritten(home: Path) -> None:
    save_secret(home / "a.key", SECRET, entropy=Drawn("disk"))

    with pytest.raises(ConfigurationError, match="exists already"):
        save_secret(home / "a.key", bytes(32), entropy=Drawn("disk"))
    assert SECRET == load_secret(home / "a.key")


def test_a_missing_secret_or_folder_is_named(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="keys is missing"):
        load_secret(home / "a.key")
    make_private_folder(home)
    with pytest.raises(ConfigurationError, match=r"a\.key is missing"):
        load_secret(home / "a.key")


def test_an_encrypted_secret_opens_with_its_own_passphrase_only(home: Path) -> None:
    path = home / "a.key"
    save_secret(path, SECRET, entropy=Drawn("disk"), passphrase=PASSPHRASE)

    with pytest.raises(ConfigurationError, match="is encrypted; give its passphrase"):
        load_secret(path)
    with pytest.raises(ConfigurationError, match="does not open with this passphrase"):
        load_secret(path, passphrase="wrong")
    for damaged in (path.read_bytes()[:20], path.read_bytes()[:-1] + b"\x00"):
        path.write_bytes(damaged)
        with pytest.raises(ConfigurationError, match="does not open with this passphrase"):
            load_secret(path, passphrase=PASSPHRASE)


def fill(home: Path, passphrase: str | None = None) -> tuple[SigningKey, KemKey, KemKey]:
    entropy = Drawn("home")
    sign, kem = new_keys(Kem.MLKEM768_X25519, entropy)
    _, p256 = new_keys(Kem.P256, entropy)
    for key in (sign, kem, p256):
        save_key(home, key, entropy=entropy, passphrase=passphrase)
    for name in ("vault", token_name(1), token_name(2)):
        save_plain(home, name, entropy(32), entropy=entropy, passphrase=passphrase)
    return sign, kem, p256


def test_a_home_keeps_every_kind_of_key_and_finds_it_by_id(home: Path) -> None:
    sign, kem, p256 = fill(home, PASSPHRASE)

    ring = load_keyring(home, passphrase=PASSPHRASE)

    assert sign.public == ring.sign_key(["0" * 16, sign.key_id]).public
    assert {kem.key_id: kem.public, p256.key_id: p256.public} == {
        key_id: key.public for key_id, key in ring.kems.items()
    }
    assert 32 == len(ring.secret("vault"))
    assert 2 == ring.tokens().epoch
    with pytest.raises(ConfigurationError, match="is encrypted"):
        load_keyring(home)


def test_what_a_home_lacks_is_named(home: Path) -> None:
    make_private_folder(home)
    ring = load_keyring(home)

    with pytest.raises(ConfigurationError, match="none of the signing keys"):
        ring.sign_key(["0" * 16])
    with pytest.raises(ConfigurationError, match="'vault' is missing"):
        ring.secret("vault")
    with pytest.raises(ConfigurationError, match="child tokens is missing"):
        ring.tokens()


def _renamed(path: Path) -> None:
    path.rename(path.with_name(f"{path.stem.partition('-')[0]}-0123456789abcdef.key"))


def _unknown_use(path: Path) -> None:
    path.rename(path.with_name(f"rsa-{path.stem.partition('-')[2]}.key"))


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("use", ["sign", "kem"])
@pytest.mark.parametrize("damage", [_renamed, _unknown_use, _cut_short])
def test_a_key_file_that_is_not_what_its_name_says_stops_the_start(
    home: Path, use: str, damage: Callable[[Path], None]
) -> None:
    fill(home)
    damage(next(home.glob(f"{use}-*.key")))

    with pytest.raises(WrongKeyFileError, match="does not hold"):
        load_keyring(home)


def test_nothing_that_holds_a_secret_shows_it(home: Path) -> None:
    """Keys, rings, vaults and opened events name themselves by fingerprints; a log line cannot leak them."""
    sign, kem, p256 = fill(home)
    ring = load_keyring(home)
    vault = ring.secret("vault")
    slip_key = new_slip_key(AUTHOR, BOARD, CAST.board.as_public, Drawn("slip"))
    event = sealed()
    opened = open_view(view_of(CAST.front), CAST.public_of, keys_of(CAST.front))
    part_key = event.part_keys[0]
    keys = derive(part_key, bytes(32), 0, PartKind.CORE)
    holders: list[object] = [
        sign, kem, p256, ring, Vault(vault), ring.tokens(), slip_key, event, opened, *opened.parts, keys, a_draft(),
    ]  # fmt: skip
    secrets = [
        sign.secret(), kem.secret(), p256.secret(), vault, ring.secret("token-2"), slip_key.secret, part_key,
        keys.key, keys.nonce, CORE,
    ]  # fmt: skip

    for holder in holders:
        shown = f"{holder!r} {holder!s} {holder}"
        for secret in secrets:
            assert repr(secret)[2:-1] not in shown
            assert secret.hex() not in shown
    assert f"SigningKey({sign.key_id})" == repr(sign)
    assert f"KemKey({p256.key_id}, p256)" == repr(p256)
    assert sign.key_id in repr(ring)
    assert repr(Vault(vault)) != repr(Vault(bytes(32)))


def test_a_vault_gives_part_keys_back_to_its_own_gateway_only() -> None:
    vault = Vault(SECRET)
    part_key = sealed().part_keys[0]
    closed = vault.close(part_key)

    assert part_key == vault.open(closed)
    assert 40 == len(closed)
    assert part_key not in closed
    for wrong, wrapped in (
        (Vault(bytes(32)), closed),
        (vault, closed[:-1] + bytes([closed[-1] ^ 1])),
        (vault, closed[:-8]),
        (vault, b""),
    ):
        with pytest.raises(TamperedError, match="does not open with this gateway's vault key"):
            wrong.open(wrapped)


async def test_tokens_are_the_same_everywhere_and_differ_by_kind_value_epoch_and_secret() -> None:
    tokens = KeyedTokens(SECRET, 1)
    token = await tokens.token(IdentifierKind.NHS_NUMBER, "9990000018")
    others = [
        tokens.token_now(IdentifierKind.UPN, "9990000018"),
        tokens.token_now(IdentifierKind.NHS_NUMBER, "9990000026"),
        KeyedTokens(SECRET, 2).token_now(IdentifierKind.NHS_NUMBER, "9990000018"),
        KeyedTokens(bytes(32), 1).token_now(IdentifierKind.NHS_NUMBER, "9990000018"),
    ]

    assert token == KeyedTokens(SECRET, 1).token_now(IdentifierKind.NHS_NUMBER, "9990000018")
    assert (1, 16) == (token.epoch, len(token.value))
    assert 5 == len({token, *others})
    assert 4 == len({other.value for other in others})


def test_references_and_handles_are_keyed_and_each_partys_own() -> None:
    tokens, other = KeyedTokens(SECRET, 1), KeyedTokens(bytes(32), 1)
    references = {
        tokens.matter_ref("m-a", "plan-1"),
        tokens.matter_ref("m-b", "plan-1"),
        tokens.matter_ref("m-a", "plan-2"),
        other.matter_ref("m-a", "plan-1"),
    }
    child = bytes(16)
    handles = {
        pairwise_handle(SECRET, "m-a", child),
        pairwise_handle(SECRET, "m-b", child),
        pairwise_handle(SECRET, "m-a", bytes([1]) * 16),
        pairwise_handle(bytes(32), "m-a", child),
    }

    assert (4, 4, {16}) == (len(references), len(handles), {len(one) for one in references | handles})
    assert pairwise_handle(SECRET, "m-a", child) in handles


@pytest.mark.parametrize(
    ("kem", "public"),
    [
        pytest.param(Kem.MLKEM768_X25519, CAST.front.public[:1184] + bytes(32), id="x25519 point 0"),
        pytest.param(
            Kem.MLKEM768_X25519, CAST.front.public[:1184] + b"\x01" + bytes(31), id="x25519 point 1"
        ),
        pytest.param(Kem.MLKEM768_X25519, CAST.front.public[:-1], id="cut short"),
        pytest.param(Kem.MLKEM768_X25519, CAST.front.public + b"\x00", id="too long"),
        pytest.param(Kem.MLKEM768_X25519, b"\xff" * 1216, id="coefficients beyond the modulus"),
        pytest.param(Kem.MLKEM768_X25519, CAST.police.public, id="a p256 key as a hybrid one"),
        pytest.param(Kem.P256, CAST.front.public, id="a hybrid key as a p256 one"),
        pytest.param(Kem.P256, b"\x04" + bytes(64), id="p256 point off the curve"),
        pytest.param(Kem.P256, b"\x00", id="p256 point at infinity"),
    ],
)
def test_a_public_key_that_nothing_can_be_sealed_to_is_refused(kem: Kem, public: bytes) -> None:
    with pytest.raises(UnusableKeyError):
        check_kem_key(kem, public)


def test_keys_are_known_by_the_fingerprint_of_their_public_half() -> None:
    for key in (CAST.front, CAST.police):
        check_kem_key(key.kem, key.public)
        assert key_id_of(key.public) == key.key_id == KemPublic.load(key.kem, key.public).key_id
