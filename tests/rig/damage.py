"""One bit of a stream's file, turned over while the server is down: what a bad disk does, and the server says nothing of."""

from pathlib import Path

from tests.support.exchange import Exchange


def files_of(it: Exchange, stream: str) -> Path:
    """Where the server keeps a stream's messages."""
    return next((it.layout.nats / "store" / "jetstream").glob(f"*/streams/{stream}/msgs"))


def flip_a_bit(it: Exchange, stream: str, event: bytes, *, rebuilt: bool) -> None:
    """Turn over one bit in the message that carries this event.

    ``rebuilt``: the server has no index of the file either, as after a crash; it then drops the whole rest of it.
    In the body, not in a record's own length: there, nats-server 2.15.1 may never finish starting (``docs/faults.md``).
    """
    folder = files_of(it, stream)
    if rebuilt:
        (folder / "index.db").unlink(missing_ok=True)
    block = next(path for path in folder.glob("*.blk") if event in path.read_bytes())
    data = bytearray(block.read_bytes())
    data[data.index(event) + len(event) + 40] ^= 1
    block.write_bytes(data)
