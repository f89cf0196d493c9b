"""The board's questions for programs: the same door as the pages, a bearer token instead of a session.

Each request passes, in this order: a token of the provider, a role that may ask, not too often, nothing asked by
address, a body that is an asking. Then ``ask`` records it and answers. Refusals are recorded as the pages record them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import structlog
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.board.pages.api_forms import ROOT, Asking, Pending, Problem, description
from broker.board.pages.ask import questions_for
from broker.board.pages.desk import Desk
from broker.board.pages.roles import ACCESS, Page, Role
from broker.board.questions import BadQuestionError, NeedsApprovalError, NotAnsweredError, to_json
from broker.board.showing import clean
from broker.clock import to_ms
from broker.errors import UnavailableError
from broker.pages.bearer import Bearers, TokenRefusedError
from broker.pages.door import Visit
from broker.pages.limits import Limits
from broker.pages.sessions import Person, Session

_log = structlog.get_logger()
_OF_A_CHILD: Final = frozenset({"case", "nhs", "upn", "sample", "seed"})
_ROLES: Final = ACCESS[Page.ASK].roles or frozenset()


class _RefusedError(Exception):
    """Not answered: the problem to send, and the person where one is known."""

    def __init__(self, status: HTTPStatus, detail: str, where: str, what_to_do: str) -> None:
        super().__init__(detail)
        self.problem = Problem(
            type="about:blank",
            title=status.phrase,
            status=int(status),
            detail=detail,
            where=where,
            what_to_do=what_to_do,
        )


@dataclass(frozen=True, slots=True)
class _Call:
    person: Person
    parts: dict[str, Any]
    body: bytes


_Answer: TypeAlias = Callable[[_Call], Response]


class Api:
    """The interface, where the operator has named an audience."""

    def __init__(self, desk: Desk, bearers: Bearers, limits: Limits) -> None:
        self._desk = desk
        self._bearers = bearers
        self._limits = limits

    def routes(self) -> list[Route]:
        """Where it is served."""
        return [
            Route(f"{ROOT}/openapi.json", _described),
            Route(f"{ROOT}/questions", self._behind(self._offer)),
            Route(f"{ROOT}/questions/{{key}}", self._behind(self._ask), methods=["POST"]),
            Route(f"{ROOT}/requests/{{number:int}}", self._behind(self._poll)),
        ]

    def _behind(self, answer: _Answer) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(self._answered, request, body, answer)

        return endpoint

    def _answered(self, request: Request, body: bytes, answer: _Answer) -> Response:
        person = None
        try:
            try:
                person = self._person(request)
                self._admit(person, request)
                return answer(_Call(person, dict(request.path_params), body))
            except _RefusedError as refused:
                self._desk.note(f"refused: {refused.problem.detail} (api)", person)
                return _problem(refused)
        except UnavailableError as error:
            _log.error("api-unavailable", why=str(error))
            what = "Try again in a minute; if it goes on, tell the operator."
            return _problem(_RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "not now", "this node", what))

    def _person(self, request: Request) -> Person:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        what = "Get a token from the partnership's provider of identities, for this node's audience."
        if scheme.lower() != "bearer" or not token:
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "no token", "header authorization", what)
        try:
            return self._bearers.person(token.strip())
        except TokenRefusedError as error:
            raise _RefusedError(
                HTTPStatus.UNAUTHORIZED, "a token that is not good here", "header authorization", what
            ) from error

    def _admit(self, person: Person, request: Request) -> None:
        if not person.roles & _ROLES:
            what = "Ask the partnership's business manager if this account should ask."
            raise _RefusedError(HTTPStatus.FORBIDDEN, "not for this role", "the token's roles", what)
        if not self._limits.allow(person.subject):
            raise _RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "too often", "this account", "Wait a minute.")
        if request.url.query:
            what = "Addresses are kept by networks: send what you ask in the body."
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "a question by address", "the query string", what)

    def _offer(self, call: _Call) -> Response:
        return JSONResponse(
            {
                "questions": [
                    {
                        "key": one.key,
                        "title": one.title,
                        "about": one.about,
                        "takes": [takes.value for takes in one.takes],
                        "needs": [takes.value for takes in one.needs],
                    }
                    for one in questions_for(call.person.roles)
                ]
            }
        )

    def _ask(self, call: _Call) -> Response:
        allowed = {one.key for one in questions_for(call.person.roles)}
        key = call.parts["key"]
        if key not in allowed:
            said = "a question that there is not, or not for this role"
            raise _RefusedError(
                HTTPStatus.NOT_FOUND, said, "the path", f"Choose one of GET {ROOT}/questions."
            )
        asking = _read(call.body)
        if Role.SCRUTINEER not in call.person.roles and not _OF_A_CHILD.isdisjoint(asking.params):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN,
                "a child, for a role that sees none",
                "params",
                "Ask for figures of many.",
            )
        desk = self._desk
        try:
            params = {name: clean(value) for name, value in asking.params.items()}
            answer = desk.ask(_visit(call), asking.purpose, key, params)
        except NeedsApprovalError as error:
            return _pending(HTTPStatus.ACCEPTED, error.logged or 0, "waiting", error.says)
        except BadQuestionError as error:
            desk.note(f"refused: {key}, what was sent cannot be read (api)", call.person)
            field = "purpose" if error.field == "purpose" else "params"
            return _problem(
                _RefusedError(
                    HTTPStatus.UNPROCESSABLE_ENTITY, error.says, field, "Correct it, and send it again."
                )
            )
        except NotAnsweredError as error:
            return _problem(
                _RefusedError(HTTPStatus.CONFLICT, error.says, "the question", "See what the detail says.")
            )
        return JSONResponse(to_json(answer))

    def _poll(self, call: _Call) -> Response:
        number = call.parts["number"]
        with self._desk.store.work() as work:
            found = [one for one in work.requests(number) if one.asker == call.person.asker]
            good = found and work.is_approved(
                found[0].asker, found[0].asked, found[0].children, to_ms(self._desk.clock())
            )
        if not found:
            raise _RefusedError(
                HTTPStatus.NOT_FOUND, "a request that is not this account's", "the path", "Ask first."
            )
        if good:
            return _pending(HTTPStatus.OK, number, "approved", "Ask again in the same words within 24 hours.")
        state = "waiting" if found[0].approver is None else "over"
        says = (
            "A second auditor has not agreed so far."
            if state == "waiting"
            else "The approval is over: ask anew."
        )
        return _pending(HTTPStatus.OK, number, state, says)


def _visit(call: _Call) -> Visit:
    """A visit whose session nothing remembers."""
    return Visit(Session("", "", 0.0, 0.0, call.person), call.person, None, {})


def _described(_request: Request) -> Response:
    return JSONResponse(description())


def _read(body: bytes) -> Asking:
    try:
        return Asking.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        known = [str(part) for part in first["loc"][:1] if part in Asking.model_fields]
        raise _RefusedError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "a body that is no asking",
            ".".join(["body", *known]),
            'Send {"purpose": "...", "params": {...}} with texts alone.',
        ) from error


def _pending(status: HTTPStatus, number: int, state: str, says: str) -> Response:
    place = f"{ROOT}/requests/{number}"
    held = Pending(request=number, state=state, location=place, says=says)
    return JSONResponse(held.model_dump(), int(status), headers={"location": place})


def _problem(refused: _RefusedError) -> Response:
    headers = {"www-authenticate": "Bearer"} if refused.problem.status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(
        refused.problem.model_dump(), refused.problem.status, headers, media_type="application/problem+json"
    )
