"""What a front door keeps of its children's characteristics, and what its boards, and nobody else, are told of it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from adapters.gateway.commands.gateway import gateway, publish
from adapters.gateway.errors import BandsNotAgreedError, NotAFrontDoorError
from adapters.gateway.record.characteristics import Kept
from adapters.gateway.sending.describing import slip_of
from broker.audit.projection import Projection
from broker.board.node import BoardHome
from broker.crypto.slips import open_slip, slip_key_ref
from broker.store.audit.rows import Came
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.bands import AgeBand, Bands, Characteristics, Disabled, EthnicGroup
from schemas.catalogue import parse_event
from schemas.codes.cin import Disability, Ethnicity
from schemas.codes.members import MemberKind
from schemas.errors import EventRefusedError
from schemas.events.base import Event
from schemas.ids import GssCode
from schemas.policy import prefill
from schemas.slip import BoardSlip
from tests.support.banding import agree_on_bands
from tests.support.events import CHILD, CUMBERLAND, a_document
from tests.support.postroom import PostRoom, a_postroom

CAST: Final[Mapping[str, tuple[MemberKind, tuple[GssCode, ...]]]] = {
    "cumberland": (MemberKind.SOCIAL_CARE, (GssCode(CUMBERLAND),)),
    "school": (MemberKind.SCHOOL, (GssCode(CUMBERLAND),)),
    "board": (MemberKind.BOARD, (GssCode(CUMBERLAND),)),
}
CASE: Final = "CC-1"
SAID: Final = Characteristics(ethnicity=Ethnicity.AFRICAN, disabilities=(Disability.HAND, Disability.AUTISM))
BESIDE: Final = {"ethnicity": "BAFR", "disabilities": ["HAND", "AUT"]}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PostRoom]:
    room = a_postroom(tmp_path, cast=CAST)
    yield room
    room.close()


@pytest.fixture
def agreed(room: PostRoom) -> PostRoom:
    agree_on_bands(room.exchange)
    return room


def a_case(n: int = 1, kind: str = "plan.opened", case: str | None = CASE, **more: Any) -> dict[str, Any]:
    subject = {"nhs_number": CHILD, "case_ref": case, "date_of_birth": "2018-05-04"}
    given = {name: value for name, value in subject.items() if value is not None}
    return a_document(kind, n=n, subject=given, residence={"gss": CUMBERLAND}, **more)


def slips(room: PostRoom) -> list[bytes]:
    """What the board opens, as it was sealed, in the order of the trail."""
    home = BoardHome.open(room.exchange.home("board"))
    store = home.store()
    with room.store.work() as work:
        trail = [row.body for row in work.outgoing.waiting_audit(100_000)]
    try:
        with store.work() as work:
            projection: Projection = home.projection()
            projection.take_all(work, [Came(data) for data in trail])
        found = []
        entries = [AuditEntry.from_bytes(data) for data in trail]
        for entry in entries:
            for board, sealed in entry.fields.get("slips", ()) if entry.kind is EntryKind.TAKEN else ():
                author, key = entry.fields["author"], slip_key_ref(sealed)
                secret = projection.slip_keys(trail)[author, key]
                found.append(
                    open_slip(secret, sealed, author=author, board=board, event_id=entry.fields["event"])
                )
        return found
    finally:
        store.close()


def bands(room: PostRoom) -> list[Bands | None]:
    return [BoardSlip.from_bytes(slip).bands for slip in slips(room)]


def filled(room: PostRoom, document: dict[str, Any]) -> Event:
    return prefill(room.exchange.directory.policy, parse_event(document), on=room.clock().date())


def at_rest(room: PostRoom) -> list[bytes]:
    with room["cumberland"].home.store.look() as work:
        found = work.connection.exec_driver_sql("SELECT name, sealed FROM characteristics")
        return [value for row in found for value in row]


def test_without_the_decision_a_slip_is_what_it_always_was_to_the_byte(room: PostRoom) -> None:
    """And what stands beside the event is not kept, so that a case system need not know what is decided."""
    first, second = a_case(), a_case(2, "plan.changed")
    room["cumberland"].publish({"event": first, "characteristics": BESIDE})
    room["cumberland"].publish(second)
    room.settle()
    event = filled(room, first)
    why = event.purpose, event.basis
    times = [int(at.timestamp() * 1000) for at in (event.occurred_at, event.recorded_at)]

    assert [] == at_rest(room)
    assert canonical.encode(["plan.opened", *map(str, why), *times, CASE]) == slips(room)[0]
    assert [slip_of(filled(room, one)).to_bytes() for one in (first, second)] == slips(room)
    with pytest.raises(BandsNotAgreedError):
        room["cumberland"].characteristics.set(CASE, SAID)


def test_with_it_a_front_doors_slips_tell_bands_and_no_other_members_do(agreed: PostRoom) -> None:
    agreed["cumberland"].publish({"event": a_case(), "characteristics": BESIDE})
    agreed["cumberland"].publish(a_case(2, "plan.changed"))
    agreed["cumberland"].publish(a_case(3, "plan.changed", case="CC-2"))
    agreed["school"].publish({"event": a_case(4, "concern.raised"), "characteristics": BESIDE})
    agreed.settle()
    told = Bands(AgeBand.FROM_5_TO_9, EthnicGroup.BLACK, Disabled.YES)

    assert [told, told, Bands(AgeBand.FROM_5_TO_9), None] == bands(agreed)
    with pytest.raises(NotAFrontDoorError):
        agreed["school"].characteristics.set(CASE, SAID)


def test_without_a_case_reference_they_go_with_the_one_event_and_are_not_kept(agreed: PostRoom) -> None:
    agreed["cumberland"].publish({"event": a_case(case=None), "characteristics": BESIDE})
    agreed["cumberland"].publish(a_case(2, "plan.changed", case=None))
    agreed.settle()

    assert [EthnicGroup.BLACK, EthnicGroup.NOT_TOLD] == [one.ethnicity for one in bands(agreed) if one]
    assert [] == at_rest(agreed)


def test_what_is_not_said_stays_and_what_is_said_takes_its_place(agreed: PostRoom) -> None:
    book = agreed["cumberland"].characteristics
    book.set(CASE, SAID)
    book.set(CASE, Characteristics(disabilities=(Disability.NONE,)))

    assert Kept(EthnicGroup.BLACK, Disabled.NO) == book.kept(CASE)
    assert Kept(EthnicGroup.NOT_KNOWN, Disabled.NO) == book.set(
        CASE, Characteristics(ethnicity=Ethnicity.REFUSED)
    )


def test_it_is_sealed_at_rest_and_gone_when_it_is_erased(agreed: PostRoom) -> None:
    """Two children of the same bands do not look alike, and no reference stands beside them."""
    book = agreed["cumberland"].characteristics
    for case in (CASE, "CC-2"):
        book.set(case, SAID)
    kept = at_rest(agreed)
    folder = agreed.exchange.home("cumberland")
    disk = b"".join(path.read_bytes() for path in folder.glob("gateway.db*"))

    assert 4 == len(set(kept))
    assert not any(word in disk for word in (b"BAFR", b"HAND", CASE.encode()))
    assert 1 == book.forget(CASE)
    assert (Kept(), Kept(EthnicGroup.BLACK, Disabled.YES)) == (book.kept(CASE), book.kept("CC-2"))
    assert 1 == book.forget()
    assert [] == at_rest(agreed)


def test_what_comes_again_does_not_look_like_before(agreed: PostRoom) -> None:
    """Nobody who has the disk of two days can tell that it is the same."""
    book = agreed["cumberland"].characteristics
    looks = set()
    for ethnicity in (Ethnicity.AFRICAN, Ethnicity.CHINESE, Ethnicity.AFRICAN):
        book.set(CASE, Characteristics(ethnicity=ethnicity))
        looks.add(at_rest(agreed)[1])

    assert 3 == len(looks)


@pytest.mark.parametrize("what", ["altered", "another child's"])
def test_what_was_altered_tells_nothing_and_stops_no_event(agreed: PostRoom, what: str) -> None:
    book = agreed["cumberland"].characteristics
    for case in (CASE, "CC-2"):
        book.set(case, SAID)
    (_, one, _, other) = at_rest(agreed)
    with agreed["cumberland"].home.store.work() as work:
        wrong = bytes([one[0] ^ 1, *one[1:]]) if what == "altered" else other
        work.connection.exec_driver_sql(
            "UPDATE characteristics SET sealed = ? WHERE sealed = ?", (wrong, one)
        )
    told = [book.kept(case) for case in (CASE, "CC-2")]
    agreed["cumberland"].publish(a_case())

    assert Kept() in told
    assert Kept(EthnicGroup.BLACK, Disabled.YES) in told


def test_no_reader_and_no_entry_in_clear_has_any_of_it(agreed: PostRoom) -> None:
    agreed["cumberland"].publish({"event": a_case(), "characteristics": BESIDE})
    agreed["cumberland"].publish(a_case(2, "plan.changed"))
    agreed.settle()
    read = [
        agreed["cumberland"].read(item.number, role="worker").document
        for item in agreed["cumberland"].inbox()
    ]
    with agreed.store.work() as work:
        trail = [row.body for row in work.outgoing.waiting_audit(100_000)]
    one, other = slips(agreed)

    assert read
    assert not any(word in json.dumps(read) for word in ("characteristics", "BAFR", "HAND", "bands"))
    assert not any(word in body for body in trail for word in (b"BAFR", b"HAND", one, other))


@pytest.mark.parametrize(
    ("beside", "place"),
    [
        pytest.param({"ethnicity": "canary"}, "characteristics.ethnicity", id="no such code"),
        pytest.param({"disabilities": ["NONE", "HAND"]}, "characteristics", id="none and some"),
        pytest.param({"religion": "canary"}, "characteristics.religion", id="what nobody may hold"),
        pytest.param("canary", "characteristics", id="no object"),
    ],
)
def test_what_is_no_code_of_the_census_is_refused_without_its_value(
    agreed: PostRoom, beside: object, place: str
) -> None:
    with pytest.raises(EventRefusedError) as refused:
        agreed["cumberland"].publish({"event": a_case(), "characteristics": beside})
    with pytest.raises(EventRefusedError, match="beside it"):
        agreed["cumberland"].publish({"event": a_case(), "canary": 1})

    assert [place] == [fault.place for fault in refused.value.faults]
    assert "canary" not in str(refused.value)
    assert [] == agreed["cumberland"].outbox()


def test_by_command(agreed: PostRoom, tmp_path: Path) -> None:
    home = ["--home", str(agreed.exchange.home("cumberland"))]
    agreed["cumberland"].publish(a_case(9))

    def run(*words: str) -> Result:
        return CliRunner().invoke(gateway, ["characteristics", words[0], *home, *words[1:]])

    kept = run("set", "--case", CASE, "--ethnicity", "WBRI", "--disability", "HAND", "--disability", "AUT")
    shown = run("show", "--case", CASE)
    refused = run("set", "--case", CASE, "--ethnicity", "canary")
    unclear = run("forget")
    erased = run("forget", "--case", CASE)
    file = tmp_path / "events.json"
    file.write_text(json.dumps([{"event": a_case(2), "characteristics": BESIDE}, a_case(3, "plan.changed")]))
    published = CliRunner().invoke(publish, [*home, str(file)])

    assert kept.output.startswith("Kept: ethnic group white, disabled yes.")
    assert "ethnic group white, disabled yes\n" == shown.output
    assert (2, False) == (refused.exit_code, "canary" in refused.output)
    assert 2 == unclear.exit_code
    assert "Erased: 1.\n" == erased.output
    assert ["plan.opened", "plan.changed"] == [line.split()[1] for line in published.output.splitlines()]
    assert Kept(EthnicGroup.BLACK, Disabled.YES) == agreed["cumberland"].characteristics.kept(CASE)
