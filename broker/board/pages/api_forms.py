"""What programs send to the board's questions and are sent, as values; and the OpenAPI description made from them."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from broker.board.questions import CATALOGUE

ROOT: Final = "/api/v1"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Asking(_Form):
    """One question. The purpose is recorded before anything is answered."""

    purpose: str = Field(max_length=2000)
    params: dict[str, str] = Field(default_factory=dict, max_length=12)
    """What it is narrowed by: case, nhs, upn, sample, seed, since, until, area, member, hours, days."""


class Column(_Form):
    """One column of an answer."""

    name: str
    heading: str
    unit: str
    role: str


class Mark(_Form):
    """Stands in place of a figure: not_measured, suppressed or withheld."""

    mark: str


class Proof(_Form):
    """What the answer can be held against."""

    origin: str | None
    size: int
    root: str | None
    indexes: list[int]
    newer: int
    says: str


class Answered(_Form):
    """An answer that was recorded."""

    key: str
    title: str
    asked: str
    at_ms: int
    logged: int
    measured: bool
    why_not: str | None
    summary: list[str]
    columns: list[Column]
    rows: list[list[str | int | float | Mark | None]]
    total: bool
    notes: list[str]
    suppressed: bool
    proof: Proof


class Offered(_Form):
    """A question that this role may ask."""

    key: str
    title: str
    about: str
    takes: list[str]
    needs: list[str]


class Catalogue(_Form):
    """Every question that this role may ask."""

    questions: list[Offered]


class Pending(_Form):
    """A second auditor must agree; poll ``location``, then ask again in the same words."""

    request: int
    state: str
    location: str
    says: str


class Problem(_Form):
    """RFC 9457: what is wrong, where, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    where: str
    what_to_do: str


def description() -> dict[str, Any]:
    """The OpenAPI description of this interface."""
    models = (Asking, Answered, Catalogue, Pending, Problem)
    _, made = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    key = _in_path("key", {"type": "string", "enum": list(CATALOGUE)})
    number = _in_path("number", {"type": "integer"})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Handrail: a board's questions", "version": "1"},
        "security": [{"bearer": []}],
        "paths": {
            f"{ROOT}/questions": {"get": _operation("What this role may ask", {"200": "Catalogue"})},
            f"{ROOT}/questions/{{key}}": {
                "parameters": [key],
                "post": _operation("Ask", {"200": "Answered", "202": "Pending"})
                | {"requestBody": {"required": True, "content": _content("Asking")}},
            },
            f"{ROOT}/requests/{{number}}": {
                "parameters": [number],
                "get": _operation("Whether a second auditor has agreed", {"200": "Pending"}),
            },
        },
        "components": {
            "schemas": made["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _in_path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _content(model: str, media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": {"$ref": f"#/components/schemas/{model}"}}}


def _operation(summary: str, given: dict[str, str]) -> dict[str, Any]:
    refused = {"description": "Refused", "content": _content("Problem", "application/problem+json")}
    answers: dict[str, Any] = {
        status: {"description": model, "content": _content(model)} for status, model in given.items()
    }
    return {"summary": summary, "responses": answers | {"default": refused}}
