"""From bytes to events: strictly for authors, leniently for readers. Every refusal names place and remedy.

Owned here: size, form, repeated keys, type and version, faults. Not owned: which types exist (``schemas.catalogue``).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from schemas.errors import EventRefusedError, Fault, MalformedIdentifierError
from schemas.events.base import Event
from schemas.ids import EventId

MAX_EVENT_BYTES: Final = 512_000
"""One event as JSON, in bytes; papers travel as attachments."""
VERSION: Final = "1"
_MAX_FAULTS: Final = 20
_MAX_DEPTH: Final = 30
_SAFE_NAME: Final = re.compile(r"[a-z][a-z_]{0,39}")
_DATETIME: Final = TypeAdapter(AwareDatetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericEvent:
    """An event that a later version wrote: what this version understands of it, and all of the rest, kept."""

    version: str
    type: str
    id: EventId
    occurred_at: AwareDatetime
    unknown: tuple[str, ...]
    """Paths of the fields that this version does not know."""
    known: Event | None
    """The event without those fields, where the rest makes one of a type that is known here."""
    document: Mapping[str, Any]
    """Everything as it came."""


class _RepeatedKeyError(ValueError):
    pass


class Reader:
    """Reads events of the given types."""

    def __init__(self, models: Mapping[str, type[Event]]) -> None:
        self._models = models

    def strictly(self, data: bytes | Mapping[str, object]) -> Event:
        """See ``schemas.catalogue.parse_event``."""
        document, raw = _document(data)
        if document.get("version") != VERSION:
            raise _refused(
                "unknown-version",
                "version",
                f"is not {VERSION!r}",
                "Send version 1 of the event, or update Handrail.",
            )
        model = self._models.get(_text(document, "type"))
        if model is None:
            raise _refused(
                "unknown-type",
                "type",
                "is no type of the catalogue",
                "See 'schemas/json' for the types there are.",
            )
        try:
            return model.model_validate_json(raw)
        except ValidationError as error:
            raise EventRefusedError("invalid-event", faults_of(error)) from None

    def leniently(self, data: bytes) -> Event | GenericEvent:
        """See ``schemas.catalogue.read_event``."""
        try:
            event = self.strictly(data)
        except EventRefusedError as refusal:
            if refusal.code not in ("unknown-version", "unknown-type", "invalid-event"):
                raise
            return self._generic(data, refusal)
        _refuse_critical(event.critical, type(event))
        return event

    def _generic(self, data: bytes, refusal: EventRefusedError) -> GenericEvent:
        document, _ = _document(data)
        model = self._models.get(_text(document, "type"))
        known, unknown = _without_unknown(document, model) if model else (None, ())
        current = document.get("version") == VERSION
        if known is None and (model is not None and current):
            raise refusal
        _refuse_critical(_critical(document), model or Event)
        try:
            return GenericEvent(
                version=_text(document, "version"),
                type=_text(document, "type"),
                id=EventId(_text(document, "id")),
                occurred_at=_DATETIME.validate_python(document.get("occurred_at")),
                unknown=unknown,
                known=known,
                document=document,
            )
        except (ValidationError, MalformedIdentifierError):
            raise refusal from None


def _document(data: bytes | Mapping[str, object]) -> tuple[dict[str, Any], bytes]:
    """The JSON object in ``data`` and its bytes.

    1. Size, before a byte is read. 2. UTF-8 only; no repeated key and no number that JSON does not have, because two
    parsers must not see two different events. 3. Depth, so that nobody later recurses without end.
    """
    raw = data if isinstance(data, bytes) else _as_bytes(data)
    if len(raw) > MAX_EVENT_BYTES:
        raise _refused(
            "oversized-event",
            "event",
            f"is larger than {MAX_EVENT_BYTES} bytes",
            "Send papers as attachments.",
        )
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except _RepeatedKeyError:
        raise _malformed("gives the same field twice") from None
    except (ValueError, RecursionError):
        raise _malformed("is not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise _malformed("is not a JSON object")
    if _too_deep(document):
        raise _malformed("is nested too deeply")
    return document, raw


def _as_bytes(document: Mapping[str, object]) -> bytes:
    try:
        return to_json(dict(document))
    except (PydanticSerializationError, ValueError, RecursionError):
        raise _malformed("holds a value that JSON cannot say") from None


def _too_deep(document: object) -> bool:
    """Whether arrays and objects are nested beyond the limit; level by level, without recursion."""
    level = [document]
    for _ in range(_MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _RepeatedKeyError
    return document


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _text(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    return value if isinstance(value, str) else ""


def _refused(code: str, place: str, why: str, advice: str) -> EventRefusedError:
    return EventRefusedError(code, [Fault(place, why, advice)])


def _malformed(why: str) -> EventRefusedError:
    return _refused("malformed-json", "event", why, "Send one JSON object in UTF-8, each field once.")


def _critical(document: Mapping[str, Any]) -> tuple[str, ...]:
    listed = document.get("critical", [])
    return tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()


def _refuse_critical(names: Iterable[str], model: type[Event]) -> None:
    for name in names:
        if not _has_field(model, name.split(".")):
            raise _refused(
                "unknown-critical-field",
                "critical",
                "names a field that must be understood and that this version does not know",
                "Update Handrail before reading this event.",
            )


def _has_field(model: object, path: list[str]) -> bool:
    """Whether the dotted path leads through models to a field."""
    for name in path:
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or name not in model.model_fields:
            return False
        model = model.model_fields[name].annotation
    return True


def _without_unknown(document: dict[str, Any], model: type[Event]) -> tuple[Event | None, tuple[str, ...]]:
    """The event that is left when unknown fields are put aside, and their paths."""
    trimmed = json.loads(json.dumps(document)) | {"version": VERSION}
    try:
        return model.model_validate_json(to_json(trimmed)), ()
    except ValidationError as error:
        extras = [
            detail["loc"]
            for detail in error.errors(include_input=False)
            if detail["type"] == "extra_forbidden"
        ]
    for path in extras:
        _drop(trimmed, path)
    unknown = tuple(".".join(str(step) for step in path) for path in extras)
    try:
        return model.model_validate_json(to_json(trimmed)), unknown
    except ValidationError:
        return None, unknown


def _drop(document: Any, path: tuple[int | str, ...]) -> None:
    for step in path[:-1]:
        document = document[step]
    document.pop(path[-1])


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """What a model found wrong, each with its place and what to do, never with a value."""
    details = error.errors(include_url=False, include_input=False)
    for detail in details[:_MAX_FAULTS]:
        yield Fault(_place(detail), _why(detail), _advice(detail))
    if len(details) > _MAX_FAULTS:
        yield Fault("event", f"has {len(details) - _MAX_FAULTS} faults more", "Mend these first.")


def _place(detail: ErrorDetails) -> str:
    """The path to the fault. A field name that we do not know may hold anything, so an odd one is not repeated."""
    steps = [str(step) for step in detail["loc"]]
    if detail["type"] == "extra_forbidden" and not _SAFE_NAME.fullmatch(steps[-1]):
        steps[-1] = "(a field with an odd name)"
    return ".".join(steps) or "event"


def _why(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return "is not a field of this type"
        case "missing":
            return "is missing"
        case "timezone_aware":
            return "has no time zone"
        case _:
            return detail["msg"][:1].lower() + detail["msg"][1:]


def _advice(detail: ErrorDetails) -> str:
    advice = detail.get("ctx", {}).get("advice")
    if isinstance(advice, str):
        return advice
    match detail["type"]:
        case "extra_forbidden":
            return "Leave it out, or send it under a name of the schema."
        case "missing":
            return "Add it."
        case "timezone_aware":
            return "Send the time with its offset, such as 2026-03-01T09:30:00+00:00."
        case _:
            return "See the type's JSON Schema in 'schemas/json'."
