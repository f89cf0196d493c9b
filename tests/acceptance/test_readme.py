"""The README is run: its Python as written, its commands by name, its links to files that are there."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from adapters.gateway import Gateway
from broker.clock import system_clock, system_entropy
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Governance
from schemas.ids import EventId

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
HANDRAIL = str(Path(sys.executable).with_name("handrail"))


def _a_home(data: Path) -> Path:
    issuer = Issuer(layout=Layout(data), now=system_clock(), entropy=system_entropy)
    governance = Governance(impact_assessment="none", policy_document="none", sharing_agreement="none")
    issuer.init(default_policy(), governance, roots=1, threshold=1)
    member = NewMember(
        kind=MemberKind.SOCIAL_CARE, name="Example", areas=(area_entry("E06000063"),), front_door=True
    )
    return issuer.layout.home(issuer.add_member(member)[1])


def test_the_five_lines_for_vendors_run_as_they_stand(tmp_path: Path) -> None:
    """Without a network: what is published is durable and waits."""
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    now = datetime.now(UTC).isoformat()
    event = {
        "type": "voice.recorded",
        "occurred_at": now,
        "recorded_at": now,
        "subject": {"nhs_number": "9990000018"},
        "acting_area": "E06000063",
        "residence": {"gss": "E06000063"},
        "details": {"voice": {"words": "I like it when nan is there.", "setting": "school", "on": now[:10]}},
    }
    named = {"home": _a_home(tmp_path / "exchange"), "event": event}

    exec(compile(block, "README.md", "exec"), named)  # noqa: S102  the README, as written

    with Gateway.open(str(named["home"])) as gateway:
        assert [named["event_id"]] == [one.event_id for one in gateway.outbox()]
    assert isinstance(named["event_id"], EventId)


def test_every_command_that_it_names_is_there() -> None:
    named = set(re.findall(r"`?handrail ([a-z]+)", README)) | {"outbox", "chronology", "handover", "identity"}

    listed = subprocess.run([HANDRAIL, "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE))

    assert set() == named - known


def test_every_file_that_it_links_to_is_there() -> None:
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)#]+)\)", README)]

    assert [] == [link for link in links if not (ROOT / link).exists()]
