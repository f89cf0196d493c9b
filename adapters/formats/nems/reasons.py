"""Every reason for refusing an NHS message: a stable code, what is wrong, and what the sender should do."""

from types import MappingProxyType
from typing import Final

from adapters.formats.outcome import WHOLE, Place, Reason

_ASK_PUBLISHER: Final = (
    "Ask the publisher named in MessageHeader.source.contact to correct it and send it again."
)
_RESEND: Final = "Send it again as the NHS published it."

_TABLE: Final = MappingProxyType(
    {
        # The bytes
        "empty-input": ("There is nothing in it.", "Check the file or the download and send it again."),
        "oversized": (
            "It is larger than any NHS event message.",
            "Send one message per file, at most 2 MiB.",
        ),
        "not-text": ("It is not text in UTF-8.", "Send the message itself, not an archive or a print of it."),
        "hostile-xml": (
            "It has a document type, an entity or an outside reference, which no NHS message has.",
            "Do not open it. Tell your security team where it came from.",
        ),
        "malformed-xml": ("It is not well-formed XML.", _RESEND),
        "malformed-json": ("It is not well-formed JSON.", _RESEND),
        "duplicate-json-key": (
            "The same field is given twice in one JSON object, so it says two things.",
            _ASK_PUBLISHER,
        ),
        "too-complex": ("It is nested deeper, or has more elements, than any NHS event message.", _RESEND),
        # The form
        "not-fhir": ("It is not FHIR.", "Send a FHIR STU3 Bundle, as XML or as JSON."),
        "not-a-bundle": ("It is FHIR, but not a Bundle.", "Send the whole message Bundle, not a part of it."),
        "wrong-fhir-version": (
            "It is written for another version of FHIR than STU3 (3.0).",
            "Send the STU3 form that NEMS delivers.",
        ),
        "not-a-message": ("It is a Bundle, but not of type 'message'.", "Send the event message itself."),
        "malformed-fhir": ("An element is not built as FHIR says.", _ASK_PUBLISHER),
        "message-header-missing": ("The Bundle has no MessageHeader.", _ASK_PUBLISHER),
        "message-header-not-first": (
            "The MessageHeader is not the first entry of the Bundle.",
            _ASK_PUBLISHER,
        ),
        "message-header-repeated": (
            "The Bundle has more than one MessageHeader.",
            "Send one message per file.",
        ),
        "duplicate-resource": ("Two entries of the Bundle have the same address.", _ASK_PUBLISHER),
        # The header
        "message-id-missing": ("The MessageHeader has no id, so a repeat could not be told.", _ASK_PUBLISHER),
        "message-id-malformed": ("The MessageHeader's id is not a UUID.", _ASK_PUBLISHER),
        "event-code-missing": ("The MessageHeader does not say what kind of event it is.", _ASK_PUBLISHER),
        "unknown-event-system": (
            "The event's code is from a code system other than the NHS's.",
            _ASK_PUBLISHER,
        ),
        "unsupported-event-type": (
            "Events of type '{0}' are not mapped.",
            "Nothing to correct: leave this type out of the subscription, or deliver it elsewhere.",
        ),
        "unsupported-event-version": (
            "This is '{0}'; version 1 of that type is mapped and a new version may mean something else.",
            "Ask the operator for an update of the adapter; keep the message.",
        ),
        "lifecycle-missing": ("The MessageHeader does not say new, update or delete.", _ASK_PUBLISHER),
        "lifecycle-unknown": ("The message event type is not new, update or delete.", _ASK_PUBLISHER),
        "lifecycle-not-defined": (
            "'{0}' is not defined for this type of event, and guessing what it withdraws could undo a true one.",
            "Ask the publisher what was meant; correct the earlier event by hand if it was wrong.",
        ),
        "timestamp-missing": ("The MessageHeader has no timestamp.", _ASK_PUBLISHER),
        "invalid-date": ("This is not a date or time that exists, or it has no time zone.", _ASK_PUBLISHER),
        "impossible-date": ("This date cannot be: {0}.", _ASK_PUBLISHER),
        "dangling-reference": ("It refers to a resource that is not in the Bundle.", _ASK_PUBLISHER),
        "focus-missing": ("The MessageHeader does not say what the message is about.", _ASK_PUBLISHER),
        "wrong-focus": ("The focus of the message is not a {0}.", _ASK_PUBLISHER),
        # The person
        "subject-missing": ("It does not say which patient it is about.", _ASK_PUBLISHER),
        "subject-ambiguous": ("More than one patient could be meant.", _ASK_PUBLISHER),
        "subject-unrecognisable": (
            "The patient has no verified NHS number, nor both a family name and a date of birth.",
            _ASK_PUBLISHER,
        ),
        "nhs-number-check-digit": (
            "The NHS number has a wrong check digit.",
            "Compare it with the source record; never correct it by guessing.",
        ),
        "nhs-number-malformed": ("The NHS number is not ten digits.", "Compare it with the source record."),
        "nhs-number-mismatch": (
            "The MessageHeader and the patient carry different NHS numbers: it may be about another person.",
            _ASK_PUBLISHER,
        ),
        "several-nhs-numbers": ("The patient has more than one NHS number.", _ASK_PUBLISHER),
        # The content
        "address-missing": ("A change of address without the new address.", _ASK_PUBLISHER),
        "address-use-missing": (
            "An address does not say whether it is the old or the new one.",
            _ASK_PUBLISHER,
        ),
        "address-ambiguous": ("Two addresses are both given as the {0} one.", _ASK_PUBLISHER),
        "baby-missing": ("A birth notification without the baby.", _ASK_PUBLISHER),
        "baby-ambiguous": ("It does not say which of the patients is the baby.", _ASK_PUBLISHER),
        "birth-outcome-unknown": (
            "The still birth indicator has a code that the NHS does not list.",
            _ASK_PUBLISHER,
        ),
        "birth-outcome-contradictory": ("Two still birth indicators say different things.", _ASK_PUBLISHER),
        "death-status-missing": (
            "A death notification without the status of the notification.",
            _ASK_PUBLISHER,
        ),
        "death-status-unknown": (
            "The death notification status has a code that the NHS does not list.",
            _ASK_PUBLISHER,
        ),
        "death-status-contradictory": (
            "The status says that the death was withdrawn, yet a date of death is given.",
            _ASK_PUBLISHER,
        ),
        "gp-missing": (
            "A change of GP that names neither the new practice nor the one left.",
            _ASK_PUBLISHER,
        ),
        "ods-code-malformed": (
            "The organisation's ODS code is not three to ten letters and digits.",
            _ASK_PUBLISHER,
        ),
        "episode-missing": ("A professional contact without the episode of care.", _ASK_PUBLISHER),
        "episode-status-unknown": ("The status of the episode of care is not one of FHIR's.", _ASK_PUBLISHER),
        "service-missing": ("The episode of care does not say what kind of care it is.", _ASK_PUBLISHER),
        "organisation-missing": (
            "The episode of care does not name the organisation in charge.",
            _ASK_PUBLISHER,
        ),
        "event-invalid": ("What it says does not make an event that may be sent: {0}", _ASK_PUBLISHER),
    }
)


def because(code: str, place: Place = WHOLE, *facts: str) -> Reason:
    """The reason with this code. ``facts`` fill its sentence and are never taken from a person's data."""
    why, advice = _TABLE[code]
    return Reason(code, place, why.format(*facts), advice)


class RefusedError(Exception):
    """A message stops being read here. Turned into ``Refused`` at the top of the adapter; never leaves it."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__(*(reason.code for reason in reasons))
        self.reasons = reasons


def refuse(code: str, place: Place = WHOLE, *facts: str) -> RefusedError:
    """The error to raise for one reason."""
    return RefusedError(because(code, place, *facts))
