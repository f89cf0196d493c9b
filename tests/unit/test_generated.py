"""What is generated and committed is up to date, and says the same as the program."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas import cue_page, generate
from schemas.catalogue import CATALOGUE
from schemas.deadline_page import page
from schemas.default_policy import default_policy
from tests.support.events import a_document, every_type

SCHEMAS = Path(generate.__file__).parent


def _schema(kind: str) -> Any:
    return json.loads((SCHEMAS / "json" / f"{kind}.schema.json").read_text(encoding="utf-8"))


def _asyncapi() -> Any:
    return json.loads((SCHEMAS / "asyncapi.json").read_text(encoding="utf-8"))


def test_the_committed_files_are_up_to_date() -> None:
    """When this fails: ``python -m schemas.generate``, and commit."""
    assert [] == generate.stale(SCHEMAS)
    for path, written in generate.PAGES.items():
        assert written() == (SCHEMAS.parent / path).read_text(encoding="utf-8")


def test_every_clock_and_ladder_of_the_policy_stands_on_the_page_of_deadlines() -> None:
    policy, written = default_policy(), page()

    assert all(f"| `{clock.key}` | {clock.owed} |" in written for clock in policy.clocks)
    assert all(f"[{key}]" in written for clock in policy.clocks for key in clock.source if key != "ours")
    assert all(f"\n| {ladder.name}" in written for ladder in policy.ladders)


def test_every_rule_of_the_policy_stands_on_the_page_of_cues_with_its_numbers_and_no_other() -> None:
    policy, written = default_policy(), cue_page.page()

    assert all(
        f"| {rule.key.upper()} | {rule.looks_for}" in written
        for rule in (policy.cues.rules if policy.cues else ())
    )
    assert "{" not in written.replace("```", "")
    assert [f"K{number}" for number in range(1, 31)] == sorted(
        set(re.findall(r"K\d+", written)), key=lambda one: int(one[1:])
    )


def test_check_notices_changed_missing_and_left_over_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "schemas"
    generate.write(folder)
    (folder / "json" / "move.notified.schema.json").write_text("{}")
    (folder / "asyncapi.json").unlink()
    (folder / "json" / "gone.schema.json").write_text("{}")

    assert 1 == generate.main(["--check", "--folder", str(folder)])
    assert 5 == capsys.readouterr().out.count("out of date: ")
    assert 0 == generate.main(["--folder", str(folder)])
    assert 0 == generate.main(["--check", "--folder", str(folder)])


@pytest.mark.parametrize("kind", every_type())
def test_each_schema_is_one_and_accepts_its_example(kind: str) -> None:
    schema = _schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(a_document(kind), schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2"},
        {"version": None},
        {"type": None},
        {"type": "plan.opened"},
        {"mood": "glad"},
        {"acting_area": "Cumberland"},
    ],
    ids=str,
)
def test_a_schema_refuses_what_the_program_refuses(change: dict[str, str | None]) -> None:
    document = {
        name: value for name, value in (a_document("move.notified") | change).items() if value is not None
    }
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, _schema("move.notified"), cls=jsonschema.Draft202012Validator)


class TestAsyncApi:
    def test_every_reference_leads_somewhere(self) -> None:
        document = _asyncapi()
        for reference in set(_references(document)):
            target = document
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]

            assert target

    def test_every_type_is_a_message_with_its_facts(self) -> None:
        messages = _asyncapi()["components"]["messages"]

        assert set(CATALOGUE) == set(messages)
        assert "move" == messages["move.notified"]["x-handrail"]["class"]

    def test_has_what_the_specification_requires(self) -> None:
        """The whole of the 3.0.0 rules was checked once with the AsyncAPI project's own parser; these are its corner stones."""
        document = _asyncapi()

        assert "3.0.0" == document["asyncapi"]
        assert {"title", "version"} <= set(document["info"])
        assert {"send", "receive"} == {operation["action"] for operation in document["operations"].values()}
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft7Validator.check_schema(schema)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for inner in value.values() for reference in _references(inner)]
    if isinstance(value, list):
        return [reference for inner in value for reference in _references(inner)]
    return []
