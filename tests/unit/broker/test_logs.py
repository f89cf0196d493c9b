"""What leaves a process as a log: one JSON object a line, with ids; and what must never leave, by key and by shape."""

import asyncio
import json
import logging
import subprocess
import sys
import warnings
from typing import Any

import pytest
import structlog

from broker.errors import ConfigurationError
from broker.logs import configure_logs, redact


@pytest.fixture(autouse=True)
def _as_it_was() -> Any:
    """Logging is the whole process's; other tests get it back as it was."""
    root, hook = logging.getLogger(), sys.excepthook
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)
    sys.excepthook = hook
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"payload": "anything"}, id="by key"),
        pytest.param({"note": "child 9990000018 seen"}, id="NHS number"),
        pytest.param({"note": "child 999 000 0018 seen"}, id="NHS number with spaces"),
        pytest.param({"note": "pupil E909999923001"}, id="UPN"),
        pytest.param({"note": "lives at CA3 8NA now"}, id="postcode"),
        pytest.param({"data": b"\x01\x02"}, id="bytes"),
        pytest.param({"notes": ["fine", "child 9990000018"]}, id="in a list"),
        pytest.param({"facts": {"deep": {"postcode": "anything"}}}, id="by key, deep in a map"),
        pytest.param({"facts": {"9990000018": 1}}, id="as a key"),
        pytest.param({"chunks": (b"\x01",)}, id="bytes in a tuple"),
        pytest.param(
            {"error": "seed SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU"}, id="a seed"
        ),
    ],
)
def test_personal_data_and_keys_do_not_reach_the_log(entry: dict[str, object]) -> None:
    redacted = str(redact(None, "info", dict(entry)))

    assert "[removed]" in redacted
    for secret in ("anything", "9990000018", "999 000 0018", "E909999923001", "CA3 8NA", "x01", "SUAMLK"):
        assert secret not in redacted


def test_an_object_is_named_by_its_kind_only() -> None:
    class Child:
        def __repr__(self) -> str:
            return "Child(Rowan)"

    assert {"child": "[Child]"} == redact(None, "info", {"child": Child()})


def test_ids_and_numbers_stay_as_they_are() -> None:
    entry = {
        "event_id": "0199f0c2-7d1a-7000-8000-000000000001",
        "member": "m-abcdefghij",
        "count": 9990000018,
    }

    assert entry == redact(None, "info", dict(entry))


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_log_line_is_one_json_object_with_event_name_and_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger().info("routed", event_id="0199f0c2-7d1a-7000-8000-000000000001", readers=2)

    line = _lines(capsys)[0]

    assert "routed" == line["event"]
    assert "0199f0c2-7d1a-7000-8000-000000000001" == line["event_id"]
    assert 2 == line["readers"]
    assert line["timestamp"].endswith("Z")


def test_an_exception_of_others_is_named_without_its_text_and_ours_with_its_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs()
    log = structlog.get_logger()
    try:
        raise ValueError("not a name: Rowan Example")  # noqa: TRY301
    except ValueError as error:
        log.exception("failed")
        try:
            raise ConfigurationError("the key is missing") from error  # noqa: TRY301
        except ConfigurationError:
            log.exception("failed")

    others, ours = _lines(capsys)

    assert ("ValueError", None) == (others["exception"], others.get("sentence"))
    assert others["where"][-1].endswith(f"test_logs.py:{others['where'][-1].rpartition(':')[2]}")
    assert ("ConfigurationError", "the key is missing", "ValueError") == (
        ours["exception"],
        ours["sentence"],
        ours["cause"],
    )
    assert "Rowan" not in str((others, ours))


def test_what_libraries_log_is_json_and_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    logging.getLogger("nats.aio.client").error("cannot read %s", "Rowan Example")
    logging.getLogger("asyncio").warning("slow: <Task of Rowan Example>")

    first, second = _lines(capsys)

    assert ("library", "nats.aio.client", "error") == (first["event"], first["logger"], first["level"])
    assert ("library", "asyncio", "warning") == (second["event"], second["logger"], second["level"])
    assert "Rowan" not in str((first, second))


def test_a_warning_is_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        configure_logs()
        warnings.simplefilter("always")
        warnings.warn("about Rowan Example", UserWarning, stacklevel=1)

    line = _lines(capsys)[0]

    assert ("library", "py.warnings") == (line["event"], line["logger"])
    assert "Rowan" not in str(line)


_DYING = """
import asyncio
from broker.logs import configure_logs
configure_logs()
async def main():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fail())
async def fail():
    raise ValueError("about Rowan Example")
asyncio.run(main())
"""


def test_a_program_that_dies_says_so_in_one_line_without_the_value_it_died_of() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DYING], capture_output=True, text=True, check=False, timeout=60
    )

    line = json.loads(done.stderr)

    assert 1 == done.returncode
    assert ("ended", "ExceptionGroup") == (line["event"], line["exception"])
    assert "ValueError" == line["inside"][0]["exception"]
    assert "Rowan" not in done.stderr


def test_nothing_is_logged_when_a_task_is_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    sys.excepthook(asyncio.CancelledError, asyncio.CancelledError(), None)

    assert [] == _lines(capsys)
