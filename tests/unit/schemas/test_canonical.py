"""One spelling per value: what the strict reader refuses, and that it reads whatever our writer writes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import canonical
from schemas.canonical import MAX_DEPTH, MAX_ITEMS, NotCanonicalError

HOSTILE = [
    ("nothing", ""),
    ("bytes after the end", "0000"),
    ("23 in two bytes", "1817"),
    ("255 in three bytes", "1900ff"),
    ("65535 in five bytes", "1a0000ffff"),
    ("2**32 - 1 in nine bytes", "1b00000000ffffffff"),
    ("-24 in two bytes", "3817"),
    ("a length in a longer spelling", "580161"),
    ("an array's length in a longer spelling", "980100"),
    ("a map's length in a longer spelling", "b8010000"),
    ("reserved length 28", "1c"),
    ("reserved length 30", "1e"),
    ("indefinite bytes", "5f4100ff"),
    ("indefinite text", "7f6161ff"),
    ("an indefinite array", "9f00ff"),
    ("an indefinite map", "bf0000ff"),
    ("a lone break", "ff"),
    ("a half float", "f93c00"),
    ("a single float", "fa3f800000"),
    ("a double float", "fb3ff0000000000000"),
    ("not a number", "f97e00"),
    ("undefined", "f7"),
    ("simple value 0", "e0"),
    ("simple value 255", "f8ff"),
    ("false in two bytes", "f814"),
    ("a time as a tag", "c11a00000000"),
    ("a big number", "c249010000000000000000"),
    ("a decimal with a huge exponent", "c4821b00000002540be40001"),
    ("a regular expression", "d8236161"),
    ("an array that contains itself", "d81c81d81d00"),
    ("self-described CBOR", "d9d9f700"),
    ("a key twice", "a2616100616101"),
    ("keys that descend", "a2616200616100"),
    ("numbers that descend", "a20200 0100"),
    ("keys of two types", "a20000616100"),
    ("a negative key", "a12000"),
    ("a key of bytes", "a1416100"),
    ("a key that is true", "a1f500"),
    ("a key that is null", "a1f600"),
    ("a key that is an array", "a18000"),
    ("text that is no UTF-8", "62c328"),
    ("half of a surrogate pair", "63eda080"),
    ("an overlong slash", "62c0af"),
    ("bytes cut short", "4261"),
    ("text cut short", "6261"),
    ("an array cut short", "8200"),
    ("a map cut short", "a16161"),
    ("a number cut short", "19ff"),
    ("bytes of 2**64 - 1", "5bffffffffffffffff"),
    ("an array of 2**64 - 1", "9bffffffffffffffff"),
    ("a map of 2**64 - 1", "bbffffffffffffffff"),
    ("arrays within arrays", "81" * 100_000 + "00"),
    ("maps within maps", "a100" * 50_000 + "00"),
]


@pytest.mark.parametrize("data", [data for _, data in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_hostile_bytes_are_refused_at_once(data: str) -> None:
    with pytest.raises(NotCanonicalError, match=r"^byte \d+: "):
        canonical.decode(bytes.fromhex(data))


def test_depth_is_bounded_just_where_it_says() -> None:
    deepest: Any = 0
    for _ in range(MAX_DEPTH):
        deepest = [deepest]

    assert deepest == canonical.decode(canonical.encode(deepest))
    with pytest.raises(NotCanonicalError, match=f"nested deeper than {MAX_DEPTH}"):
        canonical.decode(canonical.encode([deepest]))


def test_the_number_of_values_is_bounded_just_where_it_says() -> None:
    most = [0] * (MAX_ITEMS - 1)

    assert most == canonical.decode(canonical.encode(most))
    with pytest.raises(NotCanonicalError, match=f"more than {MAX_ITEMS} values"):
        canonical.decode(canonical.encode([*most, 0]))


@pytest.mark.parametrize("value", [1.5, 2**64, -(2**64) - 1, {1, 2}, {-1: 0}, {1: 0, "a": 0}])
def test_what_the_protocol_has_no_spelling_for_is_refused_by_every_reader(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.decode(canonical.encode(value))


def test_no_tag_is_ever_read() -> None:
    """Whatever the fast reader makes of a tag: an array of two numbers is an array, not a date, fraction or set."""
    for tag in range(66_000):
        head = bytes([0xC0 + tag]) if tag < 24 else b"\xda" + tag.to_bytes(4, "big")
        with pytest.raises(NotCanonicalError):
            canonical.decode(b"\x82" + head + b"\x82\x01\x02" + b"\x58\x18" + bytes(24))


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(max_size=300)
)
_KEYS = (st.integers(0, 2**64 - 1), st.text(max_size=300))
VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=26)
        | st.dictionaries(_KEYS[0], inner, max_size=26)
        | st.dictionaries(_KEYS[1], inner, max_size=26)
    ),
    max_leaves=20,
)


def _depth(value: object) -> int:
    match value:
        case list():
            return 1 + max(map(_depth, value), default=0)
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case _:
            return 0


@settings(max_examples=150, deadline=None)
@given(VALUES.filter(lambda value: _depth(value) <= MAX_DEPTH))
def test_what_was_written_is_read_back_the_same(value: object) -> None:
    """Types included: true is not 1."""
    read = canonical.decode(canonical.encode(value))

    assert value == read
    assert repr(_sorted(value)) == repr(_sorted(read))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_is_read_has_exactly_one_spelling(data: bytes) -> None:
    """Bytes are refused in the one foreseen way, or writing the value again gives the same bytes."""
    try:
        value = canonical.decode(data)
    except NotCanonicalError:
        return

    assert data == canonical.encode(value)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.data())
def test_the_fast_reader_says_what_our_own_says(value: object, data: st.DataObject) -> None:
    """Of whole messages, of broken ones, and of those that hold what the protocol has no spelling for."""
    foreign = data.draw(st.sampled_from([None, 1.5, 2**70, {-1: 0}, {b"k": 0}, {1: 0, "a": 0}, {2, 3}]))
    spelled = bytearray(canonical.encode([bytes(30), foreign, value]))
    for _ in range(data.draw(st.integers(0, 2))):
        spelled[data.draw(st.integers(0, len(spelled) - 1))] = data.draw(st.integers(0, 255))

    assert _said_by(canonical.decode_slowly, bytes(spelled)) == _said_by(canonical.decode, bytes(spelled))


def _said_by(read: Callable[[bytes], object], data: bytes) -> str:
    try:
        return repr(_sorted(read(data)))
    except NotCanonicalError as error:
        return f"refused: {error}"


@settings(max_examples=150, deadline=None)
@given(VALUES.filter(lambda value: _depth(value) <= MAX_DEPTH), st.data())
def test_a_changed_byte_is_refused_or_another_value(value: object, data: st.DataObject) -> None:
    spelled = canonical.encode(value)
    at = data.draw(st.integers(0, len(spelled) - 1))
    changed = spelled[:at] + bytes([spelled[at] ^ data.draw(st.integers(1, 255))]) + spelled[at + 1 :]
    try:
        read = canonical.decode(changed)
    except NotCanonicalError:
        return

    assert changed == canonical.encode(read)
    assert repr(_sorted(value)) != repr(_sorted(read))


def _sorted(value: object) -> object:
    match value:
        case list():
            return [_sorted(item) for item in value]
        case dict():
            return {"map": sorted((repr(key), repr(_sorted(item))) for key, item in value.items())}
        case _:
            return value


@given(st.binary(max_size=5) | st.binary(min_size=20, max_size=70_000), st.binary(max_size=3))
@settings(max_examples=60)
def test_a_byte_string_is_found_where_it_lies(content: bytes, around: bytes) -> None:
    """Of every length that has a spelling of its own."""
    written = canonical.octets(content)
    data = around + written + around

    assert canonical.octets_at(data, len(around)) == (content, len(around) + len(written))


@given(
    st.sampled_from([0x40, 0x57, 0x58, 0x59, 0x5A, 0x5B, 0x5C, 0x5F, 0x80]),
    st.sampled_from([0, 1, 2, 4, 8]),
    st.integers(0, 300),
    st.integers(-1, 1),
)
@settings(max_examples=400)
def test_a_byte_string_is_read_in_its_one_spelling_only(head: int, size: int, length: int, more: int) -> None:
    """As our own reader reads it: what that refuses is refused here, and what lies after it is not looked at."""
    data = b"\x58" + bytes([head]) + length.to_bytes(8, "big")[8 - size :] + bytes(max(0, length + more))
    start = 1
    try:
        content, end = canonical.octets_at(data, start)
    except NotCanonicalError:
        for end in range(start, len(data) + 1):
            assert not _is_octets(data[start:end])
    else:
        assert canonical.decode_slowly(data[start:end]) == content


def _is_octets(data: bytes) -> bool:
    try:
        return isinstance(canonical.decode_slowly(data), bytes)
    except NotCanonicalError:
        return False
