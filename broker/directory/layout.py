"""Where everything of one exchange lies on one machine."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders under ``--data``."""

    data: Path

    @property
    def directory(self) -> Path:
        """The roots' folder: ``directory.bin``, ``history/``, ``roots/``."""
        return self.data / "directory"

    @property
    def current(self) -> Path:
        """The signed directory in use."""
        return self.directory / "directory.bin"

    @property
    def history(self) -> Path:
        """Every signed directory there ever was, each with its changes in words."""
        return self.directory / "history"

    @property
    def roots(self) -> Path:
        """One folder for each root's key."""
        return self.directory / "roots"

    @property
    def shared(self) -> Path:
        """The secret for child tokens, which goes into each member's home and never to the router."""
        return self.directory / "shared"

    @property
    def nats(self) -> Path:
        """The bus: configuration, store, certificates, the administrator's access."""
        return self.data / "nats"

    @property
    def tls(self) -> Path:
        """The bus's own certificate authority and the server's certificate."""
        return self.nats / "tls"

    @property
    def admin(self) -> Path:
        """Access of the one who provisions streams."""
        return self.nats / "admin"

    @property
    def system(self) -> Path:
        """Access to the server's own account."""
        return self.nats / "system"

    @property
    def configuration(self) -> Path:
        """The server's configuration."""
        return self.nats / "nats.conf"

    @property
    def router(self) -> Path:
        """The router's home."""
        return self.data / "router"

    @property
    def log(self) -> Path:
        """The audit service's home: its key, its access to the bus, the tiles."""
        return self.data / "log"

    @property
    def members(self) -> Path:
        """One home for each member of this machine."""
        return self.data / "members"

    def home(self, member_id: str) -> Path:
        """A member's home."""
        return self.members / member_id
