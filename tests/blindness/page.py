"""The page ``docs/blindness.md``: what was looked for, where, and what was found."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.blindness.story import CONTROLS, IN_MEMORY, PLANTED, Seen, play

PAGE: Final = Path(__file__).parents[2] / "docs" / "blindness.md"
_HEAD: Final = """# Blindness: what was planted, and where it was found

Made by `python -m tests.blindness`. Router, gateways, the audit log and a board's node run as processes of their own against a real
server; a relay with the server's own certificate keeps all that is said inside TLS. Words are planted in payloads of {types} types of event, a
sensitive one, a handover and its grants: {words}.
They are looked for as they stand, in small and capital letters, base64
(every alignment, both alphabets), hex, UTF-16, and inside zlib and gzip. No stream is compressed by the server.
The controls are words sent unsealed on purpose, one in each form, and one put into the router's memory.

| place | planted words found | types named | controls found |
|---|---|---|---|
"""
_TAIL: Final = """
The names of types are part of the signed directory, which is public, and of the program itself: its bytes are taken out
before they are looked for on wire and disk, and in memory only a type as a payload writes it is looked for.

## A child without a matter

A process's memory is not overwritten when it is freed: there the token of a routine event may stay until the space is used
again or the process ends. On disk and in logs it must be gone.

One routine event; its child's token is looked for until it is gone from the files: {forgotten:.1f} s in this run.

| place | token of a child with a matter | token of one without |
|---|---|---|
"""


def page(seen: Seen) -> str:
    """The page of one run."""
    head = _HEAD.format(words=", ".join(PLANTED), types=len(seen.published))
    rows = [
        f"| {place} | {_all(found)} | {_all(seen.types.get(place))} | {', '.join(sorted(seen.controls[place])) or 'none'} |"
        for place, found in seen.planted.items()
    ]
    tokens = [
        f"| {place} | {_yes(found, 'with a matter')} | {_yes(found, 'without one')} |"
        for place, found in seen.tokens.items()
    ]
    return head + "\n".join(rows) + "\n" + _TAIL.format(forgotten=seen.forgotten_s) + "\n".join(tokens) + "\n"


def _all(found: Mapping[str, frozenset[str]] | None) -> str:
    if found is None:
        return "not looked for"
    return ", ".join(sorted(frozenset[str]().union(*found.values()))) or "none"


def _yes(found: Mapping[str, frozenset[str]], name: str) -> str:
    return "found" if any(name in names for names in found.values()) else "none"


def write() -> None:
    """Play the story and write the page. Ends with an error where a planted word was found or a control was not."""
    with tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(play(Path(folder), thorough=True))
    PAGE.write_text(page(seen), "utf-8")
    missed = (CONTROLS.keys() - seen.controls["inside TLS"]) | (
        {IN_MEMORY} if "in memory" not in seen.controls["the router's memory"] else set()
    )
    if missed or any(seen.planted.values()):
        raise SystemExit(f"missed {sorted(missed)}; found {seen.planted}")
