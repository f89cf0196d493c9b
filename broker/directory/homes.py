"""Homes: the folders in which members and the router keep their keys, their access to the bus and the directory."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from broker.bus.credentials import UserKey, new_user_key, user_key
from broker.bus.topology import STANDBY, standby_durable
from broker.clock import Entropy
from broker.crypto.certificates import issue
from broker.crypto.keyring import SECRET_BYTES, load_keyring, new_keys, save_key, save_plain, token_name
from broker.crypto.keys import KemKey, SigningKey
from broker.crypto.storage import load_secret, make_private_folder, save_secret
from broker.directory.layout import Layout
from broker.durable import write_whole
from broker.errors import ConfigurationError
from schemas.directory import Directory
from schemas.ids import MemberId
from schemas.members import Member
from schemas.wire import Kem

TOKEN_EPOCH = 1


def make_shared_secret(layout: Layout, entropy: Entropy) -> None:
    """Draw the secret for child tokens; each member's home gets a copy, the router's never."""
    save_plain(layout.shared, token_name(TOKEN_EPOCH), entropy(SECRET_BYTES), entropy=entropy)


def make_access(folder: Path, tls: Path, name: str, now: datetime, entropy: Entropy) -> UserKey:
    """A user of the bus: ``user.seed``, ``client.pem``, ``client.key``, ``ca.pem`` in ``folder``."""
    key = new_user_key(entropy)
    save_secret(folder / "user.seed", key.seed, entropy=entropy)
    issue(tls, folder, name, now)
    return key


def make_router_home(layout: Layout, now: datetime, entropy: Entropy) -> tuple[SigningKey, KemKey]:
    """The router's keys, its secret for handles and its access to the bus."""
    make_private_folder(layout.router)
    keys = layout.router / "keys"
    sign, kem = new_keys(Kem.MLKEM768_X25519, entropy)
    save_key(keys, sign, entropy=entropy)
    save_key(keys, kem, entropy=entropy)
    save_plain(keys, "handles", entropy(SECRET_BYTES), entropy=entropy)
    make_access(layout.router / "nats", layout.tls, "router", now, entropy)
    return sign, kem


def make_log_home(layout: Layout, now: datetime, entropy: Entropy) -> SigningKey:
    """The audit service's key and its access to the bus."""
    make_private_folder(layout.log)
    key = SigningKey(entropy(SECRET_BYTES))
    save_key(layout.log / "keys", key, entropy=entropy)
    make_access(layout.log / "nats", layout.tls, "log", now, entropy)
    return key


def make_member_home(
    layout: Layout, member_id: MemberId, kem: Kem, now: datetime, entropy: Entropy
) -> tuple[SigningKey, KemKey, UserKey]:
    """A member's keys, vault, token secret and access to the bus."""
    make_private_folder(layout.members)
    home = layout.home(member_id)
    make_private_folder(home)
    sign, receive = add_keys(home / "keys", kem, entropy)
    save_plain(home / "keys", "vault", entropy(SECRET_BYTES), entropy=entropy)
    for name, secret in load_keyring(layout.shared).secrets.items():
        save_plain(home / "keys", name, secret, entropy=entropy)
    return sign, receive, make_access(home / "nats", layout.tls, member_id, now, entropy)


def make_standby_home(home: Path, folder: Path, tls: Path, now: datetime, entropy: Entropy) -> str:
    """A front door's standby: the front door's keys, but an access to the bus, databases and a place of its own.

    Safe to repeat: what is there stays, and keys that the front door got since are added. Gives the public key of the
    standby's user.

    Raises:
        ConfigurationError: ``folder`` is open to others, or is not a standby's home.
    """
    if (folder / "member.json").exists() and not (folder / STANDBY).exists():
        raise ConfigurationError(
            f"{folder} is the home of a gateway that does not stand by; give another folder"
        )
    make_private_folder(folder)
    if not (folder / STANDBY).exists():
        # Where somebody has taken over it says so, and goes on saying so.
        write_whole(folder / STANDBY, b"")
    make_private_folder(folder / "keys")
    for key in sorted((home / "keys").iterdir()):
        write_whole(folder / "keys" / key.name, key.read_bytes())
    for name in ("member.json", "directory.bin"):
        write_whole(folder / name, (home / name).read_bytes())
    seed = folder / "nats" / "user.seed"
    if seed.exists():
        return user_key(load_secret(seed)).public
    member = json.loads((home / "member.json").read_text())["id"]
    return make_access(folder / "nats", tls, standby_durable(member), now, entropy).public


def add_keys(keys: Path, kem: Kem, entropy: Entropy) -> tuple[SigningKey, KemKey]:
    """Fresh keys beside the old ones, which open what is still under way."""
    sign, receive = new_keys(kem, entropy)
    save_key(keys, sign, entropy=entropy)
    save_key(keys, receive, entropy=entropy)
    return sign, receive


def member_card(member: Member) -> dict[str, Any]:
    """``member.json``: what a home says about itself, in clear."""
    return {
        "id": member.id,
        "kind": member.kind.value,
        "name": member.name,
        "areas": list(member.areas),
        "front_door": member.front_door,
    }


def hand_out(layout: Layout, directory: Directory, signed: bytes) -> None:
    """Give every home on this machine the directory. Safe to repeat."""
    for home in (layout.router, layout.log):
        if home.is_dir():
            write_whole(home / "directory.bin", signed)
    for member in directory.members:
        home = layout.home(member.id)
        if home.is_dir():
            card = json.dumps(member_card(member), indent=1, ensure_ascii=False)
            write_whole(home / "member.json", card.encode())
            write_whole(home / "directory.bin", signed)
