"""The stage: a real exchange in a folder, its processes run by ``handrail up``, and a gateway to act through for each role."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from adapters.demo.cast import Role
from adapters.gateway import Gateway
from adapters.gateway.record.places import LocalPlaces
from broker.clock import system_clock, system_entropy
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from broker.errors import UnavailableError
from broker.lifecycle import die_with_parent
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Governance
from schemas.ids import MemberId

_UP_S: Final = 60.0
_STOP_S: Final = 30.0
ENDORSERS: Final = ("new", "idva")
_GRID: Final = {"HANDRAIL_RELAY_GRID_S": "1"}
"""The relay's grid is a quarter of an hour in life; nobody watches for so long."""
_LOOK_S: Final = 0.05
_FICTION: Final = "none: this exchange is a demonstration with fictitious people"


class StageError(UnavailableError):
    """Something of the demonstration did not come in time; the message says what was waited for."""


@dataclass(slots=True)
class Stage:
    """An exchange made for the story. ``gateways`` by role; each is the same program interface that a vendor uses."""

    data: Path
    roles: tuple[Role, ...]
    homes: Mapping[str, Path]
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    _up: subprocess.Popen[str] | None = None
    _said: list[str] = field(default_factory=list)

    @classmethod
    def build(cls, data: Path, roles: tuple[Role, ...]) -> Self:
        """Make the directory, the keys of every role and the bus's configuration: files only, nothing runs yet."""
        layout = Layout(data)
        issuer = Issuer(layout=layout, now=system_clock(), entropy=system_entropy)
        policy = default_policy()
        governance = Governance(
            impact_assessment=_FICTION, policy_document=policy.document, sharing_agreement=_FICTION
        )
        issuer.init(policy, governance, roots=3, threshold=2)
        homes = {}
        for role in roles:
            _, member_id = issuer.add_member(
                NewMember(
                    kind=MemberKind(role.kind),
                    name=role.name,
                    areas=tuple(area_entry(code) for code in role.areas),
                    front_door=role.front_door,
                    dpia_reference=_FICTION,
                    sharing_agreement=_FICTION,
                )
            )
            homes[role.key] = layout.home(member_id)
        # Of neither side of the refuge move: they vouch for one-time keys, and know whose these are.
        issuer.set_endorsers(tuple(MemberId(homes[key].name) for key in ENDORSERS), len(ENDORSERS))
        return cls(data, roles, homes)

    def start(self) -> None:
        """Start every part as a process of its own. Returns at once; ``wait_until_up`` waits."""
        program = str(Path(sys.executable).with_name("handrail"))
        self._up = subprocess.Popen(  # noqa: S603
            [program, "up", "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **_GRID},
            preexec_fn=die_with_parent,  # noqa: PLW1509  no thread of ours runs yet
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_until_up(self) -> str:
        """Wait for the last process; gives the bus's address. Raises StageError with what was said until then."""
        self.wait(
            lambda: any(line.startswith("exchange is up") for line in self._said), "the exchange", _UP_S
        )
        return (self.data / "router" / "nats" / "url").read_text()

    def open_gateways(self) -> None:
        """Open each role's home, with one postcode index for all."""
        places = LocalPlaces()
        self.gateways = {key: Gateway.open(home, places=lambda: places) for key, home in self.homes.items()}

    def wait(self, condition: Callable[[], bool], what: str, within: float = 20.0) -> None:
        """Look again until ``condition`` holds. Raises StageError when it does not in time, or a part died."""
        deadline = time.monotonic() + within
        while not condition():
            if self._up is not None and self._up.poll() is not None:
                raise StageError("the exchange stopped: " + " / ".join(self._said[-5:]))
            if time.monotonic() > deadline:
                raise StageError(f"{what} did not come within {within:g} s; see {self.data / 'logs'}")
            time.sleep(_LOOK_S)

    def processes(self) -> int:
        """How many processes run for this exchange, the bus's server included."""
        return sum(line.startswith("ready") for line in self._said) + 2

    def member(self, key: str) -> str:
        """A role's member id."""
        return self.homes[key].name

    def name(self, member_id: str) -> str:
        """A member's short name, or its id."""
        by_id = {home.name: role.short for role in self.roles for home in [self.homes[role.key]]}
        return by_id.get(member_id, member_id)

    def close_gateways(self) -> None:
        """Let go of the homes."""
        for gateway in self.gateways.values():
            gateway.home.close()
        self.gateways = {}

    def stop(self) -> None:
        """Stop every process, and wait for it."""
        self.close_gateways()
        if self._up is None:
            return
        self._up.terminate()
        try:
            self._up.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._up.kill()
            self._up.wait()
        self._up = None

    def _listen(self) -> None:
        process = self._up
        if process is not None and process.stdout is not None:
            for line in process.stdout:
                self._said.append(line.rstrip())
