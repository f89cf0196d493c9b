"""An ONS Postcode Directory CSV: postcodes that ended, rows that cannot be used, and files that are something else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.areas import (
    Found,
    Malformed,
    NotEngland,
    PostcodeIndex,
    Terminated,
    Unknown,
    default_index,
    import_onspd,
)
from adapters.areas.setup import IMPORTED
from adapters.areas.sources import Faults
from broker.errors import ConfigurationError
from schemas.ids import GssCode

_HEADER = """
pcd pcd2 pcds dointr doterm oscty ced oslaua osward parish usertype oseast1m osnrth1m osgrdind oshlthau nhser ctry
rgn streg pcon eer teclec ttwa pct itl statsward oa01 casward park lsoa01 msoa01 ur01ind oac01 oa11 lsoa11 msoa11
wz11 sicbl bua24 ru11ind oac11 lat long lep1 lep2 pfa imd calncv icb oa21 lsoa21 msoa21
"""
_HEADER_OF_2025 = "pcd7 pcd8 pcds dointr doterm cty25cd lad25cd wd25cd ctry25cd lat long pfa23cd"
COLUMNS = _HEADER.split()
LATER_COLUMNS = _HEADER_OF_2025.split()

Import = Callable[..., tuple[PostcodeIndex, Faults]]


def a_row(
    postcode: str, authority: str = "E06000063", ended: str = "", *, columns: list[str] = COLUMNS
) -> str:
    """One row as ONS writes it: text in quotes, numbers bare."""
    outward, _, inward = postcode.partition(" ")
    values = {
        "pcd": f"{outward:4}{inward}" if inward else postcode,
        "pcd2": f"{outward:4} {inward}",
        "pcds": postcode,
        "dointr": "198001",
        "doterm": ended,
        "oslaua": authority,
        "usertype": "0",
        "lat": "54.894200",
        "long": "-2.933700",
    }
    values |= {"pcd7": values["pcd"], "pcd8": values["pcd2"], "lad25cd": authority}
    bare = {"oseast1m", "osnrth1m", "lat", "long", "imd"}
    return ",".join(values.get(name, "") if name in bare else f'"{values.get(name, "")}"' for name in columns)


def a_file(*rows: str, columns: list[str] = COLUMNS, mark: str = "", line_end: str = "\r\n") -> bytes:
    header = ",".join(f'"{name}"' for name in columns)
    return (mark + "".join(line + line_end for line in (header, *rows))).encode()


@pytest.fixture
def imported(cache: Path, tmp_path: Path) -> Import:
    """Import this content under the name that ONS gives its file."""

    def run(content: bytes, name: str = "ONSPD_FEB_2025_UK.csv") -> tuple[PostcodeIndex, Faults]:
        path = tmp_path / name
        path.write_bytes(content)
        return import_onspd(path, lambda done, total: None)

    return run


GOOD = (
    a_row("CA3 8NA"),
    a_row("CA3 8NB", ended="201506"),
    a_row("EH1 1AA", "S12000036"),
    a_row("EH1 1AB", "S12000036", "199912"),
    a_row("CF10 1AA", "W06000015"),
    a_row("BT1 1AA", "N09000003"),
    a_row("JE2 3AA", "L99999999"),
    a_row("IM1 1AA", "M99999999"),
    a_row("LA9 4DQ", "E06000064"),
    a_row("M1 1AE", "E08000003"),
    a_row("M1 1AF", "", "199606"),
    a_row("M1 1AG", "E99999999"),
)
LAYOUTS = {
    "as ONS writes it": a_file(*GOOD),
    "with a byte order mark": a_file(*GOOD, mark="\ufeff"),
    "with bare line ends": a_file(*GOOD, line_end="\n"),
    "with the column names of 2025": a_file(
        *(
            a_row(*row, columns=LATER_COLUMNS)
            for row in (
                ("CA3 8NA",),
                ("CA3 8NB", "E06000063", "201506"),
                ("EH1 1AA", "S12000036"),
                ("EH1 1AB", "S12000036", "199912"),
                ("CF10 1AA", "W06000015"),
                ("BT1 1AA", "N09000003"),
                ("JE2 3AA", "L99999999"),
                ("IM1 1AA", "M99999999"),
                ("LA9 4DQ", "E06000064"),
                ("M1 1AE", "E08000003"),
                ("M1 1AF", "", "199606"),
                ("M1 1AG", "E99999999"),
            )
        ),
        columns=LATER_COLUMNS,
    ),
    "in another order": a_file(*reversed(GOOD)),
    "with capitals in the header": a_file(*GOOD).replace(b'"pcds"', b'"PCDS"').replace(b"oslaua", b"OSLAUA"),
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_every_row_of_a_directory_is_answered_for(imported: Import, content: bytes) -> None:
    index, faults = imported(content)

    assert [] == faults.rows
    assert len(GOOD) == index.count
    assert {
        "CA3 8NA": Found("CA3 8NA", GssCode("E06000063"), "2025-02"),
        "CA3 8NB": Terminated("CA3 8NB", GssCode("E06000063"), "2015-06"),
        "EH1 1AA": NotEngland("EH1 1AA", "Scotland"),
        "EH1 1AB": NotEngland("EH1 1AB", "Scotland"),
        "CF10 1AA": NotEngland("CF10 1AA", "Wales"),
        "BT1 1AA": NotEngland("BT1 1AA", "Northern Ireland"),
        "JE2 3AA": NotEngland("JE2 3AA", "the Channel Islands"),
        "IM1 1AA": NotEngland("IM1 1AA", "the Isle of Man"),
        "LA9 4DQ": Found("LA9 4DQ", GssCode("E06000064"), "2025-02"),
        "M1 1AE": Found("M1 1AE", GssCode("E08000003"), "2025-02"),
        "M1 1AF": Unknown("M1 1AF", "2025-02", listed=True),
        "M1 1AG": Unknown("M1 1AG", "2025-02", listed=True),
        "LA9 4DR": Unknown("LA9 4DR", "2025-02"),
        "LA9": Malformed(),
    } == {
        text: index.lookup(text)
        for text in (
            *("CA3 8NA", "CA3 8NB", "EH1 1AA", "EH1 1AB", "CF10 1AA", "BT1 1AA", "JE2 3AA", "IM1 1AA"),
            *("LA9 4DQ", "M1 1AE", "M1 1AF", "M1 1AG", "LA9 4DR", "LA9"),
        )
    }


def test_an_ended_postcode_says_when_where_it_was_last_and_what_to_do(imported: Import) -> None:
    index, _ = imported(a_file(a_row("CA3 8NB", ended="201512")))

    assert (
        index.lookup("CA3 8NB").sentence
        == "CA3 8NB ended in 2015-12 (last in E06000063). Ask for the current postcode."
    )


BAD = {
    "no postcode": (a_row("nonsense"), "not a postcode"),
    "an empty postcode": (a_row(""), "not a postcode"),
    "an authority in words": (a_row("CA3 8NC", "Carlisle"), "not the code of an authority"),
    "an authority of another country": (a_row("CA3 8NC", "F06000063"), "not the code of an authority"),
    "an end in words": (a_row("CA3 8NC", ended="June 2015"), "an end date that is not YYYYMM"),
    "an end in a thirteenth month": (a_row("CA3 8NC", ended="201513"), "an end date that is not YYYYMM"),
    "cut off": ('"CA38NC","CA3  8NC","CA3 8NC"', "too few columns"),
    "cut off within quotes": ('"CA38NC","CA3  8NC","CA3', "not CSV (unexpected end of data)"),
    "an empty line": ("", "too few columns"),
    "bytes of another encoding": (a_row("CA3 8N\u00c4"), "not a postcode"),
}


@pytest.mark.parametrize(("row", "why"), BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_used_is_named_by_line_and_left_out(
    imported: Import, row: str, why: str
) -> None:
    """The rows before and after it count."""
    content = a_file(a_row("CA3 8NA"), "@", a_row("LA9 4DQ", "E06000064"))

    index, faults = imported(content.replace(b"@", row.encode("latin-1")))

    assert [(3, why)] == faults.rows
    assert 1 == faults.count
    assert 2 == index.count
    assert isinstance(index.lookup("CA3 8NC"), Unknown)
    assert isinstance(index.lookup("LA9 4DQ"), Found)


def test_a_field_beyond_all_measure_is_one_bad_row(imported: Import) -> None:
    endless = a_row("CA3 8NC").replace("198001", "9" * 200_000)

    index, faults = imported(a_file(a_row("CA3 8NA"), endless, a_row("LA9 4DQ")))

    assert [3] == [line for line, _ in faults.rows]
    assert "not CSV" in faults.rows[0][1]
    assert 2 == index.count


def test_all_bad_rows_are_counted_though_not_all_are_kept(imported: Import) -> None:
    _, faults = imported(a_file(a_row("CA3 8NA"), *["nonsense"] * 1200))

    assert 1200 == faults.count
    assert 1000 == len(faults.rows)


def test_of_two_rows_of_one_postcode_the_later_counts(imported: Import) -> None:
    index, _ = imported(a_file(a_row("CA3 8NA", "E07000028"), a_row("AL1 1AA"), a_row("CA3 8NA")))

    assert 2 == index.count
    assert Found("CA3 8NA", GssCode("E06000063"), "2025-02") == index.lookup("CA3 8NA")


REFUSED = {
    "an empty file": (b"", "no postcode or no authority column"),
    "another table": (b"a,b,c\r\n1,2,3\r\n", "not an ONS Postcode Directory CSV"),
    "no authority column": (b"pcds,doterm\r\nCA3 8NA,\r\n", "no authority column"),
    "an archive": (b"PK\x03\x04" + bytes(range(256)), "not an ONS Postcode Directory CSV"),
    "a header alone": (a_file(), "no postcode that could be read"),
    "no usable row": (a_file(a_row("nonsense"), a_row("")), "no postcode that could be read"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_a_file_without_postcodes_is_refused_and_changes_nothing(
    imported: Import, cache: Path, content: bytes, why: str
) -> None:
    imported(a_file(a_row("CA3 8NA")))
    before = (cache / IMPORTED).read_bytes()

    with pytest.raises(ConfigurationError, match=why):
        imported(content)

    assert before == (cache / IMPORTED).read_bytes()


def test_an_imported_directory_is_used_from_then_on(imported: Import) -> None:
    imported(a_file(a_row("QQ1 1AA", "E06000064")))

    assert Found("QQ1 1AA", GssCode("E06000064"), "2025-02") == default_index().lookup("QQ1 1AA")
    assert "ONSPD ONSPD_FEB_2025_UK.csv" == default_index().source


def test_an_index_that_is_open_outlives_a_new_import(imported: Import) -> None:
    """A running gateway keeps the file that it mapped."""
    first, _ = imported(a_file(a_row("CA3 8NA")))

    imported(a_file(a_row("LA9 4DQ", "E06000064")))

    assert isinstance(first.lookup("CA3 8NA"), Found)
    assert isinstance(default_index().lookup("CA3 8NA"), Unknown)


NAMES = {
    "the name that ONS gives": ("ONSPD_NOV_2024_UK.csv", "2024-11"),
    "in small letters": ("onspd_may_2023.csv", "2023-05"),
    "a month that is none": ("ONSPD_XYZ_2024_UK.csv", "2001-09-09"),
    "any other": ("postcodes.csv", "2001-09-09"),
}


@pytest.mark.parametrize(("name", "as_of"), NAMES.values(), ids=NAMES)
def test_the_age_of_the_data_is_the_release_else_the_day_of_the_file(
    cache: Path, tmp_path: Path, name: str, as_of: str
) -> None:
    path = tmp_path / name
    path.write_bytes(a_file(a_row("CA3 8NA")))
    os.utime(path, (1_000_000_000, 1_000_000_000))

    index, _ = import_onspd(path, lambda done, total: None)

    assert as_of == index.as_of


def test_progress_grows_to_the_whole_file(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("pcds,oslaua\n" + "CA3 8NA,E06000063\n" * 120_000)
    said: list[tuple[int, int]] = []

    import_onspd(path, lambda done, total: said.append((done, total)))

    size = path.stat().st_size
    assert 3 == len(said)
    assert sorted(said) == said
    assert (size, size) == said[-1]
    assert all(0 < done < size for done, _ in said[:-1])
