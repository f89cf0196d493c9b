"""From the directory to what the bus has to know: who may sign in, and what exists for them."""

from broker.bus.credentials import user_key
from broker.bus.render import BusInventory, BusMember
from broker.bus.topology import DEFAULT_SHARDS
from broker.crypto.storage import load_secret
from broker.directory.layout import Layout
from schemas.codes.members import MemberKind
from schemas.directory import Directory


def inventory_of(
    directory: Directory, layout: Layout, *, host: str = "127.0.0.1", port: int = -1
) -> BusInventory:
    """The bus of this directory: a member that has left cannot sign in.

    Raises:
        ConfigurationError: a seed of the bus's own users is missing or open to others.
    """
    members = tuple(
        BusMember(
            member.id,
            member.nats_user,
            board=member.kind is MemberKind.BOARD,
            standby_nkey=member.standby_user,
        )
        for member in sorted(directory.members, key=lambda member: member.id)
        if member.active()
    )
    return BusInventory(
        members=members,
        router_nkey=user_key(load_secret(layout.router / "nats" / "user.seed")).public,
        admin_nkey=user_key(load_secret(layout.admin / "user.seed")).public,
        log_nkey=(
            user_key(load_secret(layout.log / "nats" / "user.seed")).public if layout.log.is_dir() else None
        ),
        system_nkey=user_key(load_secret(layout.system / "user.seed")).public,
        folder=layout.nats.resolve(),
        shards=DEFAULT_SHARDS,
        host=host,
        port=port,
    )
