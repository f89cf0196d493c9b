"""Why the router refuses a message: a stable code, a sentence, and what the sender should do."""

from broker.errors import RejectedError


class OversizedError(RejectedError):
    """The message is larger than the exchange carries."""

    code = "oversized"
    advice = "Send large documents as attachments; the gateway cuts them into pieces."


class WrongVersionError(RejectedError):
    """The message is of a protocol version that this router does not speak."""

    code = "unknown-version"
    advice = "Update the gateway, or ask the operator which versions are spoken."


class ImpostorError(RejectedError):
    """The signed author is not the member who sent it."""

    code = "impostor"
    advice = "Only the author's own gateway may send an event. Ask the operator if a key was moved."


class LostOnTheBusError(RejectedError):
    """The router had taken the event, and the bus has lost what it gave to a reader: its file was damaged."""

    code = "lost-on-the-bus"
    advice = "Publish it again under the same id: whoever has it takes it once, whoever has not gets it."


class ExpiredKeyError(RejectedError):
    """The signing key was not valid when the router took the message, and nobody vouches for it."""

    code = "key-expired"
    advice = "Run `handrail directory rotate` and start the gateway again: it countersigns its backlog."


class RevokedKeyError(RejectedError):
    """The signing key has been revoked."""

    code = "key-revoked"
    advice = "Ask the operator for a new key; nothing signed with the old one will be taken."


class UnknownMemberError(RejectedError):
    """The author is not, or no longer, a member."""

    code = "unknown-member"
    advice = "Ask the operator whether your organisation is in the current directory."


class StaleDirectoryError(RejectedError):
    """The event was sealed with a directory that is too old."""

    code = "directory-too-old"
    advice = "Let the gateway fetch the current directory and publish the event again."


class ChainForkError(RejectedError):
    """Two different messages stand at the same place of the author's chain."""

    code = "chain-fork"
    advice = "Two gateways may be running with one key. Stop one of them, and tell the operator."


class EventIdTakenError(RejectedError):
    """Another member's event has this id: believing it would let one event stand in another's place."""

    code = "event-id-taken"
    advice = "Let the gateway give the event an id of its own; ids are never chosen."


class WrongLaneError(RejectedError):
    """The event travels in another lane than its urgency calls for."""

    code = "wrong-lane"
    advice = "Send U0 and U1 in urgent, U2 in normal, U3 in bulk."


class WrongPartitionError(RejectedError):
    """The event travels in another partition than its first token calls for."""

    code = "misaddressed"
    advice = "Let the gateway compute the subject; it must not be chosen."


class WrongActingAreaError(RejectedError):
    """The author does not act for this area."""

    code = "wrong-acting-area"
    advice = "Use an area that the directory lists for your organisation."


class WrongKindError(RejectedError):
    """This kind of member may not publish this class of event."""

    code = "wrong-kind"
    advice = "See the policy for who may publish what; ask a front door to publish it."


class UnknownAreaError(RejectedError):
    """An area of the event is no area that the directory knows."""

    code = "unknown-area"
    advice = "Check the GSS code; `handrail areas show CODE` names successors of areas that have ended."


class NotYourActionError(RejectedError):
    """The action is for another front door, or for none."""

    code = "not-your-action"
    advice = "Only the front door of the area concerned may do this."


class UnknownHandoverError(RejectedError):
    """There is no such handover."""

    code = "unknown-handover"
    advice = "See `handrail handover list` for those that concern you."


class ImpossibleActionError(RejectedError):
    """The action does not fit the state of the handover."""

    code = "not-possible-now"
    advice = "See `handrail handover show` for where it stands."


class NothingToLinkError(RejectedError):
    """A link needs two identifiers, of which at least one leads to a child with an open matter."""

    code = "nothing-to-link"
    advice = "Give both identifiers as they were published."


class UnknownOrderError(RejectedError):
    """The grant or refusal answers no order that waits for it."""

    code = "unknown-order"
    advice = "Nothing to do: the order was answered, has expired, or is not yours."


class ForeignReceiptError(RejectedError):
    """Receipts, a request to send again, or a slip key name another member than the one that signed them."""

    code = "foreign-receipt"
    advice = (
        "Each gateway speaks for its own member only. Look for one that runs with another member's folder."
    )
