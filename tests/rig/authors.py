"""Load that never stops: ``python -m tests.rig.authors FOLDER`` publishes through the members' homes until it is told to end.

Each event is written into the journal before it is published. Killed anywhere, it publishes again, under the same ids,
what it had planned and does not know to be accepted: as a case system does. People of the front doors release and
accept what waits for them. A file ``quiet`` in the folder stops new events; people go on.
"""

import json
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.errors import RejectedError, UnavailableError
from broker.faults import gap_of
from schemas.handover import HandoverView
from schemas.ids import EventId
from tests.rig.cast import ABOUT_ANYBODY, Journal, area_of, children
from tests.support.events import WESTMORLAND, Document, a_document
from tests.support.exchange import FewPlaces

WITH_MATTER: Final = 24
"""Children with a plan, where nobody says otherwise."""
WITHOUT: Final = 200
MOVES: Final = 16
"""So many of the children move, one now and then."""
_WORKER: Final = Person("Rowan Example", "social worker")
_PEOPLE_S: Final = 1.0
_ROUTINE: Final = 0.2
_MOVE: Final = 0.01


class Authors:
    """Everybody who publishes, in one process; one of them at a time, as chance has it."""

    def __init__(self, homes: dict[str, Path], journal: Journal, matters: int) -> None:
        gap = gap_of("gateway")
        self._gateways = {name: Gateway.open(home, places=FewPlaces, gap=gap) for name, home in homes.items()}
        self._journal = journal
        self._matter = children(matters)
        self._without = children(WITHOUT, after=10_000)
        self._chance = random.Random()  # another life each time; what happened is in the journal

    def open_matters(self) -> None:
        """Every child of the first list has a plan in Cumberland; the school is involved with every other one."""
        for number, child in enumerate(self._matter):
            self._publish("cumberland", "matter", "plan.opened", child, details={"plan_ref": f"plan-{child}"})
            if number % 2 == 0 and f"involve {child}" not in self._journal.acted:
                school = self._gateways["school"].home.member_id
                done = self._gateways["cumberland"].actions.involve({"nhs_number": child}, school, _WORKER)
                self._journal.accept(str(done), "cumberland")
                self._journal.act(f"involve {child}")

    def finish(self) -> None:
        """Publish again what was planned and is not known to be accepted."""
        for event_id in [one for one in self._journal.planned if one not in self._journal.accepted]:
            self._gateways[self._journal.author[event_id]].publish(self._journal.planned[event_id])
            self._journal.accept(event_id)

    def publish_something(self) -> None:
        """One event by somebody about somebody."""
        left = [child for child in self._matter[:MOVES] if child not in self._journal.moved]
        if left and self._chance.random() < _MOVE:
            self._publish("health", "matter", "move.notified", left[0], residence=WESTMORLAND)
            return
        author = self._chance.choice(sorted(ABOUT_ANYBODY))
        kind = self._chance.choice(ABOUT_ANYBODY[author])
        if self._chance.random() < _ROUTINE:
            self._publish(author, "routine", kind, self._chance.choice(self._without))
            return
        child = self._chance.choice(self._matter)
        residence = WESTMORLAND if child in self._journal.moved else area_of(author)
        self._publish(author, "matter", kind, child, residence=residence)

    def people(self) -> None:
        """What waits for a person of a front door is done, once."""
        for name, mine in (("cumberland", "noticed"), ("westmorland", "verified")):
            gateway = self._gateways[name]
            for view in gateway.actions.handovers():
                deed = f"{name} {view.handover.hex()}"
                if view.state == mine and deed not in self._journal.acted:
                    self._decide(gateway, name, view)
                    self._journal.act(deed)

    def _decide(self, gateway: Gateway, name: str, view: HandoverView) -> None:
        decide = gateway.actions.release if name == "cumberland" else gateway.actions.accept
        try:
            done = decide(view.handover.hex(), _WORKER)
        except RejectedError:
            return
        self._journal.accept(str(done), name)

    def _publish(
        self,
        author: str,
        about: str,
        kind: str,
        child: str,
        *,
        residence: str | None = None,
        details: Document | None = None,
    ) -> None:
        gateway = self._gateways[author]
        now = datetime.now(UTC)
        document = a_document(
            kind,
            subject={"nhs_number": child},
            id=str(EventId.new(now, gateway.home.entropy)),
            occurred_at=now.isoformat(),
            recorded_at=now.isoformat(),
            acting_area=area_of(author),
            residence={"gss": residence or area_of(author)},
            details=details,
        )
        self._journal.plan(author, about, document)
        gateway.publish(document)
        self._journal.accept(document["id"])


def main(folder: Path, rate: float, matters: int) -> None:
    """Publish ``rate`` events a second until SIGTERM."""
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    homes = {name: Path(home) for name, home in json.loads((folder / "homes.json").read_text()).items()}
    authors = Authors(homes, Journal.read(folder / "journal"), matters)
    print("ready", flush=True)
    next_people = next_event = time.monotonic()
    while not ended:
        now = time.monotonic()
        try:
            authors.finish()
            if (folder / "matters").exists():
                authors.open_matters()
                (folder / "matters").unlink()
            if now >= next_people:
                next_people = now + _PEOPLE_S
                authors.people()
            if not (folder / "quiet").exists() and now >= next_event:
                next_event = max(next_event + 1 / rate, now - 1.0)
                authors.publish_something()
        except UnavailableError as error:
            print(f"not taken: {error}", file=sys.stderr, flush=True)
            time.sleep(0.5)
        time.sleep(max(0.0, min(0.05, next_event - time.monotonic())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), WITH_MATTER)
