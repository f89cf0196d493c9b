"""The OpenAPI description of the interface for programs, made from what the code takes, gives and refuses."""

import re
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from broker.board.pages.api_calls import CALLS, Operation
from broker.board.pages.api_forms import Problem
from broker.board.questions import CATALOGUE

_DOOR: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""With which statuses every operation may refuse."""
_IN_PATH: Final[dict[str, dict[str, Any]]] = {
    "key": {"type": "string", "enum": list(CATALOGUE)},
    "number": {"type": "integer"},
}


def description() -> dict[str, Any]:
    """The whole document."""
    models = {model for one in CALLS for model in (*one.gives.values(), one.takes) if model} | {Problem}
    _, made = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda one: one.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for one in CALLS:
        paths.setdefault(one.path, _parameters(one.path))[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Handrail: a board's questions", "version": "1"},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": made["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _parameters(path: str) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": _IN_PATH[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]
    return {"parameters": named} if named else {}


def _operation(one: Operation) -> dict[str, Any]:
    given = {
        str(int(status)): {"description": status.phrase, "content": _content(model)}
        for status, model in one.gives.items()
    }
    refused = {
        str(int(status)): {
            "description": status.phrase,
            "content": _content(Problem, "application/problem+json"),
        }
        for status in sorted({*_DOOR, *one.refuses})
    }
    body = {} if one.takes is None else {"requestBody": {"required": True, "content": _content(one.takes)}}
    return {"summary": one.summary, **body, "responses": given | refused}


def _content(model: type[BaseModel], media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
