"""What is in ``deploy/``: accepted by those who will read it, true to our code, and really able to start an exchange."""

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from broker.bus.credentials import new_user_key
from broker.bus.render import BusInventory, BusMember, render
from broker.bus.server import check_configuration
from broker.directory.layout import Layout
from broker.store.overview import board_overview, gateway_overview, router_overview
from broker.store.router.store import RouterStore
from broker.telemetry import board, gateway, router
from broker.telemetry.registry import disk_gauges
from schemas.codes.members import MemberKind
from tests.integration.operator.conftest import Status
from tests.support.commands import exists
from tests.support.directory import CUMBERLAND
from tests.support.exchange import exchange_of, make_exchange

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
BIN = Path(sys.executable).parent
CAST: Final = {
    "cumberland": (MemberKind.SOCIAL_CARE, (CUMBERLAND,)),
    "health": (MemberKind.HEALTH_PROVIDER, (CUMBERLAND,)),
    "board": (MemberKind.BOARD, (CUMBERLAND,)),
}
METRIC = re.compile(r"\bhandrail_[a-z_]+")


def _units_for_here(folder: Path) -> list[Path]:
    """The units with the paths of this checkout, so that their programs exist."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/handrail/bin", str(BIN))
        (folder / unit.name).write_text(text)
    return sorted(folder.iterdir())


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    try:
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", *_units_for_here(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not installed (Debian: package systemd)")

    ours = [line for line in done.stderr.splitlines() if "handrail" in line]
    assert ([], 0) == (ours, done.returncode)


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name
)
def test_every_service_is_fenced_in(unit: Path) -> None:
    settings = set(unit.read_text().splitlines())

    assert {
        "User=handrail",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
    } <= settings
    assert {"UMask=0077", "SystemCallFilter=@system-service", "PrivateDevices=yes"} <= settings


@pytest.mark.parametrize(
    ("unit", "sees"),
    [
        ("handrail-server.service", "nats"),
        ("handrail-router.service", "router"),
        ("handrail-gateway@.service", "members/%i"),
        ("handrail-board@.service", "members/%i"),
    ],
)
def test_a_part_sees_its_own_folder_only(unit: str, sees: str) -> None:
    """A router that is taken over does not find a member's keys on the same machine."""
    lines = (DEPLOY / "systemd" / unit).read_text().splitlines()

    assert "TemporaryFileSystem=/var/lib/handrail:mode=0700" in lines
    assert [f"BindPaths=/var/lib/handrail/{sees}"] == [
        line for line in lines if line.startswith("BindPaths=")
    ]
    assert [] == [line for line in lines if line.startswith("ReadWritePaths=")]


def test_the_log_sees_no_keys_but_its_own() -> None:
    """It reads the directory that is in use; who signs the directory, and who routes, is none of its business."""
    lines = (DEPLOY / "systemd" / "handrail-log.service").read_text().splitlines()
    hidden = next(line for line in lines if line.startswith("InaccessiblePaths="))
    layout = Layout(Path("/var/lib/handrail"))

    assert {f"-{path}" for path in (layout.members, layout.router, layout.roots, layout.shared)} == set(
        hidden.partition("=")[2].split()
    )
    assert [f"ReadWritePaths={layout.log}"] == [line for line in lines if line.startswith("ReadWritePaths=")]


def _commands(unit: str, data: Path, member: str = "") -> Iterator[list[str]]:
    text = (DEPLOY / "systemd" / unit).read_text()
    for line in re.findall(r"^Exec(?:Start|StartPost)=(.*)$", text, re.MULTILINE):
        here = line.replace("/opt/handrail/bin", str(BIN)).replace("/var/lib/handrail", str(data))
        here = (
            here.replace("%i", member)
            .replace("${HANDRAIL_PORT}", "-1")
            .replace("${HANDRAIL_MONITOR_PORT}", "-1")
        )
        yield shlex.split(here.replace("$HANDRAIL_METRICS", "--metrics-port 0").replace(" 9464", " 0"))


def test_what_the_units_start_is_an_exchange_that_is_well(roomy: Path, status: Status) -> None:
    """Their own command lines, in their order."""
    it = exchange_of(roomy, CAST)
    data = it.layout.data
    start, announce = _commands("handrail-server.service", data)
    with ExitStack() as stack:

        def begin(command: list[str]) -> subprocess.Popen[bytes]:
            log = stack.enter_context((roomy / "log").open("ab"))
            process = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            return process

        server = begin(start)
        for command in (
            [*announce[:-1], str(server.pid)],
            *_commands("handrail-provision.service", data),
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        begin(next(_commands("handrail-router.service", data)))
        begin(next(_commands("handrail-log.service", data)))
        for member in it.members.values():
            begin(next(_commands("handrail-gateway@.service", data, member)))
        begin(next(_commands("handrail-board@.service", data, it.members["board"])))
        deadline = time.monotonic() + 60
        # A gateway that takes something in asks for nothing at that moment: the command must find all well, soon.
        while (seen := status(it))[0] and time.monotonic() < deadline:
            time.sleep(0.2)

        assert (0, {"OK"}) == (seen[0], {line["verdict"] for line in seen[1].values()}), seen[1]


def test_the_rendered_configuration_is_the_one_in_deploy_and_the_server_takes_it(tmp_path: Path) -> None:
    """``deploy/nats/nats.conf`` is what two members and a board make; paths aside, byte for byte."""
    example = (DEPLOY / "nats" / "nats.conf").read_text()
    it = make_exchange(tmp_path)
    here = tmp_path / "nats.conf"
    here.write_text(example.replace("/var/lib/handrail", str(it.layout.data)))

    assert example == example_configuration()
    check_configuration(here)


def _nkey(number: int) -> str:
    return new_user_key(lambda count: bytes([number]) * count).public


def example_configuration() -> str:
    """The example: made-up keys of the right form, fixed ports."""
    return render(
        BusInventory(
            members=(
                BusMember("m-aaaaaaaaaa", _nkey(1)),
                BusMember("m-bbbbbbbbbb", _nkey(2)),
                BusMember("m-cccccccccc", _nkey(3), board=True),
            ),
            router_nkey=_nkey(4),
            admin_nkey=_nkey(5),
            system_nkey=_nkey(6),
            log_nkey=_nkey(7),
            folder=Path("/var/lib/handrail/nats"),
            shards=4,
            port=4222,
            http_port=8222,
        )
    )


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every name that our programs serve, from their own registries."""
    folder = tmp_path_factory.mktemp("metrics")
    RouterStore(folder / "router.db").close()
    registry = CollectorRegistry()
    router.RouterWatcher(registry, None)
    gateway.GatewayWatcher(registry, None)
    board.BoardWatcher(registry)
    names = set(registry._names_to_collectors)
    _stores(folder)
    asked = CollectorRegistry()
    router.watch_state(asked, lambda: router_overview(folder / "router.db", 0), lambda: disk_gauges(folder))
    gateway.watch_state(asked, lambda: gateway_overview(folder / "gateway.db"), lambda: ())
    board.watch_state(asked, lambda: board_overview(folder / "audit.db"), lambda: ())
    return names | {family.name for family in asked.collect()}


def _stores(folder: Path) -> None:
    from broker.store.audit.store import AuditStore
    from broker.store.gateway.store import GatewayStore

    GatewayStore(folder / "gateway.db").close()
    AuditStore(folder / "audit.db").close()


@pytest.mark.parametrize(
    "check", [("rules", "handrail.rules.yml"), ("config", "prometheus.yml")], ids="-".join
)
def test_prometheus_accepts_the_rules_and_the_configuration(check: tuple[str, str]) -> None:
    kind, file = check
    try:
        done = subprocess.run(
            ["promtool", "check", kind, DEPLOY / "prometheus" / file],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError:
        pytest.skip("promtool is not installed (Debian: package prometheus)")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"{len(_alerts())} rules found" in done.stdout


def _alerts() -> list[dict[str, str]]:
    """The rules, each field on a line of its own: enough of YAML for a file that we write ourselves."""
    text = (DEPLOY / "prometheus" / "handrail.rules.yml").read_text()
    fields = re.compile(r"^\s+(?:- )?(alert|expr|for|labels|summary|runbook): (.+)$", re.MULTILINE)
    return [dict(fields.findall("      - alert: " + rule)) for rule in text.split("      - alert: ")[1:]]


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_rests_on_metrics_that_exist_and_names_its_page(
    alert: dict[str, str], metrics: set[str]
) -> None:
    assert set() == set(METRIC.findall(alert["expr"])) - metrics
    assert (ROOT / alert["runbook"]).is_file()
    assert alert["labels"] in {"{severity: page}", "{severity: look}"}
    assert alert["summary"].endswith(".")


def test_the_dashboard_rests_on_metrics_that_exist(metrics: set[str]) -> None:
    board_ = json.loads((DEPLOY / "grafana" / "handrail.json").read_text())
    named = {
        name
        for panel in board_["panels"]
        for target in panel["targets"]
        for name in METRIC.findall(target["expr"])
    }

    assert len(named) > 20
    assert set() == named - metrics


def test_the_units_call_commands_that_exist() -> None:
    called = [
        line
        for unit in UNITS
        for line in re.findall(r"^Exec(?:Start|StartPost)=(.*)$", unit.read_text(), re.MULTILINE)
        if line.split()[0].endswith("/handrail")
    ]

    assert len(called) > 4
    assert [] == [line for line in called if not exists(shlex.split(line)[1:])]
