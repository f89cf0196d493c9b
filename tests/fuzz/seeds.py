"""Where the search of each target begins: valid messages, made anew by the tests' own builders and frozen vectors."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from broker.crypto.signing import sign, unverified_payload
from schemas import canonical
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.control import Action, ActionKind
from schemas.directory import LABEL as DIRECTORY_LABEL
from schemas.directory import SignedDirectory
from schemas.handover import Due, HandoverView
from schemas.slip import BoardSlip, Heard, Whom
from tests.support import nems_messages as nems
from tests.support.directory import NOW, World, a_directory
from tests.support.events import a_document, every_type
from tests.support.sealing import CAST, EVENT, sealed, view_of

VECTORS: Final = Path(__file__).parents[1] / "vectors"

_VALUES: Final[tuple[Any, ...]] = (
    0,
    23,
    24,
    255,
    256,
    65536,
    2**32,
    -1,
    b"",
    b"x" * 24,
    "",
    "text",
    [],
    [[]],
    {},
    True,
    None,
)


@cache
def world() -> World:
    """The directory that directory files are judged against."""
    return a_directory(now=NOW)


def sign_directory(document: bytes) -> SignedDirectory:
    """A document with the signatures of all roots: what is judged is then what it says."""
    unsigned = SignedDirectory(document, ())
    signatures = tuple(sign(root, DIRECTORY_LABEL, unsigned.digest) for root in world().roots)
    return SignedDirectory(document, signatures)


def values() -> Iterator[bytes]:
    """One of each kind of value, and whole messages."""
    for value in _VALUES:
        yield canonical.encode(value)
    yield canonical.encode({"a": 1, "b": [2, {"c": b"3"}]})
    yield canonical.encode({0: 1, 1: [2, {3: b"3"}]})
    yield from controls()


def envelopes() -> Iterator[bytes]:
    """Envelopes in clear and sealed to the router, views, and the manifests in them."""
    for envelope in (sealed().envelope, sealed(router=CAST.router.as_public).envelope):
        yield envelope.to_bytes()
        yield unverified_payload(envelope.signed)
    yield view_of(CAST.school).to_bytes()
    yield view_of(CAST.police).to_bytes()


def signatures() -> Iterator[bytes]:
    """Signed messages of every kind."""
    yield from (found for name, found in _vectors() if name.endswith("_signed"))
    yield sealed().envelope.signed


def orders() -> Iterator[bytes]:
    """An order, a refusal."""
    yield from (found for name, found in _vectors() if name == "order")
    yield from _payloads("order_signed", "refusal_signed")


def grants() -> Iterator[bytes]:
    """A grant."""
    yield from _payloads("grant_signed")


def controls() -> Iterator[bytes]:
    """Every control message, framed and bare, an audit entry, a handover's view, an action, a board slip."""
    yield from (found for _, found in _vectors())
    yield from _payloads("note_signed", "receipts_signed", "resend_signed", "notice_sent_signed")
    yield canonical.encode(Action(ActionKind.ACCEPT, EVENT, None, "because", conference=True).to_value())
    yield BoardSlip("concern.raised", "protect", "task", 1, 2, "case-1").to_bytes()
    told = ((Whom.CHILD, Heard.TOLD), (Whom.PARENT, Heard.OBJECTED))
    yield BoardSlip("plan.closed", "protect", "task", 1, 2, None, "RC5", told).to_bytes()
    bands = Bands(AgeBand.UNDER_1, EthnicGroup.MIXED, Disabled.NO)
    yield BoardSlip("plan.closed", "protect", "task", 1, 2, bands=bands).to_bytes()
    due = Due("release", "m-frontaaaaa", 3, "the next working day", 0, late=False)
    yield HandoverView(
        EVENT,
        "move",
        "noticed",
        "E06000063",
        "E06000064",
        "E06000063",
        "E06000064",
        1,
        2,
        3,
        False,
        0,
        4,
        (due,),
    ).to_bytes()


def directories() -> Iterator[bytes]:
    """The document, the signed file, and the version after it."""
    directory = world().directory
    yield directory.to_bytes()
    yield sign_directory(directory.to_bytes()).to_bytes()
    later = world().having(version=2, previous=sign_directory(directory.to_bytes()).digest.hex())
    yield later.directory.to_bytes()


def events() -> Iterator[bytes]:
    """A valid event of every type; one of a later version with fields that nobody knows yet."""
    for kind in every_type():
        yield _json(a_document(kind))
    yield _json(a_document("concern.raised") | {"version": "2", "later": {"x": [1]}, "critical": ["details"]})


def nems_json() -> Iterator[bytes]:
    """Every NHS message of the tests, as FHIR JSON."""
    yield from (_json(message) for message in _nems())


def nems_xml() -> Iterator[bytes]:
    """The same as FHIR XML."""
    yield from (nems.as_xml(message) for message in _nems())


def _nems() -> Iterable[dict[str, Any]]:
    made = (nems.a_move(), nems.a_gp_change(), nems.a_death(), nems.a_record_change(), nems.a_birth())
    return (*made, nems.a_contact(), nems.restricted(nems.a_move()))


def _payloads(*names: str) -> Iterator[bytes]:
    yield from (unverified_payload(found) for name, found in _vectors() if name in names)


@cache
def _vectors() -> tuple[tuple[str, bytes], ...]:
    found: list[tuple[str, bytes]] = []
    for file in ("control.json", "history.json", "slips.json"):
        frozen = json.loads((VECTORS / file).read_text("utf-8"))
        found += [
            (name, bytes.fromhex(value))
            for name, value in frozen.items()
            if isinstance(value, str) and _hex(value)
        ]
    return tuple(found)


def _hex(text: str) -> bool:
    return len(text) % 2 == 0 and all(mark in "0123456789abcdef" for mark in text)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
