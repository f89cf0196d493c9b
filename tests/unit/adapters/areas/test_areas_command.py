"""``handrail areas`` from the outside: what a newcomer reads, what a machine reads, and the exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from broker.cli import main

Run = Callable[..., Result]

ONSPD = (
    "pcds,doterm,oslaua\n"
    "CA3 8NA,,E06000063\nFY8 1AA,,E07000119\nCF10 1AA,,W06000015\nCA3 8NB,201506,E06000063\nQQ1 1AA,,E06000099\n"
)


@pytest.fixture
def directory(cache: Path, tmp_path: Path, run: Run) -> Path:
    """A small directory in use."""
    path = tmp_path / "ONSPD_FEB_2025_UK.csv"
    path.write_text(ONSPD)
    assert 0 == run("import", str(path)).exit_code
    return path


def test_a_lookup_names_authority_childrens_services_police_and_source(directory: Path, run: Run) -> None:
    result = run("lookup", "fy81aa")

    assert 0 == result.exit_code
    assert [
        "FY8 1AA is in Fylde (E07000119).",
        "  children's services  Lancashire (E10000017)",
        "  police               Lancashire (E23000003)",
        "  source               ONSPD ONSPD_FEB_2025_UK.csv",
    ] == result.stdout.splitlines()


def test_a_lookup_for_machines_carries_the_same(directory: Path, run: Run) -> None:
    result = run("lookup", "FY8 1AA", "--json")

    assert {
        "answer": "found",
        "sentence": "FY8 1AA is in E07000119 (data of 2025-02).",
        "authority": {"gss": "E07000119", "name": "Fylde"},
        "childrens_services": {"gss": "E10000017", "name": "Lancashire"},
        "police": {"gss": "E23000003", "name": "Lancashire"},
        "source": "ONSPD ONSPD_FEB_2025_UK.csv",
    } == json.loads(result.stdout)


ANSWERS = {
    "malformed": ("Carlisle", 2, "Write it like CA3 8NA"),
    "unknown": ("LA9 4DQ", 3, "Check the spelling"),
    "not-england": ("CF10 1AA", 4, "in Wales"),
    "terminated": ("CA3 8NB", 5, "ended in 2015-06"),
}


@pytest.mark.parametrize(("answer", "row"), ANSWERS.items(), ids=ANSWERS)
def test_each_other_answer_has_its_own_sentence_and_exit_code(
    directory: Path, run: Run, answer: str, row: tuple[str, int, str]
) -> None:
    text, code, sentence = row

    spoken, written = run("lookup", text), run("lookup", text, "--json")

    assert (code, "") == (spoken.exit_code, spoken.stdout)
    assert sentence in spoken.stderr
    assert code == written.exit_code
    assert answer == json.loads(written.stdout)["answer"]


def test_an_authority_newer_than_the_register_is_found_under_its_code(directory: Path, run: Run) -> None:
    result = run("lookup", "QQ1 1AA")

    assert 0 == result.exit_code
    assert "QQ1 1AA is in E06000099." in result.stdout
    assert "police               not known" in result.stdout


def test_an_import_says_how_many_from_where_and_what_it_left_out(
    cache: Path, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "ONSPD_FEB_2025_UK.csv"
    path.write_text(ONSPD + "nonsense,,E06000063\n" * 25)

    result = run("import", str(path))

    assert 0 == result.exit_code
    assert "5 postcodes from ONSPD ONSPD_FEB_2025_UK.csv are in use from now on.\n" == result.stdout
    assert "  line 7: not a postcode; left out" in result.stderr
    assert "  and 5 more lines left out" in result.stderr


def test_a_refused_import_is_one_sentence(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")

    result = CliRunner().invoke(main, ["areas", "import", str(path)])

    assert 1 == result.exit_code
    assert "is not an ONS Postcode Directory CSV" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_cache_that_cannot_be_written_is_one_sentence(cache: Path) -> None:
    cache.write_text("a file where the folder should be")

    result = CliRunner().invoke(main, ["areas", "lookup", "CA3 8NA"])

    assert (1, "") == (result.exit_code, result.stdout)
    assert 1 == len(result.stderr.splitlines())
    assert "Set HANDRAIL_CACHE" in result.stderr


SHOWN = {
    "a district": (
        "E07000119",
        ["Fylde (E07000119), district", "children's services  Lancashire (E10000017)"],
    ),
    "an ended county that was split": (
        "e10000006",
        [
            "last day             2023-03-31",
            "now                  Cumberland (E06000063), Westmorland and Furness (E06000064)",
            "children's services  by postcode, since the area was split",
        ],
    ),
    "a code that was replaced": (
        " E06000048 ",
        [
            "last day             2013-03-31 (only the code changed)",
            "now                  Northumberland (E06000057)",
        ],
    ),
    "a unitary": (
        "E06000063",
        ["from                 2023-04-01", "police               Cumbria (E23000002)"],
    ),
}


@pytest.mark.parametrize(("code", "lines"), SHOWN.values(), ids=SHOWN)
def test_an_area_is_shown_with_dates_successors_and_who_answers(
    run: Run, code: str, lines: list[str]
) -> None:
    result = run("show", code)

    assert 0 == result.exit_code
    assert [] == [line for line in lines if line not in result.stdout]


def test_an_area_for_machines(run: Run) -> None:
    result = run("show", "E10000006", "--json")

    assert {
        "gss": "E10000006",
        "name": "Cumbria",
        "kind": "county",
        "valid_from": None,
        "valid_until": "2023-03-31",
        "only_the_code_changed": False,
        "successors": ["E06000063", "E06000064"],
        "childrens_services": "E10000006",
        "police": "E23000002",
        "source": "MYSOC",
    } == json.loads(result.stdout)


def test_a_code_that_is_no_area_is_refused(run: Run) -> None:
    result = run("show", "E99999999")

    assert (2, "") == (result.exit_code, result.stdout)
    assert "not the code of a local authority of England" in result.stderr
