"""Logs for machines: one JSON object a line, a fixed event name, ids; never a payload, an identifier or a key.

What other libraries and Python itself would write (warnings, tracebacks) goes the same way, and without its text:
an exception of somebody else's may quote the value that it stumbled over.
"""

import asyncio
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog

from broker.errors import HandrailError

_FORBIDDEN: Final = frozenset(
    [
        "payload",
        "body",
        "plaintext",
        "nhs_number",
        "upn",
        "postcode",
        "name",
        "given_name",
        "family_name",
        "date_of_birth",
        "address",
        "seed",
        "secret",
        "token",
        "tokens",
    ]
)
_REMOVED: Final = "[removed]"
_NHS_NUMBER: Final = re.compile(r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b")
_POSTCODE: Final = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
_UPN: Final = re.compile(r"\b[A-Z]\d{11}[A-Z\d]\b")
_SEED: Final = re.compile(r"\bS[UAO][A-Z2-7]{40,}\b")
_FRAMES: Final = 8


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what must never be logged, by key and by shape, however deep. The last line of defence, not the first."""
    for key, value in list(entry.items()):
        entry[key] = _clean(key, value)
    return entry


def _clean(key: str, value: Any) -> Any:
    if key.lower() in _FORBIDDEN or isinstance(value, bytes | bytearray | memoryview):
        return _REMOVED
    if isinstance(value, str):
        for pattern in (_NHS_NUMBER, _UPN, _POSTCODE, _SEED):
            value = pattern.sub(_REMOVED, value)
        return value
    if isinstance(value, dict):
        return {_clean("", str(name)): _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # An object of unknown kind would be written as its repr, with all that is in it.
    return f"[{type(value).__name__}]"


def name_exception(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of an exception: its kind, where it came from, and its sentence only if it is one of ours."""
    found = entry.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        entry.update(_exception(error))
    return entry


def _exception(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told: dict[str, Any] = {
        "exception": type(error).__name__,
        "where": [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}" for frame in frames],
    }
    if isinstance(error, HandrailError):
        told["sentence"] = str(error)
    if isinstance(error, BaseExceptionGroup):
        told["inside"] = [_exception(inner) for inner in error.exceptions]
    if error.__cause__ is not None:
        told["cause"] = type(error.__cause__).__name__
    return told


class _Others(logging.Handler):
    """What libraries log: who, how bad, and the kind of the exception; never the text."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        log = structlog.get_logger().bind(logger=record.name, place=f"{record.filename}:{record.lineno}")
        log.log(record.levelno, "library", exc_info=record.exc_info[1] if record.exc_info else None)


def configure_logs(level: int = logging.INFO) -> None:
    """Write structlog events, what libraries log, and what ends the program to standard error as JSON lines."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_exception,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(handlers=[_Others()], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _ended


def _ended(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt | asyncio.CancelledError):
        structlog.get_logger().critical("ended", exc_info=error)
