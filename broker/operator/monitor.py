"""What the server says about itself on its monitor: asked over loopback, believed as counts and nothing more."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broker.errors import UnavailableError

_PATIENCE_S: Final = 3.0
_STREAMS: Final = "/jsz?acc=BROKER&streams=true&consumers=true"


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server itself."""

    version: str
    started: datetime
    now: datetime
    synced_always: bool
    """Whether every write is on disk before the server says so."""
    healthy: bool


@dataclass(frozen=True, slots=True)
class DurableFacts:
    """One named reader of a stream. ``reading`` tells whether it asks for messages now."""

    stream: str
    name: str
    lag: int
    reading: bool
    last_read: datetime | None
    """None: not since the server started."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """One stream. ``deleted`` counts messages that are gone from its middle."""

    name: str
    messages: int
    bytes: int
    deleted: int
    durables: tuple[DurableFacts, ...]


def server_facts(monitor: str) -> ServerFacts:
    """Ask the server about itself. Raises UnavailableError."""
    told = _get(f"{monitor}/varz")
    try:
        healthy = _get(f"{monitor}/healthz").get("status") == "ok"
    except UnavailableError:
        healthy = False
    return ServerFacts(
        version=str(told["version"]),
        started=_moment(told["start"]),
        now=_moment(told["now"]),
        synced_always=bool(told.get("jetstream", {}).get("config", {}).get("sync_always")),
        healthy=healthy,
    )


def stream_facts(monitor: str) -> dict[str, StreamFacts]:
    """Every stream of the broker by name. Raises UnavailableError."""
    accounts = _get(f"{monitor}{_STREAMS}").get("account_details") or []
    return {
        stream.name: stream for account in accounts for stream in _streams(account.get("stream_detail") or [])
    }


def _streams(details: list[dict[str, Any]]) -> Iterator[StreamFacts]:
    for one in details:
        state = one["state"]
        yield StreamFacts(
            name=one["name"],
            messages=state["messages"],
            bytes=state["bytes"],
            deleted=state.get("num_deleted", 0),
            durables=tuple(_durable(reader) for reader in one.get("consumer_detail") or []),
        )


def _durable(told: dict[str, Any]) -> DurableFacts:
    moments = [told[where].get("last_active") for where in ("delivered", "ack_floor")]
    known = [_moment(moment) for moment in moments if moment]
    return DurableFacts(
        stream=told["stream_name"],
        name=told["name"],
        lag=told["num_pending"] + told["num_ack_pending"],
        reading=told["num_waiting"] > 0,
        last_read=max(known, default=None),
    )


def _get(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310  our own server, on loopback
            told: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"the server's monitor does not answer: {type(error).__name__}") from error
    return told


def _moment(text: str) -> datetime:
    """The server writes nanoseconds, which Python does not read."""
    head, _, rest = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{rest[:6] or '0':<06}+00:00")
