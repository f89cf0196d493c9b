"""The board's questions for programs: the same door as the pages, a bearer token instead of a session.

Each request passes, in this order: a token of the provider, a role that this is for, not too often, nothing asked by
address. Then it is recorded and answered (``api_calls``). Refusals are recorded as the pages record them.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.board.pages.api_calls import CALLS, Call, Operation
from broker.board.pages.api_described import description
from broker.board.pages.api_forms import ROOT
from broker.board.pages.api_refusals import RefusedError, problem
from broker.board.pages.desk import Desk
from broker.board.pages.roles import ACCESS
from broker.errors import UnavailableError
from broker.pages.bearer import Bearer, Bearers, TokenRefusedError
from broker.pages.limits import Limits

_log = structlog.get_logger()


class Api:
    """The interface, where the operator has named an audience."""

    def __init__(self, desk: Desk, bearers: Bearers, limits: Limits) -> None:
        self._desk = desk
        self._bearers = bearers
        self._limits = limits

    def routes(self) -> list[Route]:
        """Where it is served."""
        described = Route(f"{ROOT}/openapi.json", _described)
        return [described, *(Route(one.path, self._behind(one), methods=[one.method]) for one in CALLS)]

    def _behind(self, operation: Operation) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(self._answered, request, body, operation)

        return endpoint

    def _answered(self, request: Request, body: bytes, operation: Operation) -> Response:
        person = None
        try:
            try:
                bearer = self._bearer(request)
                person = bearer.person
                self._admit(bearer, request, operation)
                return operation.answer(self._desk, Call(bearer, dict(request.path_params), body))
            except RefusedError as refused:
                if refused.noted is not None:
                    self._desk.note(f"refused: {refused.noted} (api)", person)
                return problem(refused)
        except UnavailableError as error:
            _log.error("api-unavailable", why=str(error))
            what = "Try again in a minute; if it goes on, tell the operator."
            return problem(RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "not now", "this node", what))

    def _bearer(self, request: Request) -> Bearer:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        what = "Get a token from the partnership's provider of identities, for this node's audience."
        if scheme.lower() != "bearer" or not token:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "no token", "header authorization", what)
        try:
            return self._bearers.read(token.strip())
        except TokenRefusedError as error:
            said = "a token that is not good here"
            raise RefusedError(HTTPStatus.UNAUTHORIZED, said, "header authorization", what) from error

    def _admit(self, bearer: Bearer, request: Request, operation: Operation) -> None:
        if not bearer.person.roles & (ACCESS[operation.page].roles or frozenset()):
            what = "Ask the partnership's business manager if this account should ask."
            raise RefusedError(HTTPStatus.FORBIDDEN, "not for this role", "the token's roles", what)
        if not self._limits.allow(bearer.person.subject):
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "too often", "this account", "Wait a minute.")
        if request.url.query:
            what = "Addresses are kept by networks: send what you ask in the body."
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a question by address", "the query string", what)


def _described(_request: Request) -> Response:
    return JSONResponse(description())
