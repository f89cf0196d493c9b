"""What a gateway mends by itself: its own chains after a restore from an old copy, and events that the bus has lost.

After a restore one's own chains must not go back, or the router takes new events for repeats.
Each lane's events are numbered. The router drops a number that it has seen, so a database that forgot how far it had
come would lose what it publishes next. Custody, a file of its own, remembers how far that was.
"""

from typing import Final

from adapters.gateway.home import Home
from broker.clock import to_ms
from broker.store.gateway.store import Work
from schemas.wire import Lane

CHAIN_FORK: Final = "chain-fork"
"""The router's reason where another event stands at this number of the chain."""
CHAIN_STRIDE: Final = 1 << 20
"""More than a member sends between two backups: a chain that steps so far is beyond everything that it forgot."""
_MINUTE_MS: Final = 60_000
RECEIPT_MS: Final = {Lane.URGENT: 5 * _MINUTE_MS, Lane.NORMAL: 60 * _MINUTE_MS, Lane.BULK: 1440 * _MINUTE_MS}
"""How long a reader's gateway may take to say that it has an event, by the event's lane."""
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


def send_again(home: Home) -> int:
    """Send once more what nobody has said to have in all the time that its lane allows; gives how many events.

    The bus had said that it had them, and a file of its own may have been damaged since. If the router has taken an
    event, its chain knows it and drops the repeat; then a reader is silent, and the alarm stands.
    """
    now_ms = to_ms(home.clock())
    with home.store.work() as work:
        return sum(
            work.outbox.send_again(f"out.{home.member_id}.{lane.value}.%", now_ms - limit)
            for lane, limit in RECEIPT_MS.items()
        )


def step_over(work: Work, stride: int) -> None:
    """Step every chain over what may have been sent and forgotten."""
    known = work.outbox.chains()
    for lane in Lane:
        work.outbox.advance(lane, known.get(lane, 0) + stride, _NOTHING)
