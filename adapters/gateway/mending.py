"""After a restore from an old copy: one's own chains must not go back, or the router takes new events for repeats.

Each lane's events are numbered. The router drops a number that it has seen, so a database that forgot how far it had
come would lose what it publishes next. Custody, a file of its own, remembers how far that was.
"""

from typing import Final

from adapters.gateway.home import Home
from broker.store.gateway.store import Work
from schemas.wire import Lane

CHAIN_FORK: Final = "chain-fork"
"""The router's reason where another event stands at this number of the chain."""
CHAIN_STRIDE: Final = 1 << 20
"""More than a member sends between two backups: a chain that steps so far is beyond everything that it forgot."""
_NOTHING: Final = bytes(32)


def catch_up(home: Home) -> tuple[str, ...]:
    """Bring chains that are behind custody's memory beyond it; gives their lanes. The router records the gap."""
    remembered = home.custody.chains()
    with home.store.work() as work:
        if home.lost:
            step_over(work, CHAIN_STRIDE)
            return tuple(Lane)
        here = work.outbox.chains()
        behind = tuple(lane for lane, sequence in sorted(remembered.items()) if here.get(lane, 0) < sequence)
        for lane in behind:
            # One further than the last: its digest is forgotten, so the next event cannot claim to follow it.
            work.outbox.advance(lane, remembered[lane] + 1, _NOTHING)
    return behind


def step_over(work: Work, stride: int) -> None:
    """Step every chain over what may have been sent and forgotten."""
    known = work.outbox.chains()
    for lane in Lane:
        work.outbox.advance(lane, known.get(lane, 0) + stride, _NOTHING)
