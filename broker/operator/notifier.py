"""``python -m broker.operator.notifier``: tells a member's people what they owe when their own gateway has not.

Ten minutes after a rung of the ladder was due, the member's gateway has said "notice sent", or this sends to the
member's published duty contact on that rung. A dead gateway is then heard of, whenever it died. A person's
acknowledgement at the gateway holds this, too. It reads the router's database and writes only its own.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click
import structlog

from broker.clock import system_clock, to_ms
from broker.directory.files import read_current
from broker.directory.layout import Layout
from broker.directory.options import DATA
from broker.errors import HandrailError
from broker.logs import configure_logs
from broker.notices.channels import Channels
from broker.notices.desk import NoticeDesk
from broker.notices.ladder import Obligation, ladder_of
from broker.store.notices.store import Notice, NoticeStore
from broker.store.overview import Overdue, overdue
from schemas.calendars import Division
from schemas.deadlines import SEEN
from schemas.directory import Directory
from schemas.members import Member

_log = structlog.get_logger()

PATIENCE: Final = timedelta(minutes=10)
"""How long a member's own gateway has to tell its people, from the moment when something fell due."""
_MOST: Final = 10_000
_PAUSE_S: Final = 30.0
FOLDER: Final = "notifier"


class Notifier:
    """Looks over one exchange."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        folder = layout.data / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        self._store = NoticeStore(folder / "notices.db")
        self._desk = NoticeDesk(self._store, lambda: Channels.read(folder / "notices.toml"))

    def tick(self, now: datetime) -> list[Notice]:
        """One pass; gives what was sent. Raises HandrailError where directory or own database cannot be read."""
        database = self._layout.router / "router.db"
        found = overdue(database, to_ms(now - PATIENCE), _MOST) if database.exists() else []
        if found is None:
            _log.warning("notifier-not-measured")
            return []
        directory = read_current(self._layout)
        owed: dict[str, list[Overdue]] = {member.id: [] for member in directory.members if member.active()}
        for one in found:
            owed.setdefault(one.owner, []).append(one)
        for member_id, rows in owed.items():
            member = directory.member(member_id)
            if member is None:
                # An area without a front door: the status shows the deadline; there is nobody to write to.
                _log.warning("notifier-no-member", owner=member_id, count=len(rows))
                continue
            self._desk.look(
                member, list(_obligations(rows, directory)), _division(member, directory), now, PATIENCE
            )
        return self._desk.send(now)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()


def _obligations(rows: list[Overdue], directory: Directory) -> Iterator[Obligation]:
    for row in rows:
        yield Obligation(
            row.about,
            row.kind,
            row.due_ms,
            urgent=row.urgent,
            ladder=ladder_of(directory.policy, row.kind),
            told=frozenset(row.told) - {SEEN},
            seen_ms=row.told.get(SEEN),
        )


def _division(member: Member, directory: Directory) -> Division:
    gss = min(member.areas)
    area = directory.area(gss)
    return area.calendar if area is not None else Division.of(gss)


@click.command()
@DATA
@click.option("--once", is_flag=True, help="One pass, then end.")
def main(data: Path, *, once: bool) -> None:
    """Tell people of what is overdue and was told to nobody, until Ctrl-C."""
    configure_logs()
    with closing(Notifier(Layout(data.resolve()))) as notifier:
        if not once:
            click.echo("ready")
        pause = threading.Event()
        while True:
            try:
                sent = notifier.tick(system_clock())
                if sent or once:
                    click.echo(f"{len(sent)} notices sent")
            except HandrailError as error:
                _log.warning("notifier-waits", error=str(error))
            if once:
                return
            pause.wait(_PAUSE_S)


if __name__ == "__main__":
    main()
