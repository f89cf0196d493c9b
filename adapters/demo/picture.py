"""What a person rather sees than reads: the flow of the play, the chronology, router's eye beside reader's, the audit trail."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from adapters.demo.play import Play
from adapters.demo.promises import Checked, chronology
from schemas import canonical
from schemas.control import unframe
from schemas.envelope import FullEnvelope, Manifest, SealedOpenings
from schemas.wire import PROTOCOL_VERSION, Field, ReceiptKind

_SIDE: Final = 26
_MIDDLE: Final = 16


def draw(console: Console, play: Play, trail: list[dict[str, Any]], checks: list[Checked]) -> None:
    """The end of the demonstration."""
    console.print()
    console.print(Panel(_flow(play), title="What happened", expand=False))
    console.print(_chronology(play))
    console.print(_two_eyes(play))
    console.print(_trail(play, trail))
    console.print(_promises(checks))


def _flow(play: Play) -> Text:
    """Two areas, and a broker between them that cannot read."""
    old, new = play.plot.old.name[:_SIDE], play.plot.new.name[:_SIDE]
    rows = [
        (f"{len(play.scenes)} events by agencies", "sealed", ""),
        ("an NHS message", "sealed", "told at once" if play.plot.reader == "new" else ""),
    ]
    lines = [f"{old:^{_SIDE}}{'router (blind)':^{_MIDDLE}}{new:^{_SIDE}}"]
    lines += [_arrow(left, label, right) for left, label, right in rows]
    if play.plot.moves:
        view = play.view("new")
        granted = view.granted if view is not None else 0
        lines += [
            f"{'case holder':^{_SIDE}}{'':^{_MIDDLE}}{'safety duty':^{_SIDE}}",
            _arrow("a person releases", "order", ""),
            _arrow(f"{granted} grants", "sealed", "history whole"),
            f"{'told':>{_SIDE - 2}} ◀{'signed':─^{_MIDDLE - 2}}─ {'a person signs for the child':<{_SIDE}}",
            f"{'':^{_SIDE}}{'':^{_MIDDLE}}{'case holder, safety duty':^{_SIDE}}",
        ]
    return Text("\n".join(lines))


def _arrow(left: str, label: str, right: str) -> str:
    head = "▶" if right else "●"
    return f"{left:>{_SIDE - 2}} ─{label:─^{_MIDDLE - 2}}{head} {right:<{_SIDE}}"


def _chronology(play: Play) -> Table:
    reader = play.plot.reader
    area = (play.plot.new if reader == "new" else play.plot.old).name
    table = Table("Happened", "What", "By", "How it came", title=f"The child's chronology, opened in {area}")
    for line in chronology(play, reader):
        table.add_row(
            line.occurred[:10],
            line.read.type,
            line.author_name,
            "granted history" if line.granted else "sent",
        )
    return table


def _two_eyes(play: Play) -> Table:
    """One event, the last message, as the router had it and as the reader opened it."""
    table = Table("The router saw", "The reader saw", title="One event, two pairs of eyes", show_lines=False)
    table.add_row(Group(*_router_saw(play)), Text(_reader_saw(play), no_wrap=False))
    return table


def _router_saw(play: Play) -> Iterable[Text]:
    with play.gateway("health").home.store.work() as work:
        row = next(row for row in work.outbox.events() if row.event_id == play.message_ids[0].raw)
    _, body = unframe(row.body, 2, PROTOCOL_VERSION)
    envelope = FullEnvelope.from_bytes(body)
    manifest = Manifest.from_bytes(canonical.decode(envelope.signed)[2])
    header = manifest.header
    yield Text(
        f"author   {header.author}\nclass    {header.event_class.name.lower()}, urgency {header.urgency.name}"
    )
    if isinstance(envelope.openings, SealedOpenings):
        yield Text("tokens, areas, readers: sealed to the router's key, because the event is sensitive")
    else:
        opened = {opening.field: canonical.decode(opening.value) for opening in envelope.openings}
        token = opened[Field.TOKENS][0][1].hex() if opened[Field.TOKENS] else "-"
        yield Text(f"token    {token[:20]}…\nfrom     {opened[Field.FROM]}\nto       {opened[Field.TO]}")
        yield Text(f"readers  {', '.join(opened[Field.READERS])}")
    for part, summary in zip(envelope.parts, manifest.parts, strict=True):
        yield Text(
            f"part     {len(part.ciphertext)} bytes for {len(summary.leaves)} readers:\n         {part.ciphertext[:12].hex()}…"
        )


def _reader_saw(play: Play) -> str:
    reader = play.plot.reader
    event_id = str(play.message_ids[0])
    for line in chronology(play, reader):
        if line.read.document["id"] == event_id:
            document = {
                key: line.read.document[key]
                for key in ("type", "subject", "details")
                if key in line.read.document
            }
            return json.dumps(document, indent=1, ensure_ascii=False)
    return "(this reader was given no view of it)"


def _said(value: Any) -> Any:
    """What the author really said: without empty lists and answers that nobody gave."""
    if not isinstance(value, dict):
        return value
    kept = {key: _said(inner) for key, inner in value.items()}
    return {key: inner for key, inner in kept.items() if inner not in ([], {}, False, "unknown")}


def _trail(play: Play, trail: list[dict[str, Any]]) -> Table:
    """One line a share with what its readers have said since, and the steps between."""
    table = Table(
        "When", "What", "By", "To", "Why", "Readers said", title="The board's audit trail about this child"
    )
    said = _receipts(trail)
    grants = sum(entry["kind"] == "granted" for entry in trail)
    for entry in trail:
        when, by, fields = entry["at"][11:19], play.stage.name(entry["by"] or ""), entry["fields"]
        match entry["kind"]:
            case "taken":
                slip = entry.get("slip") or {}
                to = ", ".join(play.stage.name(reader) for reader, _ in fields["readers"])
                why = f"{slip.get('purpose', '')}: {slip.get('basis', '')}".replace("_", " ")
                table.add_row(
                    when, slip.get("type", "(slip sealed)"), by, to, why, said.get(entry["event"], "-")
                )
            case "handover":
                step = f"[bold]handover: {fields['step']}[/bold]"
                table.add_row(
                    when,
                    step,
                    "",
                    "",
                    f"holds the case: {play.place(fields['holder'])}; safety duty: {play.place(fields['safety'])}",
                    "",
                )
            case "order":
                table.add_row(
                    when,
                    f"[bold]order of {len(fields['events'])} events[/bold]",
                    "router",
                    by,
                    "",
                    f"{grants} granted",
                )
            case "linked":
                table.add_row(
                    when, "[bold]two records linked[/bold]", by, "", "a named person's decision", ""
                )
            case _:
                pass
    return table


def _receipts(trail: list[dict[str, Any]]) -> dict[str, str]:
    """By event: how many readers had it delivered, opened it, took it on."""
    counts: dict[str, Counter[ReceiptKind]] = {}
    for entry in trail:
        if entry["kind"] == "receipt":
            counts.setdefault(entry["event"], Counter())[ReceiptKind(entry["fields"]["receipt"])] += 1
    return {
        event: ", ".join(
            f"{kind.name.lower().replace('_', ' ')} {count[kind]}" for kind in ReceiptKind if count[kind]
        )
        for event, count in counts.items()
    }


def _promises(checks: list[Checked]) -> Table:
    table = Table("", "Promise", "How it was checked just now", title="Promises", show_lines=True)
    for one in checks:
        mark = "[green]held[/green]" if one.held else "[bold red]BROKEN[/bold red]"
        table.add_row(mark, f"{one.promise} {one.claim}", one.how)
    return table
