"""Postcode to local authority, on this machine: a compact index, compiled once from ONS data."""

from adapters.areas.answers import (
    Answer,
    Found,
    Malformed,
    NotEngland,
    Terminated,
    Unknown,
)
from adapters.areas.index import PostcodeIndex
from adapters.areas.setup import default_index, import_onspd

__all__ = [
    "Answer",
    "Found",
    "Malformed",
    "NotEngland",
    "PostcodeIndex",
    "Terminated",
    "Unknown",
    "default_index",
    "import_onspd",
]
