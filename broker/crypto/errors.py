"""Why a sealed message is refused, each with a stable code and what its sender should do."""

from broker.errors import RejectedError


class CryptoRejectedError(RejectedError):
    """A message that fails a check of its signature, hashes or keys. Never raised itself."""


class MalformedError(CryptoRejectedError):
    """The bytes are not a message of this protocol."""

    code = "malformed"
    advice = "Send it with a current gateway; if it was, send the gateway's version to the operator."


class UnknownSignerError(CryptoRejectedError):
    """The directory knows no such signing key."""

    code = "unknown-signer"
    advice = "Ask the operator whether your signing key is in the current directory."


class BadSignatureError(CryptoRejectedError):
    """The signature does not hold over these bytes."""

    code = "bad-signature"
    advice = "The message was altered on its way or signed with another key; publish the event again."


class WrongLabelError(CryptoRejectedError):
    """A signature over one kind of message was offered for another."""

    code = "wrong-label"
    advice = "Send the signed bytes only as the kind of message that they were made for."


class AlteredError(CryptoRejectedError):
    """A ciphertext, wrap, opening or slip is not the one that the author signed."""

    code = "altered"
    advice = "The message was altered on its way; publish the event again."


class NotAddressedError(CryptoRejectedError):
    """The part's key was not sealed to this reader, or not for this event."""

    code = "not-addressed"
    advice = "The event was not sealed to you. Ask its author, or the front door, for a grant."


class TwoFacedError(CryptoRejectedError):
    """The part's key is not the one that the author committed to: different readers could read different texts."""

    code = "two-faced"
    advice = "Keep the message as evidence and tell the operator: its author sealed different keys to different readers."


class UnknownSuiteError(CryptoRejectedError):
    """The message uses a cipher suite that this version does not accept."""

    code = "unknown-suite"
    advice = "Update the gateway that sent it; only the suites in the protocol document are accepted."


class UnusableKeyError(CryptoRejectedError):
    """A public key that must not be trusted or cannot be used."""

    code = "unusable-key"
    advice = "Make a new key with `handrail directory rotate`."


class GrantMismatchError(CryptoRejectedError):
    """A grant that does not belong to this order, reader, event or grantor."""

    code = "grant-mismatch"
    advice = "Ignore it and tell the operator; a right grant names the order that it answers."


class NotEndorsedError(CryptoRejectedError):
    """A one-time key that too few protection endorsers vouch for, or one endorsed for something else."""

    code = "not-endorsed"
    advice = (
        "Nothing is handed to a key that is not endorsed; tell the operator and the protection endorsers."
    )
