"""A real exchange, every service a process of its own, in which members say planted words; and what is left of them.

Everybody is connected through the recording relay. Nothing is searched in the members' own homes: they may know.
"""

import asyncio
import base64
import gzip
import json
import random
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.board.node import BoardHome
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.streams import stream_facts
from broker.bus.subjects import OutSubject
from broker.bus.topology import AUDIT
from broker.crypto.keyring import load_keyring
from broker.crypto.tokens import IdentifierKind
from broker.directory.apply import write_urls
from broker.errors import HandrailError
from broker.store.audit.store import AuditStore
from schemas.errors import EventRefusedError
from schemas.wire import Lane
from tests.blindness.searching import Search
from tests.blindness.wire import Wire, recording
from tests.rig.cast import children
from tests.rig.counting import logged
from tests.support.events import CUMBERLAND, WESTMORLAND, Document, a_document, every_type
from tests.support.exchange import Exchange, exchange, settled
from tests.support.processes import Running, program

CHILD, PASSING = (str.__str__(number) for number in children(2, after=7310))
"""A child with an open matter, and one of whom nothing but routine is ever said."""
PUPIL: Final = "M909999941777"
PLANTED: Final = {
    "name": "Thistlewood",
    "NHS number": CHILD,
    "UPN": PUPIL,
    "address": "Quillfeather Row",
    "postcode": "CA1 7QX",
    "school": "Thornyhaugh Primary",
    "free text": "marmalade lantern",
    "a payload's type": '"type":"concern.raised"',
}
"""What the broker must not know, wherever one looks."""
CONTROLS: Final = {
    "as it stands": "Zephyrine Oddbody",
    "in base64": "Ambrosius Nettle",
    "in hex": "Leopoldine Fennel",
    "in UTF-16": "Cornelius Wintle",
    "in gzip": "Philippa Gorsebush",
    "in zlib": "Octavian Saltmarsh",
}
"""Words that are sent unsealed on purpose, each in another form: the search must find them."""
IN_MEMORY: Final = "Barnabas Copperkettle"
_WORDS: Final = {
    "Rowan Example": "Rowan Thistlewood",
    "Because of what was seen on the visit.": "Because of the marmalade lantern.",
    "Example Primary": "Thornyhaugh Primary",
}
_HOME: Final = {"address": ["1 Quillfeather Row"], "postcode": "CA1 7QX"}
_WORKER: Final = Person("Rowan Thistlewood", "social worker")
_AUTHORS: Final = ("health", "cumberland")
_MORE_AUTHORS: Final = ("police", "school")
_LEFT_OUT: Final = ("identity.", "handover.", "death.", "move.", "transfer.", "responsibility.")
"""Types that belong to the story itself, or would end it."""
_NOISE: Final = 200
FORGET_S: Final = 40.0
"""The limit for a token to be gone: the router's 30 s for its write-ahead log while messages flow, and a few more."""


@dataclass(slots=True)
class Seen:
    """Where what was found: ``place -> names of words``."""

    planted: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    controls: dict[str, frozenset[str]] = field(default_factory=dict)
    types: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    published: frozenset[str] = frozenset()
    tokens: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    forgotten_s: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)


def _saying(kind: str, **more: Any) -> Document:
    text = json.dumps(a_document(kind, residence={"gss": CUMBERLAND, **_HOME}, **more))
    for plain, planted in _WORDS.items():
        text = text.replace(plain, planted)
    found: Document = json.loads(text)
    return found


def control_message() -> bytes:
    """Everything that a sloppy member might send unsealed."""
    plain, b64, in_hex, wide, zipped, deflated = (word.encode() for word in CONTROLS.values())
    return b"|".join(
        [
            plain,
            base64.b64encode(b"x" + b64),
            in_hex.hex().upper().encode(),
            wide.decode().encode("utf-16-le"),
            gzip.compress(b"dear colleague, " + zipped),
            zlib.compress(b"dear colleague, " + deflated),
        ]
    )


async def _tell(it: Exchange, authors: Sequence[str]) -> frozenset[str]:
    """Concern, move, handover with its grants, a sensitive event, then every type that its author may send."""
    subject = {"nhs_number": CHILD, "upn": PUPIL}
    with it.open("health") as health, it.open("cumberland") as old, it.open("westmorland") as new:
        health.publish(_saying("concern.raised", n=1, subject=subject))
        await settled(old.inbox, within=40)
        health.publish(
            _saying("move.notified", n=2, subject=subject) | {"residence": {"gss": WESTMORLAND, **_HOME}}
        )
        handover = (await settled(old.actions.handovers, within=40))[0].handover.hex()
        await settled(new.actions.handovers, within=40)
        old.actions.release(handover, _WORKER)
        await settled(lambda: new.actions.handovers()[0].verified, within=40)
        new.actions.accept(handover, _WORKER)
        await settled(lambda: old.actions.handovers()[0].state == "closed", within=40)
        new.read(new.inbox()[0].number, role="front-door worker")
        health.publish(_saying("health.presentation", n=3, subject=subject, sensitivity="sensitive"))
    sent = {"concern.raised", "move.notified", "health.presentation"}
    with ExitStack() as stack:
        gateways = [stack.enter_context(it.open(name)) for name in authors]
        for number, kind in enumerate(every_type()):
            if not kind.startswith(_LEFT_OUT) and _somebody_says(gateways, kind, number + 10, subject):
                sent.add(kind)
        await settled(lambda: all(one.sent_ms for each in gateways for one in each.outbox()), within=60)
    return frozenset(sent)


def _somebody_says(gateways: list[Gateway], kind: str, number: int, subject: Document) -> bool:
    for gateway in gateways:
        try:
            gateway.publish(_saying(kind, n=number, subject=subject))
        except (HandrailError, EventRefusedError):
            continue  # not this member's to say
        return True
    return False


async def _misbehave(it: Exchange) -> None:
    """The control message, and a few hundred spoilt ones around it: all refused, none may reach a log."""
    chance, control, me = random.Random(7), control_message(), it.members["school"]
    async with Publisher(await it.connect("school")) as publisher:
        for number in range(_NOISE):
            frame = bytes([number % 12]) + chance.randbytes(number % 7) + control
            subject = str(OutSubject(me, Lane.NORMAL, number % 4))
            await publisher.publish(Outgoing(subject, frame, f"noise {number}"))


def _places(it: Exchange) -> dict[str, Path]:
    return {
        "the server's files": it.layout.nats,
        "the router's files": it.layout.router,
        "the log's files": it.layout.log,
    }


async def _watch_forgetting(it: Exchange, seen: Seen, router: Running) -> None:
    """One routine event about a child without a matter; how long its token is anywhere at the broker."""
    tokens = load_keyring(it.home("health") / "keys").tokens()
    values = {
        "with a matter": tokens.token_now(IdentifierKind.NHS_NUMBER, CHILD).value,
        "without one": tokens.token_now(IdentifierKind.NHS_NUMBER, PASSING).value,
    }
    search = Search(values)
    with it.open("health") as health, it.open("cumberland") as reader:
        before = len(reader.inbox())
        health.publish(_saying("appointment.missed", n=900, subject={"nhs_number": PASSING}))
        await settled(lambda: len(reader.inbox()) > before, within=40)
    began = time.monotonic()
    while True:
        places = {name: search.in_files(folder) for name, folder in _places(it).items()}
        left = {name for found in places.values() for names in found.values() for name in names}
        seen.forgotten_s = time.monotonic() - began
        if "without one" not in left or seen.forgotten_s > FORGET_S:
            break
        await asyncio.sleep(0.5)
    seen.tokens = places
    for name, pid in (("the router's memory", router.process.pid), ("the server's memory", it.server.pid)):
        found = await asyncio.to_thread(search.in_memory, pid)
        seen.tokens[name] = {name: found} if found else {}
    seen.tokens["every log"] = search.in_files(it.layout.data.parent / "logs")


async def play(folder: Path, *, thorough: bool = False) -> Seen:
    """Tell the story and search everything; ``thorough``: more authors, and the audit log's and the board's memory too."""
    authors = (*_AUTHORS, *_MORE_AUTHORS) if thorough else _AUTHORS
    async with exchange(folder) as it, recording(it) as wire:
        write_urls(it.layout, wire.url)
        logs = folder / "logs"
        logs.mkdir()
        commands = {
            "router": ("router", "--data", it.layout.data),
            "log": ("log", "run", "--data", it.layout.data),
            "board": ("board", "run", "--home", it.home("board")),
            **{
                name: ("gateway", "run", "--home", it.home(name))
                for name in (*authors, "westmorland")
            },
        }  # fmt: skip
        stack = ExitStack()
        try:
            # In threads, for the relay that they sign in through must be served meanwhile.
            begun = [
                asyncio.to_thread(
                    stack.enter_context,
                    program(logs / f"{name}.log", *command, env={"CONTROL_WORD": IN_MEMORY}),
                )
                for name, command in commands.items()
            ]
            running = dict(zip(commands, await asyncio.gather(*begun), strict=True))
            seen = Seen(published=await _tell(it, authors))
            await _misbehave(it)
            await settled(lambda: "refused" in running["router"].log, within=40)
            await _all_is_in_the_log(it)
            searched = ("router", "log", "board") if thorough else ("router",)
            await _search(it, wire, seen, {who: running[who] for who in searched})
            await _watch_forgetting(it, seen, running["router"])
        finally:
            await asyncio.to_thread(stack.close)
    return seen


async def _all_is_in_the_log(it: Exchange) -> None:
    """What the story left in the trail is in the tree and with the board: there must be something to search."""
    entries = (await stream_facts(await it.connect("admin"), AUDIT))["messages"]
    await settled(lambda: logged(it.layout.log / "tiles") >= entries, within=40)
    with closing(BoardHome.open(it.home("board")).store()) as store:
        await settled(lambda: _kept(store) >= entries, within=40)


def _kept(store: AuditStore) -> int:
    with store.work() as work:
        return work.count()


async def _search(it: Exchange, wire: Wire, seen: Seen, running: Mapping[str, Running]) -> None:
    """The planted words and the controls in every place; type names where the directory itself is not in the way."""
    everything = Search({**PLANTED, **CONTROLS, "in memory": IN_MEMORY})
    types = Search({kind: kind for kind in seen.published})
    # The signed directory is public and its policy names every type.
    public = [path.read_bytes() for path in (it.layout.current, *it.layout.history.rglob("*.bin"))]
    said = b"\n".join(wire.streams)
    seen.sizes["inside TLS"] = len(said)
    _note(seen, "inside TLS", {"said": everything.found(said)})
    for known in public:
        said = said.replace(known, b"")
    found = types.found(said)
    seen.types["inside TLS"] = {"said": found} if found else {}
    logs = it.layout.data.parent / "logs"
    for name, folder in {**_places(it), "every log": logs}.items():
        _note(seen, name, everything.in_files(folder))
        seen.types[name] = types.in_files(folder, but=public)
        seen.sizes[name] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    # A board may know types, from its slips; nothing of what was said.
    _note(seen, "the board's files", everything.in_files(it.home("board")))
    memories = {f"the {who}'s memory": one.process.pid for who, one in running.items()}
    for name, pid in {**memories, "the server's memory": it.server.pid}.items():
        _note(seen, name, {name: await asyncio.to_thread(everything.in_memory, pid)})


def _note(seen: Seen, place: str, found: dict[str, frozenset[str]]) -> None:
    planted = {where: names & PLANTED.keys() for where, names in found.items()}
    seen.planted[place] = {where: names for where, names in planted.items() if names}
    seen.controls[place] = frozenset[str]().union(*found.values()) - PLANTED.keys()
