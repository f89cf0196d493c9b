"""What changed between two versions of the directory, one plain sentence per change."""

from collections.abc import Iterator

from schemas.directory import Directory
from schemas.members import Member, PublishedKey


def differences(old: Directory | None, new: Directory) -> tuple[str, ...]:
    """The changes from ``old`` (None: nothing) to ``new``; ``+`` came, ``-`` went, ``~`` is otherwise now."""
    return tuple(_lines(old, new)) or ("~ signed again, nothing else changed",)


def _lines(old: Directory | None, new: Directory) -> Iterator[str]:
    if old is None or old.roots != new.roots:
        yield f"~ roots: {new.roots.threshold} of {', '.join(key.key_id for key in new.roots.keys)}"
    before = {} if old is None else {area.gss: area for area in old.areas}
    for area in new.areas:
        if area != before.get(area.gss):
            yield f"{'~' if area.gss in before else '+'} area {area.gss} {area.name}, clock from {area.clock_start.value}"
    yield from _keys(_router_keys(old), _router_keys(new), "the router")
    if new.log is not None and (old is None or old.log is None):
        yield f"+ log {new.log.origin}"
    for member in new.members:
        yield from _member(None if old is None else old.member(member.id), member)
    if new.endorsers != (() if old is None else old.endorsers):
        yield f"~ protection endorsers: {new.endorser_threshold} of {', '.join(new.endorsers) or 'none'}"
    if old is None or old.policy != new.policy:
        yield f"~ sharing policy: {new.policy.name}, {len(new.policy.rules)} rules, adopted {new.policy.adopted_on}"
        yield from _policy(old, new)
    if old is not None and old.governance != new.governance:
        yield "~ references to impact assessment, policy or agreement"


def _member(old: Member | None, new: Member) -> Iterator[str]:
    if old is None:
        door = ", front door" if new.front_door else ""
        yield f"+ member {new.id} {new.name} ({new.kind.value}{door}) for {', '.join(new.areas)}"
    elif old.left_on is None and new.left_on is not None:
        yield f"- member {new.id} {new.name} left on {new.left_on}: {new.left_because}"
    else:
        for name in (
            "name",
            "areas",
            "front_door",
            "units",
            "nats_user",
            "standby_user",
            "duty_contacts",
            "dpia_reference",
            "sharing_agreement",
        ):
            if getattr(old, name) != getattr(new, name):
                yield f"~ member {new.id}: {name.replace('_', ' ')}"
    yield from _keys(() if old is None else old.keys, new.keys, new.id)


def _keys(old: tuple[PublishedKey, ...], new: tuple[PublishedKey, ...], owner: str) -> Iterator[str]:
    before = {key.key_id: key for key in old}
    for key in new:
        was = before.get(key.key_id)
        if was is None:
            yield f"+ key {key.key_id} of {owner} ({key.use.value}, {key.algorithm.value}) until {key.not_after:%Y-%m-%d}"
        elif was.revoked_at != key.revoked_at:
            yield f"- key {key.key_id} of {owner} revoked: {key.revoked_because}"
        elif was != key:
            yield f"~ key {key.key_id} of {owner} ends on {key.not_after:%Y-%m-%d}"


def _router_keys(directory: Directory | None) -> tuple[PublishedKey, ...]:
    return () if directory is None else (*directory.router.sign_keys, *directory.router.kem_keys)


def _policy(old: Directory | None, new: Directory) -> Iterator[str]:
    if old is None:
        return
    if (bands := new.policy.board_bands) != old.policy.board_bands:
        yield "~ boards may " + (
            "hold no bands of characteristics"
            if bands is None
            else f"hold bands of characteristics: {bands.document}"
        )
    before = {rule.event_type: rule for rule in old.policy.rules}
    after = {rule.event_type: rule for rule in new.policy.rules}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            sign = "+" if name not in before else "-" if name not in after else "~"
            yield f"{sign} rule for {name}"
