"""What a program is told when it is not answered: ``application/problem+json`` (RFC 9457), the same for every cause."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import JSONResponse, Response

from broker.board.pages.api_forms import ROOT, Problem

WAIT_S: Final = 60
"""After how many seconds a program should come again, where coming again can help."""
_AGAIN: Final = {"retry-after": str(WAIT_S)}
_HEADERS: Final[Mapping[HTTPStatus, Mapping[str, str]]] = {
    HTTPStatus.UNAUTHORIZED: {"www-authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: _AGAIN,
    HTTPStatus.SERVICE_UNAVAILABLE: _AGAIN,
}
_BEFORE: Final[Mapping[int, tuple[str, str]]] = {
    404: ("there is nothing at this address", "the path"),
    405: ("not with this method", "the method"),
    413: ("too long", "the body"),
    500: ("something is broken here; nothing was shown", "this node"),
}
_READ: Final = f"See {ROOT}/openapi.json for what there is."


class RefusedError(Exception):
    """Not answered: the problem to send, and ``noted``, under which it is recorded.

    Nothing that was typed stands in ``noted``. It is None where the refusal is on record already.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        where: str,
        what_to_do: str,
        *,
        headers: Mapping[str, str] | None = None,
        noted: str | None = "",
    ) -> None:
        super().__init__(detail)
        self.noted = detail if noted == "" else noted
        self.headers = {**_HEADERS.get(status, {}), **(headers or {})}
        self.problem = Problem(
            type="about:blank",
            title=status.phrase,
            status=int(status),
            detail=detail,
            where=where,
            what_to_do=what_to_do,
        )


def problem(refused: RefusedError) -> Response:
    """A refusal as it is sent."""
    return JSONResponse(
        refused.problem.model_dump(),
        refused.problem.status,
        refused.headers,
        media_type="application/problem+json",
    )


def before_asking(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """What is said where it came to no question: no such address or method, or a fault. Nothing is recorded of it."""
    detail, where = _BEFORE.get(status, ("this cannot be read", "the request"))
    what = "Tell the operator." if status == HTTPStatus.INTERNAL_SERVER_ERROR else _READ
    return problem(RefusedError(HTTPStatus(status), detail, where, what, headers=headers))


def for_programs(path: str) -> bool:
    """Whether an address belongs to the interface for programs."""
    return path == ROOT or path.startswith(f"{ROOT}/")
