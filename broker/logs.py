"""Logs for machines: one JSON object a line, a fixed event name, ids; never a payload, an identifier or a key."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

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
    ]
)
_NHS_NUMBER: Final = re.compile(r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b")
_POSTCODE: Final = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b")
_UPN: Final = re.compile(r"\b[A-Z]\d{11}[A-Z\d]\b")


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what must never be logged, by key and by shape. The last line of defence, not the first."""
    for key, value in list(entry.items()):
        if key in _FORBIDDEN or isinstance(value, bytes):
            entry[key] = "[removed]"
        elif isinstance(value, str):
            for pattern in (_NHS_NUMBER, _UPN, _POSTCODE):
                value = pattern.sub("[removed]", value)  # noqa: PLW2901
            entry[key] = value
    return entry


def configure_logs(level: int = logging.INFO) -> None:
    """Write structlog events to standard error as JSON lines from now on."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
