"""Numbers that never came: found whatever the order, written once, and by nobody but the log's own writer."""

from hypothesis import given
from hypothesis import strategies as st

from broker.audit.gaps import Gap, Numbers, gap_of
from broker.audit.reading import NotAnEntryError, read_entry
from broker.audit.writers import by_its_writer, may_stand, partition_of_board, place_of
from broker.bus.subjects import GAP, asked_subject, audit_subject
from schemas.audit import GAPS, AuditEntry, EntryKind

BOARD = "m-abcdefghij"


def entry(partition: int, number: int, kind: EntryKind = EntryKind.REFUSED) -> bytes:
    return AuditEntry(bytes(16), partition, number, 1, kind, {}).to_bytes()


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(1, 1 << 46))
def test_the_holes_are_exactly_the_numbers_that_did_not_come(came: list[int], partition: int) -> None:
    partition -= 1
    numbers = Numbers()
    numbers.take((entry(partition, number) for number in came), 0.0)

    missing = {n for hole in numbers.open for n in range(hole.first, hole.last + 1)}
    assert set(range(1, max(came))) - set(came) == missing
    assert {partition} >= {hole.partition for hole in numbers.open}


@given(st.lists(st.integers(1, 30), min_size=1, unique=True))
def test_each_gap_is_written_once_and_none_is_left(came: list[int]) -> None:
    """Also by a service that starts anew from what the log holds."""
    log = [entry(3, number) for number in came]
    first = Numbers()
    first.take(log, 0.0)
    told: list[Gap] = []
    while (gap := first.due(before=1.0)) is not None:
        told.append(gap)
        log.append(by_its_writer(GAP, first.entry(gap, 5)))
        first.take(log[-1:], 0.0)
    again = Numbers()
    again.take(log, 0.0)

    assert {} == again.open
    assert again.written == len(told)
    assert told == [gap_of(one) for one in log[len(came) :]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30))), st.integers(0, 60))
def test_a_count_that_was_kept_goes_on_as_if_it_had_never_been_put_away(
    came: list[tuple[int, int]], at: int
) -> None:
    """Wherever a service ends between two entries, and whatever comes after."""
    log = [entry(*place) for place in came]
    whole = Numbers()
    whole.take(log, 7.0)
    before = Numbers()
    before.take(log[:at], 1.0)
    again = Numbers.from_bytes(before.to_bytes(), 7.0)
    again.take(log[at:], 7.0)

    assert whole == again


def test_a_hole_is_no_gap_before_its_time_and_none_when_it_was_filled() -> None:
    numbers = Numbers()
    numbers.take([entry(0, 1), entry(0, 4)], 100.0)

    assert numbers.due(before=99.0) is None
    assert Gap(0, 2, 3) == numbers.due(before=100.0)
    numbers.take([entry(0, 3), entry(0, 2)], 101.0)
    assert numbers.due(before=1e9) is None


def test_nobody_writes_under_anothers_numbers() -> None:
    """What a board or the audit service puts on the trail never reads as the router's, nor as each other's."""
    subjects = [audit_subject(0), GAP, asked_subject(BOARD), asked_subject("m-jihgfedcba")]
    partitions = [0, GAPS, partition_of_board(BOARD), partition_of_board("m-jihgfedcba")]
    for at, subject in enumerate(subjects):
        for other, partition in enumerate(partitions):
            written = by_its_writer(subject, entry(partition, 1))
            assert (at == other) == (place_of(written) == (partition, 1))
            try:
                read_entry(written)
            except NotAnEntryError:
                assert at != other
            else:
                assert at == other
    assert not may_stand("audit.asked.other", partitions[2])


@given(st.binary(max_size=40))
def test_whatever_bytes_come_they_are_no_entry_or_one(data: bytes) -> None:
    """The quick reading of a number never says more than the whole reading."""
    for body in (data, b"\x87\x01\x50" + bytes(16) + data, by_its_writer(GAP, data)):
        place = place_of(body)
        try:
            read = read_entry(body)
        except NotAnEntryError:
            continue
        assert (read.partition, read.number) == place
