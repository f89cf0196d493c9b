"""A board takes the router's decisions again: an honest trail replays without a difference, a lie is shown."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.audit.reading import Entry, read_entry
from broker.audit.replaying import Replay, Replayed
from schemas import canonical
from schemas.audit import EntryKind
from tests.attack.stage import HERE, THERE, WORKER, Stage, a_stage
from tests.support.events import CHILD


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A child with a plan moves, is handed over and is written about, by real gateways through a real router."""
    stage = a_stage(tmp_path_factory.mktemp("replay"))
    room = stage.room
    stage.publish("cumberland", "plan.opened", 1, **HERE)
    room.settle()
    room["cumberland"].actions.involve({"nhs_number": CHILD}, room.exchange.members["school"], WORKER)
    room.settle()
    stage.publish("health", "health.presentation", 2, **HERE)
    stage.publish("cumberland", "plan.changed", 3, **HERE)
    room.settle()
    stage.publish("health", "move.notified", 4)
    room.settle()
    stage.publish("school", "attendance.summary", 5, **HERE)
    room.settle()
    stage.publish("health", "health.presentation", 6, **THERE)
    room.settle()
    yield stage
    room.close()


@pytest.fixture(scope="module")
def honest(stage: Stage) -> list[Entry]:
    with stage.room.store.work() as work:
        return [read_entry(row.body) for row in work.outgoing.waiting_audit(100_000)]


def replay(stage: Stage, entries: list[Entry]) -> Replayed:
    directory = stage.room.exchange.directory
    replay = Replay({directory.version: directory}.get)
    replay.take(entries)
    return replay.finish()


def test_an_honest_trail_replays_without_a_difference(stage: Stage, honest: list[Entry]) -> None:
    result = replay(stage, honest)

    assert [] == result.differences
    assert {} == result.skipped
    assert result.decisions > 10


def lie(honest: list[Entry], kind: EntryKind, change: Callable[[Entry, dict[str, Any]], Any]) -> list[Entry]:
    """The trail as a router writes it that lies once: in the last entry of a kind."""
    at = max(place for place, entry in enumerate(honest) if entry.kind == kind)
    entry = honest[at]
    fields = canonical.decode(canonical.encode(entry.fields))
    change(entry, fields)
    told = Entry(entry.partition, entry.number, entry.at_ms, entry.kind, fields)
    return [*honest[:at], told, *honest[at + 1 :]]


def test_a_router_that_swapped_a_reader_is_shown(stage: Stage, honest: list[Entry]) -> None:
    """The event of the front door's child goes to somebody else, and the trail says so as if it were right."""
    police, mine = (str(stage.room.exchange.members[name]) for name in ("police", "westmorland"))

    def swap(_: Entry, fields: dict[str, Any]) -> None:
        fields["readers"] = [[police if member == mine else member, n] for member, n in fields["readers"]]

    said = [one.says for one in replay(stage, lie(honest, EntryKind.TAKEN, swap)).differences]

    assert any("never told" in one and mine in one for one in said)


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (EntryKind.TAKEN, lambda _, fields: fields.update(holder="E06000047"), "holder is E06000047"),
        (EntryKind.TAKEN, lambda _, fields: fields.update(safety="E06000063"), "safety is"),
        (EntryKind.TAKEN, lambda _, fields: fields.update(areas=["E06000063"]), "concerned are"),
        (EntryKind.TAKEN, lambda _, fields: fields.update(involved=[]), "confirmed are"),
        (EntryKind.TAKEN, lambda _, fields: fields.update(readers=[]), "never told"),
        (EntryKind.RECEIPT, lambda _, fields: fields.update(reader="m-nobody"), "never given"),
        (EntryKind.ORDER, lambda _, fields: fields.update(reader="m-nobody"), "ordered for m-nobody"),
        (EntryKind.HANDOVER, lambda _, fields: fields.update(holder="E06000064"), "without an acceptance"),
    ],
    ids=lambda value: value.value if isinstance(value, EntryKind) else "",
)
def test_each_lie_is_shown(
    stage: Stage, honest: list[Entry], kind: EntryKind, change: Callable[..., Any], says: str
) -> None:
    said = [one.says for one in replay(stage, lie(honest, kind, change)).differences]

    assert any(says in one for one in said), said


def test_a_decision_under_a_directory_that_is_not_here_is_named_as_not_taken_again(
    honest: list[Entry],
) -> None:
    (version,) = {entry.number_of("version") for entry in honest} - {None}
    without = Replay(lambda _: None)
    without.take(honest)
    result = without.finish()

    assert [f"directory version {version} is not at this node"] == list(result.skipped)
