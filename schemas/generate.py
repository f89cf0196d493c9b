"""Writes the schemas that vendors build against: one JSON Schema per event type and one AsyncAPI document; and the
pages of deadlines and of cues.

``python -m schemas.generate`` writes them, ``--check`` only says whether they are up to date. The output depends on
the models alone. Rules that span fields are in the descriptions; only the program enforces those.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from schemas import cue_page, deadline_page
from schemas.catalogue import CATALOGUE, EventSpec
from schemas.event_reader import MAX_EVENT_BYTES, VERSION

FOLDER: Final = Path(__file__).parent
PAGES: Final = {
    Path("docs") / "deadlines.md": deadline_page.page,
    Path("docs") / "cues.md": cue_page.page,
}
_ALWAYS: Final = ("version", "type")
"""Fields with one possible value; pydantic takes them as given, the reader does not."""

Document = dict[str, Any]


@cache
def documents() -> Mapping[Path, str]:
    """Every generated file by its path below ``schemas/``, as text."""
    files = {Path("json") / f"{name}.schema.json": _event_schema(spec) for name, spec in CATALOGUE.items()}
    files[Path("asyncapi.json")] = _asyncapi()
    return MappingProxyType({path: _as_text(document) for path, document in files.items()})


def stale(folder: Path) -> list[Path]:
    """Paths below ``folder`` that are missing, out of date, or no longer generated."""
    expected = documents()
    wrong = [path for path, text in expected.items() if not _holds(folder / path, text)]
    left_over = [path.relative_to(folder) for path in folder.glob("json/*.schema.json")]
    return sorted({*wrong, *(path for path in left_over if path not in expected)})


def write(folder: Path) -> list[Path]:
    """Bring ``folder`` up to date and say what changed."""
    changed = stale(folder)
    expected = documents()
    for path in changed:
        if path in expected:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(expected[path], encoding="utf-8")
        else:
            (folder / path).unlink()
    return changed


def main(arguments: list[str] | None = None) -> int:
    """The command. 0: up to date or brought there; 1: ``--check`` found files that are not."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where schemas/ is (default: beside this module)"
    )
    parser.add_argument("--root", type=Path, help="where docs/ is (default: beside schemas/)")
    options = parser.parse_args(arguments)
    paths = stale(options.folder) if options.check else write(options.folder)
    root = options.root or options.folder.parent
    for path, page in PAGES.items():
        if not _holds(root / path, page()):
            paths.append(path)
            if not options.check:
                (root / path).parent.mkdir(exist_ok=True)
                (root / path).write_text(page(), encoding="utf-8")
    verb = "out of date" if options.check else "written"
    sys.stdout.writelines(f"{verb}: {path}\n" for path in paths)
    if options.check and paths:
        sys.stdout.write("Run 'python -m schemas.generate' and commit the result.\n")
    return int(options.check and bool(paths))


def _as_text(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _event_schema(spec: EventSpec) -> Document:
    schema = spec.model.model_json_schema()
    return _with_required(schema) | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:handrail:event:{spec.type}:{VERSION}",
        "title": spec.type,
        "x-handrail": _facts(spec),
    }


def _with_required(schema: Mapping[str, Any]) -> Document:
    return {**schema, "required": sorted({*schema.get("required", ()), *_ALWAYS})}


def _facts(spec: EventSpec) -> Document:
    return {
        "class": spec.event_class.name.lower(),
        "usualUrgency": spec.usual_urgency.name,
        "publishers": sorted(kind.value for kind in spec.publishers),
        "defaultPurpose": spec.default_purpose.value,
        "defaultBasis": spec.default_basis.value,
        "themes": [theme.value for theme in spec.themes],
        "source": spec.source,
        "locationFields": list(spec.location_fields),
    }


def _asyncapi() -> Document:
    return {
        "asyncapi": "3.0.0",
        "id": "urn:handrail:events",
        "info": {
            "title": "Handrail events",
            "version": VERSION,
            "description": (
                "What members say to each other about a child. An event is JSON between a member's own systems and its"
                " gateway; between gateways it travels signed and sealed, as docs/protocol.md describes. Not for real"
                f" people's data yet. One event has at most {MAX_EVENT_BYTES} bytes."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {"events": _channel()},
        "operations": {
            "publishEvent": _operation("send", "An author hands an event to its gateway."),
            "readEvent": _operation("receive", "A reader takes an opened event from its gateway."),
        },
        "components": {
            "schemas": _shared_schemas(),
            "messages": {name: _message(CATALOGUE[name]) for name in CATALOGUE},
        },
    }


def _channel() -> Document:
    return {
        "address": None,
        "title": "Events at a member's gateway",
        "description": "The address is the gateway's own. On the bus an event has no type that a subject could name.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in CATALOGUE},
    }


def _operation(action: str, summary: str) -> Document:
    return {"action": action, "channel": {"$ref": "#/channels/events"}, "summary": summary}


def _message(spec: EventSpec) -> Document:
    return {
        "name": spec.type,
        "title": spec.type,
        "summary": spec.summary,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{spec.model.__name__}"},
        "tags": [{"name": spec.event_class.name.lower()}],
        "x-handrail": _facts(spec),
    }


def _shared_schemas() -> Document:
    _, bundle = models_json_schema(
        [(spec.model, "validation") for spec in CATALOGUE.values()],
        ref_template="#/components/schemas/{model}",
    )
    schemas: Document = bundle["$defs"]
    for spec in CATALOGUE.values():
        name = spec.model.__name__
        schemas[name] = _with_required(schemas[name])
    return schemas


if __name__ == "__main__":
    sys.exit(main())
