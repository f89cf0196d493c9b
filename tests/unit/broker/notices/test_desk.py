"""Notices to a real mail server: once, together, not too often, again if need be, and empty of persons."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from broker.clock import to_ms
from broker.notices.channels import Channels, ChannelSettings
from broker.notices.desk import NoticeDesk
from broker.notices.ladder import Obligation
from broker.notices.words import reference
from broker.store.notices.store import NoticeStore
from schemas.calendars import Division
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.members import DutyContact, Member
from tests.support.directory import CUMBERLAND, a_seat
from tests.support.listeners import Mailbox, mail_server

POLICY: Final = default_policy()
NOW: Final = datetime(2026, 3, 23, 10, 5, tzinfo=UTC)
RUNGS: Final = ("worker", "team_manager", "service_manager", "head_of_service")
HANDOVER, OTHER = bytes(range(16)), bytes(range(100, 116))


def a_member(*, hook: str | None = None) -> Member:
    contacts = tuple(
        DutyContact.model_validate(
            {
                "hours": hours,
                "rung": rung,
                "role": f"{rung}, {hours}",
                "contact": hook or f"{rung}@example.org",
            }
        )
        for rung in RUNGS
        for hours in ("day", "night", "holiday")
    )
    seat = a_seat(MemberKind.SOCIAL_CARE, (CUMBERLAND,))
    return seat.member.model_copy(update={"duty_contacts": contacts})


MEMBER: Final = a_member()


def owed(
    about: bytes = HANDOVER,
    *,
    kind: str = "acceptance",
    urgent: bool = False,
    ladder: str = "days",
    **late: float,
) -> Obligation:
    due = to_ms(NOW - timedelta(**late))
    return Obligation(about, kind, due, urgent=urgent, ladder=POLICY.ladder(ladder))


class Office:
    """A member's desk with its store and settings; opened anew as often as a test likes."""

    def __init__(self, folder: Path, box: Mailbox) -> None:
        self.box = box
        self.settings = ChannelSettings.model_validate(
            {
                "where": "the example gateway",
                "pace_minutes": 15,
                "smtp": {
                    "host": "127.0.0.1",
                    "port": box.port,
                    "tls": "none",
                    "sender": "handrail@example.org",
                },
            }
        )
        self._path = folder / "notices.db"
        self.restart()

    def restart(self) -> None:
        self.store = NoticeStore(self._path)
        self.desk = NoticeDesk(self.store, lambda: Channels(self.settings))

    def pass_(self, *owed: Obligation, after: timedelta = timedelta(0)) -> int:
        """One pass; how many notices went."""
        self.desk.look(MEMBER, owed, Division.ENGLAND_AND_WALES, NOW + after)
        return len(self.desk.send(NOW + after))


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def office(tmp_path: Path, server: Mailbox) -> Iterator[Office]:
    server.mails.clear()
    server.to.clear()
    server.refuse = None
    made = Office(tmp_path, server)
    yield made
    made.store.close()


def test_each_rung_is_told_once_across_restarts(office: Office) -> None:
    sent = [office.pass_(owed(hours=1)), office.pass_(owed(hours=1))]
    office.store.close()
    office.restart()
    sent.append(office.pass_(owed(hours=1), after=timedelta(hours=3)))

    assert [2, 0, 0] == sent
    assert ["worker@example.org", "team_manager@example.org"] == office.box.to


def test_late_goes_up_to_the_head_of_service(office: Office) -> None:
    for days in range(8):
        office.pass_(owed(hours=0), after=timedelta(days=days))

    assert [f"{rung}@example.org" for rung in RUNGS] == office.box.to


def test_one_message_tells_a_contact_everything(office: Office) -> None:
    office.pass_(owed(hours=-2), owed(OTHER, hours=-3))

    [text] = office.box.texts
    assert f"- {reference(HANDOVER)}: accept or decline, due Mon 23 Mar 2026 12:05" in text
    assert f"- {reference(OTHER)}: accept or decline, due Mon 23 Mar 2026 13:05" in text
    assert "Handrail: 2 things owed" == office.box.mails[0]["Subject"]


def test_a_contact_is_not_written_to_more_often_than_the_pace_unless_it_is_urgent(office: Office) -> None:
    first, second, third = owed(hours=-2), owed(OTHER, hours=-3), owed(b"u" * 16, urgent=True, hours=-4)

    sent = [
        office.pass_(first),
        office.pass_(first, second, after=timedelta(minutes=14)),
        office.pass_(first, second, after=timedelta(minutes=15)),
        office.pass_(first, second, third, after=timedelta(minutes=16)),
    ]

    assert [1, 0, 1, 1] == sent


def test_what_was_done_before_anybody_was_told_is_not_told(office: Office) -> None:
    office.pass_(owed(OTHER, hours=-3))
    office.pass_(owed(hours=-2), owed(OTHER, hours=-3), after=timedelta(minutes=1))

    assert 0 == office.pass_(owed(OTHER, hours=-3), after=timedelta(minutes=20))
    assert [OTHER] == [one.about for one in office.store.all()]


def test_a_mail_server_that_refuses_is_asked_again_later_and_later(office: Office) -> None:
    office.box.refuse = "451 not now"
    tried = [office.pass_(owed(hours=-2), after=timedelta(seconds=second)) for second in (0, 30, 60, 179)]
    [waiting] = office.store.waiting()
    office.box.refuse = None
    sent = [office.pass_(owed(hours=-2), after=timedelta(seconds=second)) for second in (179, 180)]

    assert [0, 0, 0, 0] == tried
    assert ("smtp-451", 2) == (waiting.fault, waiting.attempts)
    assert [0, 1] == sent
    assert [None] == [one.fault for one in office.store.all()]


def test_an_acknowledgement_is_kept_and_holds_the_next_rung(office: Office) -> None:
    office.pass_(owed(hours=1))
    office.store.acknowledge(office.store.all(), "Rowan Example", to_ms(NOW + timedelta(hours=46)))

    held = office.pass_(owed(hours=1), after=timedelta(hours=47))
    told = office.pass_(owed(hours=1), after=timedelta(hours=70))

    assert (0, 1) == (held, told)
    assert "Rowan Example" in {one.acknowledged_by for one in office.store.all()}


def test_a_second_deadline_for_the_same_thing_is_told_anew(office: Office) -> None:
    office.pass_(owed(hours=-2))

    assert 1 == office.pass_(owed(hours=-5), after=timedelta(hours=1))


def test_a_message_holds_no_identifier_and_no_area(office: Office) -> None:
    """The whole id is not in it either: its short form is enough to find it at the gateway."""
    office.pass_(owed(hours=1))
    [mail, *_] = office.box.mails
    whole = mail.as_string()

    assert HANDOVER.hex() not in whole
    assert MEMBER.id not in whole
    assert CUMBERLAND not in whole
    assert MEMBER.name not in whole
