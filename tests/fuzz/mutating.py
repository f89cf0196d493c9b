"""Changing one thing inside a structured message, so that the search gets past the outermost bytes."""

import random
from collections.abc import Callable
from typing import Any, Final

_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 23, 24, 2**31, 2**53, 2**63, 2**64 - 1, b"", b"\x00" * 16, b"\xff" * 32,
    "", "x" * 201, "\x00", "\u202e", "E06000063", "9999-12-31", "0001-01-01T00:00:00Z", "null", [], {},
)  # fmt: skip


def mutate(value: Any, noise: random.Random) -> Any:
    """The same value with one to three places in it changed, doubled, exchanged or left out."""
    for _ in range(noise.randint(1, 3)):
        value = _once(value, noise)
    return value


def _once(value: Any, noise: random.Random) -> Any:
    """Walk down at random; change what is met."""
    if isinstance(value, list) and value and noise.random() < 0.85:
        at = noise.randrange(len(value))
        return _in_list(list(value), at, noise)
    if isinstance(value, dict) and value and noise.random() < 0.85:
        key = noise.choice(sorted(value, key=str))
        return _in_map(dict(value), key, noise)
    return _other(value, noise)


def _in_list(items: list[Any], at: int, noise: random.Random) -> list[Any]:
    match noise.randrange(10):
        case 0:
            items.insert(at, items[noise.randrange(len(items))])
        case 1:
            items.pop(at)
        case 2:
            other = noise.randrange(len(items))
            items[at], items[other] = items[other], items[at]
        case _:
            items[at] = _once(items[at], noise)
    return items


def _in_map(found: dict[Any, Any], key: Any, noise: random.Random) -> dict[Any, Any]:
    match noise.randrange(10):
        case 0:
            found.pop(key)
        case 1:
            found[noise.choice(("later", "id", "value", "extension", "url"))] = found[key]
        case 2:
            found[key] = found[noise.choice(sorted(found, key=str))]
        case _:
            found[key] = _once(found[key], noise)
    return found


_NEAR: Final[dict[type, Callable[[Any, random.Random], Any]]] = {
    int: lambda value, noise: noise.choice(
        (value - 1, value + 1, value + 256, value + 2**32, 0, bool(value))
    ),
    str: lambda value, noise: _cut(
        value, noise.choice(("0", "9", " ", "-", "é", "\n", "A" * 300, "")), noise
    ),
    bytes: lambda value, noise: _cut(value, bytes([noise.randrange(256)]) * noise.randint(0, 3), noise),
}


def _other(value: Any, noise: random.Random) -> Any:
    near = _NEAR.get(type(value))
    return noise.choice(_ODD) if near is None or noise.random() < 0.3 else near(value, noise)


def _cut(value: Any, between: Any, noise: random.Random) -> Any:
    start = noise.randint(0, len(value))
    return value[:start] + between + value[min(len(value), start + noise.randint(0, 2)) :]
