"""What programs send to the board's questions and are sent, as values."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

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


class Looking(_Form):
    """Somebody looks at what waits for a second auditor. The purpose is recorded before anything is shown."""

    purpose: str = Field(max_length=2000)


class Waits(_Form):
    """A question that waits: who asks what, and why."""

    number: int
    at_ms: int
    asker: str
    asked: str
    purpose: str


class Waiting(_Form):
    """Every question that can still be agreed to, oldest first."""

    requests: list[Waits]


class Agreeing(_Form):
    """A second auditor's word that a question may be answered, and why it may. Recorded."""

    why: str = Field(max_length=2000)


class Exported(_Form):
    """An answer with its proofs: keep the bytes as they came, for ``handrail-verify``."""

    format: str
    board: str
    asker: str
    purpose: str
    asked: str
    at_ms: int
    head: str
    too_new: int
    hashes: list[str]
    entries: list[dict[str, Any]]
    digests: dict[str, Any]
    signature: str


class Problem(_Form):
    """RFC 9457: what is wrong, where, and what to do."""

    type: str
    title: str
    status: int
    detail: str
    where: str
    what_to_do: str
