"""The server's configuration, rendered from the directory: byte for byte the same for the same inventory."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from broker.bus.subjects import (
    DIRECTORY,
    GAP,
    HEAD,
    PARTITIONS,
    PROOF,
    WITNESSED,
    asked_subject,
    audit_subject,
    cosign_subject,
    shard_of,
)
from broker.bus.topology import (
    AUDIT,
    COSIGNATURES,
    DIRECTORY_STREAM,
    HEADS,
    LOG,
    OUT,
    audit_durable,
    in_stream,
    router_durable,
    standby_durable,
)
from schemas.wire import MAX_MESSAGE_BYTES, Lane

_READ_DIRECTORY = f"$JS.API.DIRECT.GET.{DIRECTORY_STREAM}.{DIRECTORY}"
_OF_ALL = (
    _READ_DIRECTORY,
    f"$JS.API.DIRECT.GET.{HEADS}.{HEAD}",
    f"$JS.API.DIRECT.GET.{HEADS}.{WITNESSED}",
    PROOF,
)
"""What every member may reach, the same for all: the newest directory, the newest heads, and proofs between heads."""


@dataclass(frozen=True, slots=True, order=True)
class BusMember:
    """One member as the bus knows it."""

    id: str
    nkey: str
    board: bool = False
    standby_nkey: str | None = None
    """Of a front door's standby gateway."""


@dataclass(frozen=True, slots=True)
class BusInventory:
    """All that the server's configuration says. Ports of 0 or -1 mean: any free one."""

    members: tuple[BusMember, ...]
    router_nkey: str
    admin_nkey: str
    system_nkey: str
    folder: Path
    shards: int
    host: str = "127.0.0.1"
    port: int = -1
    http_port: int = -1
    log_nkey: str | None = None
    """The audit service's user, where there is one."""


def account_of(member: str) -> str:
    """A member's account name: opaque, stable."""
    return "M" + hashlib.sha256(b"account " + member.encode()).hexdigest()[:16].upper()


def render(inventory: BusInventory) -> str:
    """The text of ``nats.conf``."""
    members = sorted(inventory.members)
    tls = inventory.folder / "tls"
    accounts = [
        f"  SYS {{ users: [ {{ nkey: {inventory.system_nkey} }} ] }}",
        _broker_account(inventory, members),
        *(_member_account(member, inventory.shards) for member in members),
    ]
    return "\n".join(
        [
            "# Rendered from the directory by `handrail directory`. Edits are lost at the next change.",
            "server_name: handrail",
            f"host: {_quoted(inventory.host)}",
            f"port: {inventory.port}",
            f"http: {_quoted(f'127.0.0.1:{inventory.http_port}')}",
            f"ports_file_dir: {_quoted(str(inventory.folder))}",
            f"pid_file: {_quoted(str(inventory.folder / 'nats.pid'))}",
            f"max_payload: {MAX_MESSAGE_BYTES + 4096}",
            "max_pending: 128MB",
            "lame_duck_duration: 30s",
            "write_deadline: 10s",
            "jetstream {",
            f"  store_dir: {_quoted(str(inventory.folder / 'store'))}",
            "  sync_interval: always",
            "  max_mem: 0",
            "}",
            "tls {",
            f"  cert_file: {_quoted(str(tls / 'server.pem'))}",
            f"  key_file: {_quoted(str(tls / 'server.key'))}",
            f"  ca_file: {_quoted(str(tls / 'ca.pem'))}",
            "  verify: true",
            '  min_version: "1.3"',
            "  handshake_first: true",
            "}",
            "system_account: SYS",
            "accounts {",
            *accounts,
            "}",
            "",
        ]
    )


def _broker_account(inventory: BusInventory, members: list[BusMember]) -> str:
    everyone = ", ".join(account_of(member.id) for member in members)
    exports = [line for member in members for line in _exports(member, inventory.shards)]
    if members:
        exports += [f"      {{ service: {_quoted(subject)}, accounts: [{everyone}] }}" for subject in _OF_ALL]
    reads = ", ".join(
        _quoted(subject)
        for lane in Lane
        for subject in (
            f"$JS.API.CONSUMER.MSG.NEXT.{OUT}.{router_durable(lane)}",
            f"$JS.ACK.{OUT}.{router_durable(lane)}.>",
        )
    )
    erases = ", ".join(
        _quoted(subject)
        for subject in (
            f"$JS.API.STREAM.MSG.DELETE.{OUT}",
            *(f"$JS.API.DIRECT.GET.{in_stream(shard)}" for shard in range(inventory.shards)),
            f"$JS.API.DIRECT.GET.{AUDIT}",
            f"$JS.API.DIRECT.GET.{AUDIT}.>",
            f"$JS.API.DIRECT.GET.{DIRECTORY_STREAM}.>",
            "$JS.API.INFO",
            "$JS.API.STREAM.INFO.*",
        )
    )
    # Each of its own subjects, so that it cannot write in a board's or the audit service's name.
    writes = ", ".join(_quoted(audit_subject(partition)) for partition in range(PARTITIONS))
    router = (
        f"      {{ nkey: {inventory.router_nkey}, permissions {{\n"
        f'          publish: {{ allow: ["shard.>", {writes}, {reads}, {erases}] }}\n'
        '          subscribe: { allow: ["_INBOX_router.>"] } } }'
    )
    return "\n".join(
        [
            "  BROKER {",
            "    jetstream { max_mem: 0, max_streams: 64, max_consumers: -1 }",
            "    users: [",
            f"      {{ nkey: {inventory.admin_nkey} }}",
            router,
            *_log_user(inventory),
            "    ]",
            "    exports: [",
            *exports,
            "    ]",
            "  }",
        ]
    )


def _log_user(inventory: BusInventory) -> list[str]:
    """The audit service: reads AUDIT and cosignatures, writes heads, answers with proofs."""
    if inventory.log_nkey is None:
        return []
    allowed = ", ".join(
        _quoted(subject)
        for subject in (
            HEAD,
            WITNESSED,
            GAP,
            *(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{LOG}" for stream in (AUDIT, COSIGNATURES)),
            *(f"$JS.ACK.{stream}.{LOG}.>" for stream in (AUDIT, COSIGNATURES)),
            f"$JS.API.DIRECT.GET.{AUDIT}",
            f"$JS.API.DIRECT.GET.{HEADS}.{HEAD}",
            f"$JS.API.STREAM.INFO.{AUDIT}",
        )
    )
    user = (
        f"      {{ nkey: {inventory.log_nkey}, permissions {{\n"
        f"          publish: {{ allow: [{allowed}] }}\n"
        f'          subscribe: {{ allow: ["{inbox_prefix(LOG)}.>", "{PROOF}"] }}\n'
        "          allow_responses: true } }"
    )
    return [user]


def _services(member: BusMember, shards: int) -> tuple[str, ...]:
    """The broker's subjects that one member may reach, exactly."""
    stream = in_stream(shard_of(member.id, shards))
    own: tuple[str, ...] = (
        f"out.{member.id}.*.*",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{member.id}",
        f"$JS.ACK.{stream}.{member.id}.>",
        cosign_subject(member.id),
        *_OF_ALL,
    )
    if member.standby_nkey is not None:
        own = (*own, *(subject for subject in _standbys(member, shards) if subject not in own))
    if not member.board:
        return own
    durable = audit_durable(member.id)
    reads = (f"$JS.API.CONSUMER.MSG.NEXT.{AUDIT}.{durable}", f"$JS.ACK.{AUDIT}.{durable}.>")
    return (*own, asked_subject(member.id), *reads)


def _standbys(member: BusMember, shards: int) -> tuple[str, ...]:
    """What a front door's standby may reach: it answers in the member's name, and reads by a durable of its own."""
    stream, durable = in_stream(shard_of(member.id, shards)), standby_durable(member.id)
    return (
        f"out.{member.id}.*.*",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
        f"$JS.ACK.{stream}.{durable}.>",
        cosign_subject(member.id),
        *_OF_ALL,
    )


def _exports(member: BusMember, shards: int) -> list[str]:
    return [
        f"      {{ service: {_quoted(subject)}, response_type: stream, accounts: [{account_of(member.id)}] }}"
        for subject in _services(member, shards)
        if subject not in _OF_ALL
    ]


def _member_account(member: BusMember, shards: int) -> str:
    users = [_user(member.nkey, member.id, _services(member, shards))]
    if member.standby_nkey is not None:
        users.append(_user(member.standby_nkey, standby_durable(member.id), _standbys(member, shards)))
    imports = [
        f"      {{ service: {{ account: BROKER, subject: {_quoted(subject)} }} }}"
        for subject in _services(member, shards)
    ]
    return "\n".join(
        [
            f"  {account_of(member.id)} {{",
            "    users: [",
            *users,
            "    ]",
            "    imports: [",
            *imports,
            "    ]",
            "  }",
        ]
    )


def _user(nkey: str, name: str, subjects: tuple[str, ...]) -> str:
    allowed = ", ".join(_quoted(subject) for subject in subjects)
    return (
        f"      {{ nkey: {nkey}, permissions {{\n"
        f"          publish: {{ allow: [{allowed}] }}\n"
        f"          subscribe: {{ allow: [{_quoted(inbox_prefix(name) + '.>')}] }} }} }}"
    )


def inbox_prefix(user: str) -> str:
    """Where answers to one user go."""
    return f"_INBOX_{user}"


def _quoted(text: str) -> str:
    return json.dumps(text)
