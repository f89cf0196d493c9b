"""The audit entry: what the router commits in the same transaction as its decision, and publishes on AUDIT.

Entries carry no content. ``fields`` is a canonical map whose keys are those of ``FIELDS``; a salt makes each
entry's hash unguessable, so that one can later be pruned while proofs still work.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas import canonical
from schemas.reading import MalformedMessageError, number_of, octets, rows, whole

ENTRY_VERSION = 1
GAPS = 1 << 46
"""The partition of the audit service's own entries; below it are the router's, above it the boards'."""


class EntryKind(StrEnum):
    """What an entry records."""

    TAKEN = "taken"
    """An event about a child with an open matter, with its slips: who shared, when, to whom."""
    WITHHELD = "withheld"
    """A view that policy does not allow a reader."""
    UNREACHED = "unreached"
    """Members who must know of an event that no front door was sealed to, so that none can grant it."""
    REFUSED = "refused"
    CHAIN_GAP = "chain-gap"
    """An author's chain goes on after a hole: something was lost or dropped before the router."""
    ORDER = "order"
    GRANTED = "granted"
    ORDER_REFUSED = "order-refused"
    ITEMS_REFUSED = "items-refused"
    """A reader refused items of what was granted to it: missing, altered, foreign or replayed, each by its id."""
    SEEN = "seen"
    """Those who look for a missing child were told that it was seen; by whom and where is not written down."""
    REVIEWED = "reviewed"
    """A person of the front door that refused an order has looked at it again: shared after all, or upheld."""
    RECEIPT = "receipt"
    HANDOVER = "handover"
    LINKED = "linked"
    UNLINKED = "unlinked"
    CHILD_TOKEN = "child-token"  # noqa: S105  a kind of entry
    """A token leads to a child from here on; how a board finds a child by an NHS number."""
    MATTER_OPENED = "matter-opened"
    MATTER_CLOSED = "matter-closed"
    INVOLVED = "involved"
    SLIP_KEY = "slip-key"
    OVERDUE = "overdue"
    NOTICE_SENT = "notice-sent"
    """A member's gateway says that a person was told of something owed."""
    OBLIGATION = "obligation"
    """A member says when something owed began, is due and was met: sealed to boards, not to be read at the broker."""
    GAP = "gap"
    """Numbers of one writer that did not come on the trail: written by the audit service, not by the router."""
    QUESTION = "question"
    """A board was asked something: sealed to that board, signed by it. Durable before the answer is released."""
    SENT_AGAIN = "sent-again"
    ENDORSING = "endorsing"
    """A protection endorser's answer to a front door that must not be known: it vouches for its keys, or says why not."""
    VEILED = "veiled"
    """A block of entries about hidden children, which only the boards of the side that may know can open; or empty."""
    FLOOD = "flood"
    """Refusals of one member beyond its quota, summed up."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. ``number`` counts from 1 without gaps in its partition; ``at_ms`` is the router's commit."""

    salt: bytes
    partition: int
    number: int
    at_ms: int
    kind: EntryKind
    fields: dict[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical bytes; their hash will be the log's leaf."""
        return canonical.encode(
            [ENTRY_VERSION, self.salt, self.partition, self.number, self.at_ms, self.kind.value, self.fields]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "AuditEntry":
        """Read an entry; raises NotCanonicalError or MalformedMessageError."""
        version, salt, partition, number, at_ms, kind, fields = rows(canonical.decode(data), 7, "audit entry")
        if whole(version, "version") != ENTRY_VERSION or not isinstance(fields, dict):
            raise MalformedMessageError("audit entry: not of this version")
        return cls(
            octets(salt, 16, "salt"),
            whole(partition, "partition"),
            whole(number, "number"),
            whole(at_ms, "at"),
            number_of(EntryKind, kind, "kind"),
            fields,
        )
