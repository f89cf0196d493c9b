"""Databases and memory are zeros for the most part; whoever looks for words in them need not read each one."""

from typing import Final

_RUN: Final = bytes(64)
_STANDS_FOR_IT: Final = bytes(8)


def without_most_zeros(data: bytes) -> bytes:
    """The same bytes with every 64 zeros in a row as eight: what is no run of zeros stands in it if it stood before."""
    return data.replace(_RUN, _STANDS_FOR_IT)
