"""The last line of defence: what must never be logged is removed by key and by shape."""

import json

import pytest
import structlog

from broker.logs import configure_logs, redact


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"payload": "anything"}, id="by key"),
        pytest.param({"note": "child 9990000018 seen"}, id="NHS number"),
        pytest.param({"note": "child 999 000 0018 seen"}, id="NHS number with spaces"),
        pytest.param({"note": "pupil E909999923001"}, id="UPN"),
        pytest.param({"note": "lives at CA3 8NA now"}, id="postcode"),
        pytest.param({"data": b"\x01\x02"}, id="bytes"),
    ],
)
def test_personal_data_does_not_reach_the_log(entry: dict[str, object]) -> None:
    redacted = str(redact(None, "info", dict(entry)))

    assert "[removed]" in redacted
    for secret in ("anything", "9990000018", "999 000 0018", "E909999923001", "CA3 8NA", "x01"):
        assert secret not in redacted


def test_a_log_line_is_one_json_object_with_event_name_and_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger().info("routed", event_id="0199f0c2-7d1a-7000-8000-000000000001", readers=2)

    line = json.loads(capsys.readouterr().err)

    assert "routed" == line["event"]
    assert "0199f0c2-7d1a-7000-8000-000000000001" == line["event_id"]
    assert 2 == line["readers"]
    assert line["timestamp"].endswith("Z")
