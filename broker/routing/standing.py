"""Whether the router remembers all that it has said: a database from an old copy must not go on from there.

It would give numbers a second time, and a reader drops a number that it has seen: events would be lost in silence.
AUDIT alone does not tell, since routine events leave nothing in it; so each reader's deliveries are asked too.
"""

from collections.abc import AsyncIterator
from typing import Final

from broker.bus.connection import Bus
from broker.bus.streams import last_message, next_message
from broker.bus.subjects import audit_subject, shard_of
from broker.bus.topology import AUDIT, in_stream, shard_subject
from broker.crypto.errors import CryptoRejectedError
from broker.crypto.signing import verify
from broker.errors import TamperedError
from broker.routing.desk import AUDIT_PARTITION
from broker.store.router.store import RouterStore
from schemas import canonical
from schemas.audit import AuditEntry
from schemas.control import Note, unframe
from schemas.directory import Directory
from schemas.reading import MalformedMessageError
from schemas.wire import PROTOCOL_VERSION

PAGE: Final = "docs/runbook/router-behind-audit.md"


class BehindTheBusError(TamperedError):
    """The bus holds what this router has said and does not remember: its database is an old copy.

    ``place`` is ``AUDIT`` or a reader's id, ``said`` the number that lies on the bus, ``remembered`` the router's own.
    """

    def __init__(self, place: str, said: int, remembered: int) -> None:
        super().__init__(
            f"the router's database is behind the bus ({place}: number {said} was given, "
            f"{remembered} is remembered), so it is an old copy; nothing was changed. See {PAGE}"
        )
        self.place, self.said, self.remembered = place, said, remembered


async def check_standing(bus: Bus, store: RouterStore, directory: Directory, shards: int) -> None:
    """Compare the router's counters with the last that lies on the bus.

    Raises:
        BehindTheBusError: something was said that the database does not know.
        UnavailableError: the bus did not tell; a router that does not know where it stands does not start.
    """
    async for place, said, remembered in _behind(bus, store, directory, shards, first_only=True):
        raise BehindTheBusError(place, said, remembered)


async def step_over(
    bus: Bus, store: RouterStore, directory: Directory, shards: int
) -> list[tuple[str, int, int]]:
    """Let an old copy go on from there: every counter beyond what lies on the bus. Gives place, said, remembered.

    No number is given twice then. What the router knew since the copy about matters, handovers, links and clocks is
    not brought back by this: a person decides that it is to be done without. Idempotent.
    """
    found = [one async for one in _behind(bus, store, directory, shards, first_only=False)]
    with store.work() as work:
        for place, said, _ in found:
            work.outgoing.count_from(f"audit {AUDIT_PARTITION}" if place == AUDIT else f"in {place}", said)
    return found


async def _behind(
    bus: Bus, store: RouterStore, directory: Directory, shards: int, *, first_only: bool
) -> AsyncIterator[tuple[str, int, int]]:
    last = await last_message(bus, AUDIT, audit_subject(AUDIT_PARTITION))
    if last is not None:
        with store.work() as work:
            remembered = work.outgoing.counted(f"audit {AUDIT_PARTITION}")
        said = AuditEntry.from_bytes(last.data).number
        if said > remembered:
            yield AUDIT, said, remembered
    for member in directory.members:
        with store.work() as work:
            remembered = work.outgoing.counted(f"in {member.id}")
            place = work.outgoing.newest_place(member.id)
        said = await _said_to(bus, member.id, place, directory, shards, remembered if first_only else None)
        if said > remembered:
            yield member.id, said, remembered


async def _said_to(
    bus: Bus, reader: str, place: int, directory: Directory, shards: int, enough: int | None
) -> int:
    """The highest number behind the newest delivery that the router knows to be on the bus; stops beyond ``enough``.

    Usually there is nothing; after a crash between publishing and marking, or after a request to send again,
    messages whose numbers are known.
    """
    stream, subject = in_stream(shard_of(reader, shards)), shard_subject(reader, shards)
    highest = 0
    while (found := await next_message(bus, stream, subject, place + 1)) is not None:
        place = found.sequence
        highest = max(highest, number_of(found.data, directory))
        if enough is not None and highest > enough:
            break
    return highest


def number_of(data: bytes, directory: Directory) -> int:
    """The number in a delivery; 0 for what the router did not sign, which is no word of its own."""
    try:
        signed, _, _ = unframe(data, 3, PROTOCOL_VERSION)
        return Note.from_bytes(verify(signed, Note.LABEL, directory.public_of).payload).number
    except (canonical.NotCanonicalError, MalformedMessageError, CryptoRejectedError):
        return 0
