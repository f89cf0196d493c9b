"""Alarms are said once, stand where ``status`` finds them, and end the command with 1; nothing personal is in them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from adapters.gateway.commands.gateway import gateway
from adapters.gateway.duties.alarming import Alarming
from adapters.gateway.duties.watching import Watching
from broker.store.standing import read_alarms
from broker.telemetry.gateway import GatewayWatcher
from tests.support.events import CHILD, CUMBERLAND, a_document
from tests.support.exchange import FewPlaces
from tests.support.postroom import PostRoom, a_postroom
from tests.support.turning import Watch


@pytest.fixture
def clock() -> Watch:
    """As the machine's until it is moved."""
    return Watch()


@pytest.fixture
def room(tmp_path: Path, clock: Watch) -> Iterator[PostRoom]:
    """A concern of the health provider's was sent six minutes ago, and its reader has said nothing."""
    made = a_postroom(tmp_path, clock)
    made["health"].publish(a_document("concern.raised", n=1, residence={"gss": CUMBERLAND}))
    made.post("health")
    clock.ahead = timedelta(days=2)
    yield made
    made.close()


def test_an_alarm_is_logged_and_counted_once_and_again_when_it_comes_back(room: PostRoom) -> None:
    registry, home = CollectorRegistry(), room["health"].home
    alarming = Alarming(home, Watching(home, FewPlaces()), GatewayWatcher(registry, None))
    with capture_logs() as logs:
        first, second = alarming.look(), alarming.look()
        standing = read_alarms(home.folder)
        room.settle()
        quiet = alarming.look()

    assert ["receipt-missing"] == [alarm.code for alarm in first]
    assert ([], []) == (second, quiet)
    assert ["receipt-missing"] == [entry["code"] for entry in logs if entry["event"] == "alarm"]
    assert 1 == registry.get_sample_value("handrail_gateway_alarms_total", {"code": "receipt-missing"})
    assert 0 == registry.get_sample_value("handrail_gateway_standing_alarms")
    assert standing is not None
    assert {"receipt-missing": 1} == standing.codes
    assert CHILD not in str(logs)


def test_the_command_ends_with_one_while_an_alarm_stands(room: PostRoom) -> None:
    home = room["health"].home.folder
    with room["health"].home.store.work() as work:
        for row in work.outbox.events():
            work.outbox.sent(row.position, 1)
    loud = CliRunner().invoke(gateway, ["alarms", "--home", str(home)])
    room.settle()
    quiet = CliRunner().invoke(gateway, ["alarms", "--home", str(home)])

    assert (1, 0) == (loud.exit_code, quiet.exit_code)
    assert "receipt-missing: this reader's gateway has not said that it has our event" in loud.output
    assert "No alarms.\n" == quiet.output
