"""Runs in the peer's environment: what ``pymerkle`` makes of the same entries. JSON in, JSON out."""

import json
import sys

from pymerkle import InmemoryTree  # type: ignore[import-not-found]  # only in the peer's environment


def main() -> None:
    asked = json.load(sys.stdin)
    tree = InmemoryTree(algorithm="sha256")
    for entry in asked["entries"]:
        tree.append_entry(bytes.fromhex(entry))
    answer = {
        "roots": [tree.get_state(size).hex() for size in asked["sizes"]],
        "inclusion": [
            tree.prove_inclusion(index + 1, size).serialize() for index, size in asked["inclusion"]
        ],
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
