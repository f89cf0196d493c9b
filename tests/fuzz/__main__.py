"""``python -m tests.fuzz TARGET --seconds N``: search for an input that breaks a target's property.

The corpus is made anew from the seeds in a temporary folder; ``--corpus FOLDER`` keeps what the search finds. An input
that breaks the property is written to ``tests/fuzz/inputs/TARGET`` and from then on tried at every run of the tests.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import atheris  # type: ignore[import-untyped, unused-ignore]  # built for some platforms only

with atheris.instrument_imports(include=["adapters", "broker", "schemas"], enable_loader_override=False):
    from tests.fuzz.targets import ALL, EVERYTHING, TARGETS, Target, one_of_all

from tests.fuzz.mutating import mutate

INPUTS: Final = Path(__file__).parent / "inputs"
_SECONDS_AN_INPUT: Final = 2
_MEGABYTES: Final = 1024
_INSIDE: Final = 0.7
"""How often a change is made inside the value rather than to its bytes."""
_LONGEST: Final = 64_000
"""Bytes; what is longer is refused by its length, which the unit tests hold."""


def main() -> None:
    """Read the command line and search."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("target", choices=sorted([*TARGETS, ALL]))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--corpus", type=Path, help="where to begin and keep what is found")
    parser.add_argument("--inputs", type=Path, default=INPUTS, help="where a broken input is written")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        _search(
            asked,
            EVERYTHING if asked.target == ALL else TARGETS[asked.target],
            asked.corpus or Path(temporary),
        )


def _search(asked: argparse.Namespace, target: Target, corpus: Path) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    found = asked.inputs / asked.target
    found.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": asked.seconds,
        "seed": asked.seed,
        "timeout": _SECONDS_AN_INPUT,
        "rss_limit_mb": _MEGABYTES,
        "max_len": _LONGEST,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
    atheris.Setup(arguments, target.holds, custom_mutator=_mutator(target))
    atheris.Fuzz()


def _mutator(target: Target) -> Callable[[bytes, int, int], bytes]:
    def change(data: bytes, most: int, seed: int) -> bytes:
        if target is EVERYTHING and data:
            chosen, rest = one_of_all(data)
            return data[:1] + _changed(chosen, rest, most - 1, seed)
        return _changed(target, data, most, seed)

    return change


def _changed(target: Target, data: bytes, most: int, seed: int) -> bytes:
    """Mostly one thing inside the value, where the input is one; else the library's own changes of bytes."""
    noise = random.Random(seed)
    if target.read is not None and target.write is not None and noise.random() < _INSIDE:
        try:
            written = target.write(mutate(target.read(data), noise))
        except (ValueError, TypeError, OverflowError, RecursionError):
            written = b""
        if 0 < len(written) <= most:
            return written
    return bytes(atheris.Mutate(data, most))


if __name__ == "__main__":
    main()
