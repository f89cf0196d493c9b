"""How long a postcode takes, beside a plain dict of the same postcodes in the same process, and what it keeps in memory.

The dict is the fastest thing that Python has: it shows how much of a time is the machine's. It holds all 2.7 million
postcodes in one spelling; the index takes any.
"""

import gc
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from adapters.areas import PostcodeIndex, default_index
from adapters.areas.columns import INWARD, NO_AUTHORITY

_BLOCK: Final = 100
_BLOCKS: Final = 1000
_ROUNDS: Final = 9


def run() -> list[tuple[str, str]]:
    """What was measured, and how much: medians, on postcodes asked in random order."""
    default_index()  # compiled before anything is timed
    resident_before = _resident()
    index = default_index()
    opened = statistics.median(_time(default_index) for _ in range(_ROUNDS))
    resident = _resident() - resident_before
    plain = _plain_dict(index)
    asked = random.Random(5).sample(sorted(plain), _BLOCKS * _BLOCK)
    blocks = [asked[start : start + _BLOCK] for start in range(0, len(asked), _BLOCK)]
    # In turns, so that a busy machine slows both; the median leaves out the blocks that others interrupted.
    pairs = [(_each(index.lookup, block), _each(plain.__getitem__, block)) for block in blocks]
    mine, dicts = (statistics.median(times) for times in zip(*pairs, strict=True))
    return [
        ("postcodes", f"{index.count:,}"),
        ("cores", str(os.cpu_count())),
        ("open and check the index, median of 9", f"{opened * 1e3:.1f} ms"),
        ("one lookup, median", f"{mine * 1e6:.2f} us"),
        ("the same from a plain dict, median", f"{dicts * 1e6:.2f} us"),
        ("ratio to the dict", f"{mine / dicts:.1f}"),
        ("resident memory of the index, all pages touched", f"{resident / 2**20:.0f} MB"),
        ("resident memory of the dict", f"{(_resident() - resident_before - resident) / 2**20:.0f} MB"),
    ]


def _time(act: Callable[[], object]) -> float:
    """Seconds for one call."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _plain_dict(index: PostcodeIndex) -> dict[str, str]:
    """Every postcode of the index with its authority, written as ``CA3 8NA``."""
    inward = {number: code for code, number in INWARD.items()}
    names = [*index.authorities]
    return {
        f"{outward} {inward[index._inward[at]]}": names[index._authority[at]]
        for outward, (first, last) in index._outward.items()
        for at in range(first, last)
        if index._authority[at] != NO_AUTHORITY
    }


def _each(look_up: Callable[[str], object], asked: Sequence[str]) -> float:
    """Seconds for one look-up, over a block: a clock is too coarse for one."""
    began = time.perf_counter()
    for text in asked:
        look_up(text)
    return (time.perf_counter() - began) / len(asked)


def _resident() -> int:
    """Bytes of this process in memory now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<50} {measured}")
