"""The ground under everything on the wire: frozen, exact, nothing unknown, every time with its zone."""

import ast
import re
import sys
from datetime import date as Date  # noqa: N812 - fields are called ``date``
from functools import cache
from inspect import cleandoc, get_annotations, getsource
from itertools import pairwise
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

__all__ = ["AwareDatetime", "Date", "Line", "LocalRef", "Prose", "Wire"]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_REVERSES: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""Overrides of the writing direction. Allowed in prose, where telephones put them; never in a name."""


class Wire(BaseModel):
    """A value that crosses the wire.

    Strict: no number is read out of text, no text out of a number. Errors never repeat what was sent.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        regex_engine="rust-regex",
        # Built at first use: a command that looks at an inbox does not wait for seventy event types.
        defer_build=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A schema says of each field what the source says below it. Read only here: no command waits for it."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name in properties.keys() & cls.model_fields:
            author = next(one for one in cls.__mro__ if name in get_annotations(one))
            if words := _said_of_fields(author).get(name):
                properties[name]["description"] = words
        return schema


def _said_of_fields(model: type) -> dict[str, str]:
    """The text below each field in the class's own source."""
    body = _classes_of(model.__module__)[model.__qualname__]
    return {
        field.target.id: cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(below.value.value, str)
    }


@cache
def _classes_of(module: str) -> dict[str, list[ast.stmt]]:
    tree = ast.parse(getsource(sys.modules[module]))
    return {one.name: one.body for one in tree.body if isinstance(one, ast.ClassDef)}


def _no_control(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError(
            "control_character", "has a control character", {"advice": "Send plain text."}
        )
    return text


def _one_line(text: str) -> str:
    if _REVERSES.search(text):
        raise PydanticCustomError(
            "reversing_character",
            "has a character that reverses the order of what is shown",
            {"advice": "Send plain text: a name must be shown as it is."},
        )
    if "\n" in text or "\t" in text:
        raise PydanticCustomError(
            "line_break", "has a line break or a tab", {"advice": "Send it as one line."}
        )
    return text


Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"\S"),
    AfterValidator(_no_control),
    AfterValidator(_one_line),
]
"""One line of text, 1 to 300 characters, not only blanks."""

Prose = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000, pattern=r"\S"), AfterValidator(_no_control)
]
"""Words in paragraphs, 1 to 20,000 characters, not only blanks."""

LocalRef = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"\S"),
    AfterValidator(_no_control),
    AfterValidator(_one_line),
]
"""A reference that means something only in the author's own system, 1 to 100 characters."""
