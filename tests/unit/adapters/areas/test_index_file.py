"""The index file on a real disk: damage is noticed at opening, and never answers for a child's area."""

from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.areas import Found, PostcodeIndex
from adapters.areas.columns import MAGIC, Columns
from broker.errors import ConfigurationError
from schemas.ids import GssCode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small index file."""
    columns = Columns()
    numbers = array("H", (columns.authorities[gss] for gss in ("E06000063", "E06000063", "E06000064")))
    columns.extend(["CA3 8NA", "CA3 8NB", "LA9 4DQ"], numbers, [0, 0, 0])
    file = tmp_path / "small.idx"
    columns.write(file, source="a test", as_of="2026")
    return file


def test_what_is_written_is_found_again(path: Path) -> None:
    index = PostcodeIndex.open(path)

    assert ("a test", "2026", 3) == (index.source, index.as_of, index.count)
    assert Found("LA9 4DQ", GssCode("E06000064"), "2026") == index.lookup("LA9 4DQ")


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_bit_turned_anywhere_is_noticed(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    damaged = path.with_name("damaged.idx")
    damaged.write_bytes(content)

    with pytest.raises(ConfigurationError, match="Delete it: the packaged data is compiled again"):
        PostcodeIndex.open(damaged)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_short_anywhere_is_noticed(path: Path, data: st.DataObject) -> None:
    content = path.read_bytes()
    cut = path.with_name("cut.idx")
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])

    with pytest.raises(ConfigurationError, match="Delete it: the packaged data is compiled again"):
        PostcodeIndex.open(cut)


OTHERS = {
    "the version before": (b"HRPCIDX2" + bytes(100), "not a postcode index of this version"),
    "another file": (b"PK\x03\x04" + bytes(100), "not a postcode index of this version"),
    "empty": (b"", "is empty"),
    "the first word alone": (MAGIC, "damaged or cut short"),
}


@pytest.mark.parametrize(("content", "why"), OTHERS.values(), ids=OTHERS)
def test_a_file_that_is_no_index_is_refused(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=why):
        PostcodeIndex.open(path)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*No such file"):
        PostcodeIndex.open(tmp_path / "none.idx")
    with pytest.raises(ConfigurationError, match=r"cannot read .*Is a directory"):
        PostcodeIndex.open(tmp_path)


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """A folder stands where the index should be, so the last step fails."""
    (tmp_path / "small.idx" / "inside").mkdir(parents=True)
    columns = Columns()
    columns.extend(["CA3 8NA"], [columns.authorities["E06000063"]], [0])

    with pytest.raises(ConfigurationError, match=r"cannot write .*HANDRAIL_CACHE"):
        columns.write(tmp_path / "small.idx", source="a test", as_of="2026")
    assert ["small.idx"] == [entry.name for entry in tmp_path.iterdir()]


def test_what_is_no_inward_code_is_never_written() -> None:
    with pytest.raises(KeyError):
        Columns().extend(["CA3 ANA"], [0], [0])


def test_columns_that_are_not_in_step_are_never_written() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        Columns().extend(["CA3 8NA", "CA3 8NB"], [0], [0, 0])
