"""The shape that one can see from the folder names, held: import direction, single users of libraries, sizes."""

import ast
import statistics
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "broker", "adapters")

# A layer may import itself and what stands in its row.
LAYERS: dict[str, set[str]] = {
    "schemas": set(),
    "broker.errors": set(),
    "broker.clock": set(),
    "broker.durable": set(),
    "broker.calendars": {"schemas"},
    "broker.faults": set(),
    "broker.config": {"schemas", "broker.errors"},
    "broker.lifecycle": {"broker.errors"},
    "broker.logs": {"broker.errors"},
    "broker.terminal": set(),
    "broker.progress": set(),
    "broker.telemetry": {"schemas", "broker.errors", "broker.clock", "broker.store"},
    "broker.crypto": {"schemas", "broker.errors", "broker.clock", "broker.durable"},
    "broker.pages": {"schemas", "broker.errors", "broker.clock"},
    "broker.bus": {"schemas", "broker.errors", "broker.clock", "broker.crypto"},
    "broker.store": {"schemas", "broker.errors", "broker.clock", "broker.crypto", "broker.progress"},
    "broker.notices": {"schemas", "broker.errors", "broker.clock", "broker.calendars", "broker.store"},
}
FOUNDATION = {
    "schemas",
    "broker.errors",
    "broker.clock",
    "broker.durable",
    "broker.calendars",
    "broker.faults",
    "broker.config",
    "broker.lifecycle",
    "broker.logs",
    "broker.terminal",
    "broker.progress",
    "broker.telemetry",
    "broker.crypto",
    "broker.bus",
    "broker.store",
    "broker.notices",
    "broker.pages",
}
SERVICES = {"broker.directory", "broker.routing", "broker.handover", "broker.audit"}
LAYERS |= dict.fromkeys(SERVICES, FOUNDATION | SERVICES)
LAYERS["broker.wiring"] = FOUNDATION | SERVICES
LAYERS["broker.board"] = FOUNDATION | SERVICES | {"broker.wiring"}
LAYERS["broker.operator"] = FOUNDATION | SERVICES | {"broker.wiring"}
LAYERS["broker.cli"] = FOUNDATION | SERVICES | {"broker.wiring", "broker.board"}
LAYERS["adapters"] = FOUNDATION
# The demonstration is a play with both sides on one machine: the only adapter that makes an exchange itself.
LAYERS["adapters.demo"] = FOUNDATION | {"broker.directory", "adapters"}

# Inside a gateway each folder may use itself and the folders before it; what stands beside the folders ties them together.
GATEWAY_FOLDERS = ("cues", "record", "sending", "orders", "taking", "frontdoor", "duties")

ONLY_USERS = {
    "cryptography": "broker.crypto",
    "nacl": "broker.crypto",
    "nats": "broker.bus",
    "nkeys": "broker.bus",
    "sqlalchemy": "broker.store",
    "alembic": "broker.store",
    "sqlite3": "broker.store",
    "prometheus_client": "broker.telemetry",
    "opentelemetry": "broker.telemetry",
    "authlib": "broker.pages",
    "jinja2": "broker.pages",
}

# The offline verifier stands alone: an inspector reads it whole, and it must not share a fault with what it checks.
STANDS_ALONE = "adapters.verify"

MODULE_LINES = 400
FUNCTION_LINES = 60


@cache
def _modules() -> tuple[tuple[str, ast.Module, int], ...]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            source = path.read_text()
            found.append((name, ast.parse(source), source.count("\n")))
    return tuple(found)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _layer(name: str) -> str | None:
    return max(
        (layer for layer in LAYERS if name == layer or name.startswith(layer + ".")), key=len, default=None
    )


def test_every_module_belongs_to_a_layer() -> None:
    homeless = [name for name, _, _ in _modules() if name not in PACKAGES and _layer(name) is None]

    assert [] == homeless


def test_imports_point_one_way() -> None:
    wrong = []
    for name, tree, _ in _modules():
        layer = _layer(name)
        if layer is None:
            continue
        for imported in _imports(tree):
            target = _layer(imported)
            if target is not None and target != layer and target not in LAYERS[layer]:
                wrong.append(f"{name} imports {imported}")

    assert [] == wrong


def test_a_gateways_folders_stand_one_upon_another() -> None:
    wrong = []
    for name, tree, _ in _modules():
        folder = name.removeprefix("adapters.gateway.").split(".")[0]
        if not name.startswith("adapters.gateway.") or folder not in GATEWAY_FOLDERS:
            continue
        allowed = {*GATEWAY_FOLDERS[: GATEWAY_FOLDERS.index(folder) + 1], "errors", "home"}
        for imported in _imports(tree):
            if not imported.startswith("adapters.gateway."):
                continue
            if imported.removeprefix("adapters.gateway.").split(".")[0] not in allowed:
                wrong.append(f"{name} imports {imported}")

    assert [] == wrong


@pytest.mark.parametrize(("library", "owner"), ONLY_USERS.items())
def test_each_outside_library_has_one_user(library: str, owner: str) -> None:
    wrong = [
        name
        for name, tree, _ in _modules()
        for imported in _imports(tree)
        if imported.split(".")[0] == library
        and not name.startswith(owner)
        and not (name.startswith(STANDS_ALONE) and library == "cryptography")
    ]

    assert [] == wrong


def test_the_offline_verifier_imports_python_cryptography_and_itself() -> None:
    allowed = {*sys.stdlib_module_names, "cryptography"}
    wrong = [
        f"{name} imports {imported}"
        for name, tree, _ in _modules()
        if name.startswith(STANDS_ALONE)
        for imported in _imports(tree)
        if imported.split(".")[0] not in allowed and not imported.startswith(STANDS_ALONE)
    ]

    assert [] == wrong


def test_no_module_outgrows_a_reader() -> None:
    sizes = {name: lines for name, _, lines in _modules()}

    assert {} == {name: lines for name, lines in sizes.items() if lines > MODULE_LINES}
    assert statistics.median(sizes.values()) <= 150


def test_no_function_outgrows_a_screen() -> None:
    long = [
        f"{name}.{node.name} {node.end_lineno - node.lineno + 1}"
        for name, tree, _ in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= FUNCTION_LINES
    ]

    assert [] == long
