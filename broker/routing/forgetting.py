"""When the broker forgets a child (P12): nothing is open for it, and nothing is still on its way to anybody."""

from broker.handover.machine import OVER
from broker.store.router.children import Children
from broker.store.router.procedures import Procedures


def forget_if_over(children: Children, procedures: Procedures, child: bytes, now_ms: int) -> bool:
    """Forget a child wholly if no matter, handover or order is open; True if it is gone.

    An order that waits for its grants keeps the child: its last event must still reach whom it is meant for.
    """
    if children.matter_areas(child) or procedures.anything_open(child, now_ms, OVER):
        return False
    children.forget(child)
    return True
