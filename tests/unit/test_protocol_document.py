"""docs/protocol.md names everything that the code puts on the wire, and nothing that the code does not know."""

import ast
import inspect
import re
from collections.abc import Iterator
from enum import Enum, IntEnum, StrEnum
from pathlib import Path

import pytest

from adapters.gateway.orders import judgement
from adapters.gateway.orders.releasing import judge_glass
from broker.bus.subjects import PARTITIONS
from broker.bus.topology import DEFAULT_SHARDS
from broker.crypto import errors
from broker.crypto.derive import BUCKETS, COUNTER_LABEL, EVENT_LABEL, SLIP_BUCKET
from broker.crypto.tokens import IdentifierKind
from broker.errors import RejectedError
from broker.handover import machine
from broker.routing import refusals, verify
from schemas import canonical, control, directory, envelope, hiding, reading, wire
from schemas import orders as order_shapes
from schemas.audit import EntryKind

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()

LABELS = {EVENT_LABEL, COUNTER_LABEL, directory.LABEL, hiding.Ticket.REQUEST} | {
    shape.LABEL
    for module in (control, hiding, order_shapes)
    for shape in vars(module).values()
    if hasattr(shape, "LABEL")
}


def _codes(*modules: object) -> set[str]:
    return {
        found.code
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, RejectedError)
        and found is not RejectedError
        and "code" in vars(found)
    }


def _section(title: str) -> str:
    """From a heading to the next of any level."""
    return re.split(r"^#{2,3} ", DOCUMENT.split(title, 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _first_cells(section: str) -> list[str]:
    return re.findall(r"^\| `([a-z-]+)` \|", section, flags=re.MULTILINE)


def _numbered() -> Iterator[tuple[str, int, str]]:
    enums: tuple[type[IntEnum], ...] = (
        wire.EventClass,
        wire.Field,
        wire.PartKind,
        wire.MatterEffect,
        wire.Kem,
        wire.OutKind,
        wire.InKind,
        wire.ReceiptKind,
        order_shapes.OrderKind,
        wire.Urgency,
    )
    for kind in enums:
        for member in kind:
            yield kind.__name__, member.value, member.name


@pytest.mark.parametrize(("kind", "number", "name"), list(_numbered()))
def test_every_number_of_the_wire_stands_beside_its_name(kind: str, number: int, name: str) -> None:
    assert re.search(rf"(^|\W){number}( \| | ){name}(\W|$)", DOCUMENT, flags=re.MULTILINE), f"{kind} {name}"


def test_the_table_of_labels_is_the_codes() -> None:
    assert sorted(LABELS) == sorted(_first_cells(_section("## 3. Signatures")))


def test_the_table_of_reason_codes_is_the_codes() -> None:
    assert sorted(_codes(errors, refusals)) == sorted(_first_cells(_section("### Reason codes")))


def test_the_routers_steps_name_every_code_that_it_gives_an_event() -> None:
    """All refusals of routing but those of control messages, and all of crypto that the router can meet."""
    named = set(re.findall(r"`([a-z-]+)`", _section("## 13. What the router checks")))
    readers_only = {"two-faced", "unusable-key"}

    assert _codes(errors, refusals) - readers_only <= named


def test_the_routers_steps_are_those_of_the_code() -> None:
    source = Path(verify.__file__).read_text()
    steps = re.findall(r"^\| (\d) ", _section("## 13. What the router checks"), flags=re.MULTILINE)
    mentioned = set(re.findall(r"\b[Ss]teps? (\d)", source)) | {"4", "5", "7"}

    assert [str(number) for number in range(1, 10)] == sorted(set(steps))
    assert mentioned == set(steps)


def test_a_grantors_refusals_are_those_of_the_code() -> None:
    """As written in ``judge`` and what it calls."""
    source = Path(judgement.__file__).read_text()
    table = re.findall(
        r"^\| \d .*\| (.+) \|$", _section("## 11. Orders, grants and refusals"), flags=re.MULTILINE
    )
    named = {code for row in table for code in re.findall(r"`([a-z-]+)`", row)}

    glass = re.findall(r'return (?:None if allowed else )?"([a-z-]+)"', inspect.getsource(judge_glass))
    coded = set(re.findall(r'(?:Refuse|_patiently)\("([a-z-]+)"', source))
    assert coded | set(judgement.KEPT.values()) | set(glass) == named


@pytest.mark.parametrize(
    "words",
    [wire.Lane, EntryKind, control.ActionKind, IdentifierKind, machine.State, machine.Kind],
    ids=lambda words: str(words.__name__),
)
def test_every_word_of_the_wire_is_named(words: type[StrEnum]) -> None:
    assert [] == [word.value for word in words if f"`{word.value}`" not in DOCUMENT]


def test_buckets_and_limits_are_the_codes() -> None:
    buckets = re.search(r"next bucket: ([\d,\s]+);", DOCUMENT)
    assert buckets is not None

    assert list(BUCKETS) == [int(size) for size in buckets[1].split(",")]
    for sentence in (
        f"with {SLIP_BUCKET} as the first",
        f"from 0 to {reading.MOST} ",
        f"At most {canonical.MAX_DEPTH} levels within one another and {canonical.MAX_ITEMS:,} values",
        f"| message | {wire.MAX_MESSAGE_BYTES:,} bytes |",
        f"| directory document | {directory.Directory.MAX_BYTES:,} bytes |",
        f"| parts, slips of an event | {envelope.MAX_PARTS} each |",
        f"| readers of a part | {envelope.MAX_READERS} |",
        f"| events in an order | {order_shapes.MAX_ORDERED:,} |",
        f"| receipts or numbers in a batch | {control.MAX_BATCH:,} |",
        f"modulo {PARTITIONS}, seed",
        f"({DEFAULT_SHARDS} by default)",
        f"for over {directory.OLDER_VERSION_GOOD_FOR.days} days",
    ):
        assert sentence in DOCUMENT, sentence


def test_every_context_of_a_hash_or_cipher_is_named() -> None:
    """Each domain-separating text in broker/crypto stands in the document as it is used."""
    known = {"handrail handle", "handrail fingerprint", "handrail key 1"}  # never on the wire
    found = {
        text
        for path in (ROOT / "broker" / "crypto").glob("*.py")
        for text in re.findall(r"[\"'](handrail [a-z0-9 ]+)", path.read_text())
    }

    assert len(found) > 10
    assert set() == {text for text in found - known if f'"{text}' not in DOCUMENT}


def _audited() -> dict[str, set[str]]:
    """The fields that the router gives each kind of entry, from its source."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "broker" / "routing").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="audit"), args=[ast.Attribute(attr=kind)]):
                    names = found.setdefault(EntryKind[kind].value, set())
                    names |= {one.arg for one in node.keywords if one.arg not in {None, "about_child"}}
                    names |= {
                        str(key.value)
                        for one in node.keywords
                        if isinstance(one.value, ast.Dict) and one.arg is None
                        for key in one.value.keys
                        if isinstance(key, ast.Constant)
                    }
    return found


def test_the_table_of_audit_entries_is_what_the_router_writes() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| [^|]* \| ([^|]*) \|$", _section("## 14. Audit entries"), flags=re.MULTILINE
    )

    assert _audited() == {kind: set(re.findall(r"`(\w+)`", fields)) for kind, fields in rows}
    others = {EntryKind.GAP, EntryKind.QUESTION}
    assert set(EntryKind) - others == {kind for kind, _ in rows}


def test_every_vector_file_is_described() -> None:
    described = set(re.findall(r"`([a-z-]+)`", _section("## 18. Vectors")))

    assert {path.stem for path in (ROOT / "tests" / "vectors").glob("*.json")} <= described


def test_enums_of_the_wire_are_all_held_here() -> None:
    """A new enumeration in ``schemas.wire`` must be added to this test."""
    held = {kind for kind, _, _ in _numbered()} | {"Lane"}
    enums = {
        name
        for name, found in vars(wire).items()
        if isinstance(found, type) and issubclass(found, Enum) and found not in {Enum, IntEnum, StrEnum}
    }

    assert enums <= held
