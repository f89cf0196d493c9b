"""Where the parts are put together: clock, randomness, files and keys enter here and nowhere below."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.bus.connection import Access, Bus, connect
from broker.bus.topology import DEFAULT_SHARDS
from broker.clock import system_clock, system_entropy
from broker.crypto.directories import Accept, judge_directory, reopen_directory
from broker.crypto.keyring import load_keyring
from broker.errors import ConfigurationError
from broker.faults import gap_of
from broker.routing.desk import RouterKeys
from broker.routing.relay import GRID_MS
from broker.routing.service import RouterParts, RouterService
from broker.routing.standing import check_standing
from broker.store.router.store import RouterStore
from broker.telemetry.watching import RouterWatch, UnwatchedRouter
from schemas.areas import AreaRegister
from schemas.directory import Directory
from schemas.errors import MalformedIdentifierError
from schemas.ids import GssCode

_GRID: Final = "HANDRAIL_RELAY_GRID_S"


class DirectoryFile:
    """The directory as it lies in a home; a newer, rightly signed one is taken up when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._directory = reopen_directory(path.read_bytes())
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"{path} is missing; run `handrail directory init` or copy it here"
            ) from error
        self._seen = path.stat().st_mtime_ns

    def __call__(self) -> Directory:
        """The directory in use now. A candidate that is not to be trusted changes nothing."""
        changed = self._path.stat().st_mtime_ns
        if changed != self._seen:
            self._seen = changed
            verdict = judge_directory(
                self._path.read_bytes(), self._directory, self._directory.roots, system_clock()
            )
            if isinstance(verdict, Accept):
                self._directory = verdict.directory
        return self._directory


@dataclass(frozen=True, slots=True)
class RouterHome:
    """The router's folder: ``keys/``, ``nats/``, ``directory.bin``, ``router.db``."""

    folder: Path

    @property
    def database(self) -> Path:
        """Its state."""
        return self.folder / "router.db"

    def access(self, url: str | None = None) -> Access:
        """How it signs in to the bus. Raises ConfigurationError where no server was ever named."""
        try:
            found = url or (self.folder / "nats" / "url").read_text()
        except FileNotFoundError as error:
            raise ConfigurationError(
                "no server is known yet; start one with `handrail up` or give --url"
            ) from error
        return Access.in_folder(self.folder / "nats", "router", found)


def area_check() -> Callable[[str], bool]:
    """Tells whether a GSS code is an area that an event may name: of England, now or before, or of its neighbours."""
    register = AreaRegister.load()

    def check(code: str) -> bool:
        try:
            gss = GssCode(code)
        except MalformedIdentifierError:
            return False
        return register.known(gss) or not gss.startswith("E")

    return check


def relay_grid_ms() -> int:
    """How far apart the relay's slots are: a quarter of an hour, or what the environment says in whole seconds.

    Raises:
        ConfigurationError: not a number of seconds.
    """
    asked = os.environ.get(_GRID)
    if not asked:
        return GRID_MS
    if not asked.isdecimal() or int(asked) == 0:
        raise ConfigurationError(f"{_GRID} is a whole number of seconds, not {asked!r}")
    return int(asked) * 1000


async def make_router(
    home: RouterHome, url: str | None, watch: RouterWatch | None = None
) -> tuple[RouterService, Bus, RouterStore]:
    """Put a router together and sign it in.

    Raises:
        ConfigurationError: keys or directory are missing or open to others.
        TamperedError: the database is an old copy; see ``broker.routing.standing``.
        UnavailableError: the bus cannot be reached.
    """
    directory = DirectoryFile(home.folder / "directory.bin")
    keyring = load_keyring(home.folder / "keys")
    usable = [key.key_id for key in directory().router.sign_keys if key.usable(system_clock())]
    keys = RouterKeys(keyring.sign_key(usable), keyring.secret("handles"))
    store = RouterStore(home.database)
    try:
        bus = await connect(home.access(url))
        try:
            await check_standing(bus, store, directory(), DEFAULT_SHARDS)
        except BaseException:
            await bus.close()
            raise
    except BaseException:
        store.close()
        raise
    parts = RouterParts(
        bus=bus,
        store=store,
        keys=keys,
        routing_keys=keyring.kems,
        directory=directory,
        clock=system_clock,
        shards=DEFAULT_SHARDS,
        is_area=area_check(),
        entropy=system_entropy,
        gap=gap_of("router"),
        grid_ms=relay_grid_ms(),
        watch=watch or UnwatchedRouter(),
    )
    return RouterService(parts), bus, store
