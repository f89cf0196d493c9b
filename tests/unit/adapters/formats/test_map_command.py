"""``handrail map``: what a person and a machine see, and the exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.formats.cli import map_group
from tests.support.nems_messages import SomeAreas, a_contact, a_move, as_xml, nhs_identifier


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(map_group, ["nems", *arguments], input=stdin, obj=SomeAreas())


@pytest.fixture
def move(tmp_path: Path) -> str:
    path = tmp_path / "move.xml"
    path.write_bytes(as_xml(a_move()))
    return str(path)


def test_a_person_reads_the_event_and_the_account(move: str) -> None:
    result = run(move)

    assert result.exit_code == 0, result.output
    assert "Mapped pds-change-of-address-1 (new): 1 event. Nothing was published." in result.output
    assert "move.notified" in result.output
    assert "E06000064" in result.output
    assert "Account of" in result.output
    assert "Patient.gender" in result.output


def test_a_machine_reads_the_same(move: str) -> None:
    result = run(move, "--json")

    found = json.loads(result.output)
    assert result.exit_code == 0
    assert found["outcome"] == "mapped"
    assert [event["type"] for event in found["events"]] == ["move.notified"]
    assert found["report"]["message_type"] == "pds-change-of-address-1"
    assert found["report"]["unmapped"][0].keys() == {"code", "path", "line", "why"}


def test_standard_input_is_read_for_a_dash() -> None:
    result = run("-", "--json", stdin=json.dumps(a_move()).encode())

    assert json.loads(result.output)["outcome"] == "mapped"


def test_a_refusal_says_where_what_and_what_to_do() -> None:
    message = as_xml(a_move(identifier=[nhs_identifier("9990000019")]))

    result = run("-", stdin=message)

    assert result.exit_code == 2
    assert "nhs-number-check-digit" in result.output
    assert "Patient.identifier[0].value (line " in result.output
    assert "what to do" in result.output
    assert "9990000019" not in result.output


def test_a_refusal_for_machines_has_codes_and_places() -> None:
    result = run("-", "--json", stdin=b"<!DOCTYPE x><x/>")

    found = json.loads(result.output)
    assert result.exit_code == 2
    assert found["outcome"] == "refused"
    assert found["reasons"][0]["code"] == "hostile-xml"
    assert found["reasons"][0]["line"] == 1


def test_the_acting_area_is_checked(move: str) -> None:
    result = run(move, "--acting-area", "Cumbria")

    assert result.exit_code == 2
    assert "GSS code" in result.output


def test_the_nhs_own_example_is_placed_by_the_real_postcodes() -> None:
    """From Kirklees to Leeds, without any lookup handed over."""
    example = Path(__file__).parents[5] / "shared" / "data" / "nems" / "pds-change-of-address.xml"
    if not example.exists():
        pytest.skip(f"{example} is not here")

    result = CliRunner().invoke(map_group, ["nems", str(example), "--json"])

    details = json.loads(result.stdout)["events"][0]["details"]
    assert (details["from_area"], details["to_area"]) == ("E08000034", "E08000035")


def test_a_list_without_anything_in_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "withdrawn.xml"
    path.write_bytes(as_xml(a_contact(lifecycle="delete")))

    result = run(str(path))

    assert result.exit_code == 0, result.output
    assert [line.split()[1:] for line in result.output.splitlines() if "details.contacts" in line] == [
        ["none"]
    ]
