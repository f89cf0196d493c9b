"""What the board's own gateway knows of the learning that it published: to whom it went, and which teams have it."""

from dataclasses import dataclass
from pathlib import Path

from broker.store.gateway.store import GatewayStore


@dataclass(frozen=True, slots=True)
class Taught:
    """One reader of a piece of learning, and its teams that have acknowledged it."""

    member: str
    delivered_ms: int | None
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One piece of learning for one area."""

    title: str
    area: str
    at_ms: int
    readers: tuple[Taught, ...]


def read_feed(home: Path) -> list[Lesson]:
    """From the gateway's database in the board's home; nothing where there is none."""
    path = home / "gateway.db"
    if not path.exists():
        return []
    store = GatewayStore(path)
    try:
        with store.look() as work:
            found = []
            for one in work.learning.every():
                teams: dict[str, list[str]] = {}
                for said in work.learning.acknowledgements(one.event_id):
                    teams.setdefault(said.reader, []).append(said.team)
                readers = tuple(
                    Taught(state.reader, state.delivered_ms, tuple(teams.get(state.reader, ())))
                    for state in work.outbox.readers(one.event_id)
                )
                found.append(Lesson(one.title, one.area, one.at_ms, readers))
            return found
    finally:
        store.close()
