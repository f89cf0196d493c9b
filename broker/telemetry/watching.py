"""What the services tell those who watch them, and the watch that nobody keeps. Light: it loads no library."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from schemas.audit import EntryKind
from schemas.wire import InKind

Said: TypeAlias = tuple[EntryKind, Mapping[str, Any]]
"""An audit entry's kind and fields."""
Ref: TypeAlias = tuple[InKind, bytes]
"""What a delivery was, and the id of its event, order or handover."""


class RouterWatch(Protocol):
    """Whoever watches the router. Called after a commit, once a batch; must not raise and must not wait."""

    def batch(
        self, lane: str, pending: int, outcomes: Mapping[str, int], said: Sequence[Said], started_ns: int
    ) -> None:
        """A batch was taken; ``pending`` more lie on the bus in this lane."""

    def said(self, entries: Sequence[Said]) -> None:
        """Entries that no message caused: something fell due, somebody released a quarantined message."""

    def published(self, what: str, count: int, seconds: float) -> None:
        """Deliveries (``inbox``) or entries (``audit``) are on the bus."""

    def waits(self, what: str) -> None:
        """The bus or the disk is away; it is tried again."""


class UnwatchedRouter:
    """Nobody watches the router."""

    def batch(
        self, lane: str, pending: int, outcomes: Mapping[str, int], said: Sequence[Said], started_ns: int
    ) -> None:
        """Nothing."""

    def said(self, entries: Sequence[Said]) -> None:
        """Nothing."""

    def published(self, what: str, count: int, seconds: float) -> None:
        """Nothing."""

    def waits(self, what: str) -> None:
        """Nothing."""


class GatewayWatch(Protocol):
    """Whoever watches a gateway. Called after what it tells of is durable; must not raise and must not wait."""

    def sent(self, event_id: bytes | None, msg_id: str, started_ns: int) -> None:
        """The bus has one message on disk."""

    def received(self, taken: Sequence[Ref], messages: int, pending: int, started_ns: int) -> None:
        """A batch is in custody and in the ledger; ``pending`` more lie on the bus."""

    def gaps(self, missing: int) -> None:
        """So many deliveries are asked for again."""

    def alarms(self, fresh: Mapping[str, int], standing: int) -> None:
        """So many alarms of each code are new; so many stand in all."""

    def waits(self, what: str) -> None:
        """The bus or the disk is away; it is tried again."""


class UnwatchedGateway:
    """Nobody watches the gateway."""

    def sent(self, event_id: bytes | None, msg_id: str, started_ns: int) -> None:
        """Nothing."""

    def received(self, taken: Sequence[Ref], messages: int, pending: int, started_ns: int) -> None:
        """Nothing."""

    def gaps(self, missing: int) -> None:
        """Nothing."""

    def alarms(self, fresh: Mapping[str, int], standing: int) -> None:
        """Nothing."""

    def waits(self, what: str) -> None:
        """Nothing."""


class BoardWatch(Protocol):
    """Whoever watches a board's node."""

    def kept(self, entries: int, lag: int) -> None:
        """A batch is stored; ``lag`` more entries lie on the bus."""


class UnwatchedBoard:
    """Nobody watches the board's node."""

    def kept(self, entries: int, lag: int) -> None:
        """Nothing."""
