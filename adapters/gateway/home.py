"""A member's home: keys, access to the bus, the directory, state and custody, all in one folder of mode 0700."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from adapters.gateway.errors import NoKeyError, NotAFrontDoorError, StandbyError
from broker.bus.connection import Access
from broker.bus.topology import STANDBY, standby_durable
from broker.clock import Clock, Entropy, system_clock, system_entropy
from broker.config import read_card
from broker.crypto.directories import Accept, Refuse, judge_directory, reopen_directory
from broker.crypto.keyring import Keyring, load_keyring
from broker.crypto.keys import SigningKey
from broker.crypto.vault import Vault
from broker.durable import write_whole
from broker.errors import ConfigurationError
from broker.faults import Gap, no_gap
from broker.store.gateway.store import Custody, GatewayStore
from schemas.directory import Directory
from schemas.ids import MemberId
from schemas.members import ROUTER, Member

_STATE: Final = "gateway.db"
_CUSTODY: Final = "custody.db"
_LATELY: Final = 4096
_USED: Final = "used"
"""Stands in a home that was opened before; tells a new home from one whose databases were deleted."""


@dataclass(slots=True)
class Home:
    """An opened home. ``clock`` and ``entropy`` are the only ways in for time and randomness."""

    folder: Path
    member_id: MemberId
    keyring: Keyring
    vault: Vault
    store: GatewayStore
    custody: Custody
    clock: Clock
    entropy: Entropy
    gap: Gap
    lost: bool
    """The home was in use, and both its databases are gone: nothing here remembers what was sent."""
    standby: bool
    """This home stands by for a front door: it answers for it when it is late, and does nothing else."""
    durable: str
    """Its name on the bus, and of its place in its inbox; whoever has taken over keeps the standby's."""
    _kept: Path
    """The directory's file."""
    _directory: Directory
    _seen: int
    _lately: dict[int, str] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        clock: Clock = system_clock,
        entropy: Entropy = system_entropy,
        gap: Gap = no_gap,
    ) -> "Home":
        """Open a home.

        Raises:
            ConfigurationError: something is missing, or open to others.
        """
        path = Path(folder)
        card = read_card(path)
        try:
            signed = (path / "directory.bin").read_bytes()
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"{path} is not a member's home; `handrail directory add-member` makes one"
            ) from error
        # Empty while it stands by; afterwards it says who took over with it, and when.
        marker = (path / STANDBY).read_text() if (path / STANDBY).exists() else None
        keyring = load_keyring(path / "keys")
        used = path / _USED
        lost = used.exists() and not any((path / name).exists() for name in (_STATE, _CUSTODY))
        store, custody = GatewayStore(path / _STATE), Custody(path / _CUSTODY)
        used.touch(0o600)
        return cls(
            folder=path,
            member_id=MemberId(card.id),
            keyring=keyring,
            vault=Vault(keyring.secret("vault")),
            store=store,
            custody=custody,
            clock=clock,
            entropy=entropy,
            gap=gap,
            lost=lost,
            standby=marker is not None and not marker,
            durable=card.id if marker is None else standby_durable(card.id),
            _kept=path / "directory.bin",
            _directory=reopen_directory(signed),
            _seen=(path / "directory.bin").stat().st_mtime_ns,
        )

    @property
    def directory(self) -> Directory:
        """The directory in use; a newer, rightly signed file is taken up."""
        changed = self._kept.stat().st_mtime_ns
        if changed != self._seen:
            self._seen = changed
            self.consider(self._kept.read_bytes(), self.clock())
        return self._directory

    def consider(self, signed: bytes, now: datetime) -> Accept | Refuse:
        """Judge a directory that came; take it up if it is to be trusted. The caller keeps its bytes."""
        verdict = judge_directory(signed, self._directory, self._directory.roots, now)
        if isinstance(verdict, Accept):
            self._directory = verdict.directory
            self.keyring = load_keyring(self.folder / "keys")
        return verdict

    def came(self, number: int, kind: str) -> None:
        """An event of this type was opened to be taken in. Remembered for a while, by this process alone."""
        if len(self._lately) >= _LATELY:
            self._lately.clear()
        self._lately[number] = kind

    def kind_of(self, number: int) -> str | None:
        """The type of an event that came lately: asked once, without opening it again. None: it is not remembered."""
        return self._lately.pop(number, None)

    @property
    def me(self) -> Member:
        """This member, as the directory lists it. Raises ConfigurationError where it does not."""
        member = self.directory.member(self.member_id)
        if member is None:
            raise ConfigurationError(f"{self.member_id} is not in the directory")
        return member

    @property
    def own_area(self) -> str:
        """The area that this front door answers for. Raises NotAFrontDoorError where it is none."""
        if not self.me.front_door:
            raise NotAFrontDoorError
        return self.me.areas[0]

    def routers(self, key_id: str) -> bytes | None:
        """The public key of this id if it is one of the router's."""
        key = self.directory.key(key_id)
        return key.public if key is not None and key.owner == ROUTER else None

    def signer(self) -> SigningKey:
        """The key to sign with now; an expired one still signs, and is countersigned when it is sent.

        Raises:
            NoKeyError: every key of this member is revoked.
            ConfigurationError: the keys that the directory names are not here.
        """
        now = self.clock()
        mine = [key for key in self.me.keys if key.use.value == "sign" and key.revoked_at is None]
        if not mine:
            raise NoKeyError
        usable = [key.key_id for key in mine if key.usable(now)]
        newest_first = [key.key_id for key in sorted(mine, key=lambda key: key.not_before, reverse=True)]
        return self.keyring.sign_key([*usable, *newest_first])

    def take_over(self, by: str) -> None:
        """From now on this home is the front door's own: a person has said so. Raises StandbyError if it is none."""
        if not self.standby:
            raise StandbyError("this home does not stand by for anybody")
        said = {"by": by, "at": self.clock().isoformat(timespec="seconds")}
        write_whole(self.folder / STANDBY, json.dumps(said).encode())
        self.standby = False

    def access(self, url: str | None = None) -> Access:
        """How this member signs in to the bus. Raises ConfigurationError where no server was ever named."""
        try:
            found = url or (self.folder / "nats" / "url").read_text()
        except FileNotFoundError as error:
            raise ConfigurationError("no server is known yet; start one, or give --url") from error
        return Access.in_folder(self.folder / "nats", self.durable, found)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.custody.close()
