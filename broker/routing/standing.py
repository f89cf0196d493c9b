"""Whether the router remembers all that it has said: a database from an old copy must not go on from there.

It would give numbers a second time, and a reader drops a number that it has seen: events would be lost in silence.
AUDIT alone does not tell, since routine events leave nothing in it; so each reader's deliveries are asked too.
"""

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
    last = await last_message(bus, AUDIT, audit_subject(AUDIT_PARTITION))
    if last is not None:
        with store.work() as work:
            remembered = work.outgoing.counted(f"audit {AUDIT_PARTITION}")
        said = AuditEntry.from_bytes(last.data).number
        if said > remembered:
            raise BehindTheBusError(AUDIT, said, remembered)
    for member in directory.members:
        await _check_reader(bus, store, directory, member.id, shards)


async def _check_reader(bus: Bus, store: RouterStore, directory: Directory, reader: str, shards: int) -> None:
    """Look at what lies behind the newest delivery that the router knows to be on the bus.

    Usually nothing; after a crash between publishing and marking, or after a request to send again, messages whose
    numbers are known.
    """
    with store.work() as work:
        remembered = work.outgoing.counted(f"in {reader}")
        place = work.outgoing.newest_place(reader)
    stream, subject = in_stream(shard_of(reader, shards)), shard_subject(reader, shards)
    while (found := await next_message(bus, stream, subject, place + 1)) is not None:
        place = found.sequence
        said = _number(found.data, directory)
        if said > remembered:
            raise BehindTheBusError(reader, said, remembered)


def _number(data: bytes, directory: Directory) -> int:
    """The number in a delivery; 0 for what the router did not sign, which is no word of its own."""
    try:
        signed, _, _ = unframe(data, 3, PROTOCOL_VERSION)
        return Note.from_bytes(verify(signed, Note.LABEL, directory.public_of).payload).number
    except (canonical.NotCanonicalError, MalformedMessageError, CryptoRejectedError):
        return 0
