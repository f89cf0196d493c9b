"""One spelling per value: the strict CBOR subset that everything signed is written in.

Integers of at most 64 bits, byte strings, text, arrays, maps, true, false, null. The keys of a map are all text or all
numbers from 0, and ascend: so both orders of deterministic CBOR (RFC 8949 4.2.1 and 4.2.3) are the same order.
No tags, no floats, no indefinite lengths, no second spelling of a number, nothing after the end.
``cbor2`` writes it. It reads it too, several times as fast as Python can, but general decoders accept what must be
refused here. So what it has read is believed only if all of it is of these types and, written again, is the same
bytes: that is what "one spelling" means. For all else our own reader has the word, and says what is wrong and where.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn, TypeAlias

import cbor2

Value: TypeAlias = Any
"""int | bytes | str | bool | None | list[Value] | dict[int | str, Value]."""

MAX_DEPTH: Final = 12
"""Nesting levels; no message of the protocol needs more than eight."""
MAX_ITEMS: Final = 200_000
"""Values in one message; a batch of grants for 10,000 events needs about half."""

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_OCTETS: Final = _BYTES << 5
_SIMPLE_VALUES: Final = {20: False, 21: True, 22: None}
_SHORT: Final = 24
"""Below it a head holds its number itself; from it on it says in how many bytes the number follows (RFC 8949 section 3)."""
_LENGTH_FORMS: Final = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}

_SCALARS: Final = frozenset({int, bytes, str, bool, type(None)})
_PLAIN: Final = _SCALARS | {list, dict}
_KEYS: Final = ({int}, {str}, set[type]())
_TAGS: Final = (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""The tags that ``cbor2`` has a meaning for; the others come to its hook."""
_TINY: Final = 24
"""Below so many bytes our own reader is as fast."""


class NotCanonicalError(ValueError):
    """The bytes are not the one canonical spelling of a value."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(f"byte {offset}: {why}")
        self.offset = offset
        self.why = why


def encode(value: Value) -> bytes:
    """Write ``value`` in its one spelling. Tuples are written as arrays.

    Types outside the subset are the caller's mistake: they are written, and refused by every reader.
    """
    return cbor2.dumps(value, canonical=True)


def octets(data: bytes) -> bytes:
    """As ``encode`` writes a byte string; several times as fast, for the shapes that every message has."""
    return _head(_BYTES, len(data)) + data


def array(*items: bytes) -> bytes:
    """An array of values that are written already."""
    return _head(_ARRAY, len(items)) + b"".join(items)


def octets_at(data: bytes, start: int) -> tuple[bytes, int]:
    """The byte string that begins at ``start``, in its one spelling, and where it ends; for the frames around messages.

    Raises:
        NotCanonicalError: something else begins there, or it is cut short.
    """
    form = data[start] - _OCTETS if start < len(data) else -1
    if 0 <= form < _SHORT:
        begin, length = start + 1, form
    elif form in _LENGTH_FORMS:
        size, least = _LENGTH_FORMS[form]
        begin = start + 1 + size
        length = int.from_bytes(data[start + 1 : begin], "big")
        if length < least:
            raise NotCanonicalError(start, "a longer spelling than the number needs, or cut short")
    else:
        raise NotCanonicalError(start, "no byte string")
    end = begin + length
    if end > len(data):
        raise NotCanonicalError(begin, "cut short")
    return data[begin:end], end


def _head(major: int, number: int) -> bytes:
    if number < _SHORT:
        return bytes((major << 5 | number,))
    if number < 1 << 8:
        return bytes((major << 5 | 24, number))
    if number < 1 << 16:
        return bytes((major << 5 | 25, number >> 8, number & 255))
    return bytes((major << 5 | 26,)) + number.to_bytes(4, "big")


def decode(data: bytes) -> Value:
    """Read the one value in ``data``; arrays come back as lists.

    Raises:
        NotCanonicalError: any other spelling, a type outside the subset, too deep, or bytes left over.
    """
    # Each value takes a byte at least, so fewer bytes than that cannot hold too many.
    if _TINY <= len(data) <= MAX_ITEMS:
        try:
            value = cbor2.loads(
                data,
                max_depth=MAX_DEPTH,
                tag_hook=_no_tag,
                semantic_decoders=_NO_TAGS,
                allow_indefinite=False,
            )
            if _is_plain((value,)) and encode(value) == data:
                return value
        except cbor2.CBORError:
            pass
    return decode_slowly(data)


def decode_known(data: bytes) -> Value:
    """As ``decode``, of bytes that were found canonical before and have been kept since: nothing is checked again.

    Raises:
        NotCanonicalError: not even CBOR any more.
    """
    try:
        return cbor2.loads(data)
    except cbor2.CBORError as error:
        raise NotCanonicalError(0, "altered since it was kept") from error


def decode_slowly(data: bytes) -> Value:
    """As ``decode``, by our own reader alone."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise NotCanonicalError(reader.at, "bytes after the end of the value")
    return value


def _no_tag(*_: object) -> NoReturn:
    raise cbor2.CBORDecodeError("the protocol uses no tags")


_NO_TAGS: Final = dict.fromkeys(_TAGS, _no_tag)


def _is_plain(values: Collection[Value]) -> bool:
    """Whether nothing but the types above is in there; of many values at once, because one by one is slow."""
    kinds = set(map(type, values))
    if kinds <= _SCALARS:
        return True
    if not kinds <= _PLAIN:
        return False
    for value in values:
        if type(value) is list:
            if not _is_plain(value):
                return False
        elif type(value) is dict:
            keys = set(map(type, value))
            if keys not in _KEYS or (keys == {int} and min(value) < 0) or not _is_plain(value.values()):
                return False
    return True


class _Reader:
    """One call reads one value, head and all."""

    __slots__ = ("at", "data", "items")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.items = 0

    def value(self, depth: int) -> Value:
        data, start = self.data, self.at
        if depth > MAX_DEPTH:
            raise NotCanonicalError(start, f"nested deeper than {MAX_DEPTH}")
        self.items += 1
        if self.items > MAX_ITEMS:
            raise NotCanonicalError(start, f"more than {MAX_ITEMS} values")
        if start >= len(data):
            raise NotCanonicalError(start, "cut short")
        major, number = data[start] >> 5, data[start] & 31
        self.at = start + 1
        if number >= _SHORT:
            number = self._number(major, number, start)
        if _BYTES <= major <= _TEXT:
            begin, self.at = self.at, self.at + number
            if self.at > len(data):
                raise NotCanonicalError(begin, "cut short")
            taken = data[begin : self.at]
            return taken if major == _BYTES else _text(taken, start)
        if major == _UINT:
            return number
        if major == _ARRAY:
            # Read one by one, each at least a byte: a huge count builds nothing.
            return [self.value(depth + 1) for _ in range(number)]
        if major == _MAP:
            return self._map(number, depth)
        if major == _NINT:
            return -1 - number
        if major == _SIMPLE and number in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[number]
        raise NotCanonicalError(start, "a type that the protocol does not use")

    def _number(self, major: int, form: int, start: int) -> int:
        if form not in _LENGTH_FORMS or major == _SIMPLE:
            raise NotCanonicalError(start, "indefinite length, float or reserved form")
        size, least = _LENGTH_FORMS[form]
        begin, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise NotCanonicalError(begin, "cut short")
        number = int.from_bytes(self.data[begin : self.at], "big")
        if number < least:
            raise NotCanonicalError(start, "a longer spelling than the number needs")
        return number

    def _map(self, count: int, depth: int) -> Mapping[int | str, Value]:
        found: dict[int | str, Value] = {}
        previous = b""
        for _ in range(count):
            start = self.at
            key = self.value(depth + 1)
            spelling = self.data[start : self.at]
            if type(key) not in (int, str) or (type(key) is int and key < 0):
                raise NotCanonicalError(start, "a map key that is neither text nor a number from 0")
            # Of one type, so that shorter-first and byte by byte are one order, and every encoder writes it.
            if previous and previous[0] >> 5 != spelling[0] >> 5:
                raise NotCanonicalError(start, "map keys of two types")
            if spelling <= previous:
                raise NotCanonicalError(start, "map keys that do not ascend")
            previous = spelling
            found[key] = self.value(depth + 1)
        return found


def _text(taken: bytes, start: int) -> str:
    try:
        return taken.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotCanonicalError(start, "text that is not UTF-8") from error
