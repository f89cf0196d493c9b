"""What a program may ask of a board's node, once it is through the door: one function for each entry of ``CALLS``."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, Response

from broker.board.mirror import NoHeadError, NotTheLogError
from broker.board.pages.api_forms import (
    ROOT,
    Agreeing,
    Answered,
    Asking,
    Catalogue,
    Exported,
    Looking,
    Pending,
    Waiting,
)
from broker.board.pages.api_refusals import RefusedError
from broker.board.pages.approvals import NUMBER_CHARS, all_waiting
from broker.board.pages.ask import questions_for
from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page, Role
from broker.board.proving import prove
from broker.board.questions import (
    BadQuestionError,
    NeedsApprovalError,
    NotAnsweredError,
    approve,
    to_json,
)
from broker.board.showing import clean
from broker.clock import to_ms
from broker.errors import ConfigurationError
from broker.pages.bearer import Bearer
from broker.pages.door import Visit
from broker.pages.sessions import Person, Session

_OF_A_CHILD: Final = frozenset({"case", "nhs", "upn", "sample", "seed"})
_EXPORTED_BY: Final[Mapping[str, str]] = {"case": "case_ref", "nhs": "nhs", "upn": "upn"}
"""What an export is asked by, and under which name the record is searched."""
_SKEW_S: Final = 60
"""By how much the clock of the provider may be ahead, in seconds."""
SIGNED_IN_S: Final = 15 * 60
"""How long ago a person may have signed in who agrees to a question about a protected child, in seconds."""
Form = TypeVar("Form", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed the door."""

    bearer: Bearer
    parts: dict[str, Any]
    body: bytes

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.bearer.person

    @property
    def visit(self) -> Visit:
        """As the pages know it: a visit whose session nothing remembers."""
        return Visit(Session("", "", 0.0, 0.0, self.person), self.person, None, {})


Answer: TypeAlias = Callable[[Desk, Call], Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for. It is for the roles of the page that shows the same."""

    method: str
    path: str
    page: Page
    answer: Answer
    summary: str
    gives: Mapping[HTTPStatus, type[BaseModel]]
    takes: type[BaseModel] | None = None
    refuses: tuple[HTTPStatus, ...] = ()
    """With which statuses, beside those of the door."""


def _offer(_desk: Desk, call: Call) -> Response:
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


def _ask(desk: Desk, call: Call) -> Response:
    allowed = {one.key for one in questions_for(call.person.roles)}
    key = call.parts["key"]
    if key not in allowed:
        said = "a question that there is not, or not for this role"
        raise RefusedError(HTTPStatus.NOT_FOUND, said, "the path", f"Choose one of GET {ROOT}/questions.")
    asking = _read(call.body, Asking)
    if Role.SCRUTINEER not in call.person.roles and not _OF_A_CHILD.isdisjoint(asking.params):
        said = "a child, for a role that sees none"
        raise RefusedError(HTTPStatus.FORBIDDEN, said, "params", "Ask for figures of many.")
    params = {name: clean(value) for name, value in asking.params.items()}
    try:
        answer = desk.ask(call.visit, asking.purpose, key, params)
    except NeedsApprovalError as error:
        return _waits(error)
    except BadQuestionError as error:
        _unreadable(error)
    except NotAnsweredError as error:
        _not_so(error, "the question")
    return JSONResponse(to_json(answer))


def _export(desk: Desk, call: Call) -> Response:
    asking = _read(call.body, Asking)
    if not asking.purpose.strip():
        _unreadable(BadQuestionError("purpose", "Say why you ask. It is recorded."))
    if len(asking.params) != 1 or not _EXPORTED_BY.keys() >= asking.params.keys():
        _unreadable(BadQuestionError("params", "Name one child: by case, nhs or upn."))
    ((by, reference),) = asking.params.items()
    asked = dict.fromkeys(("case_ref", "nhs", "upn", "member", "area", "since", "until")) | {
        "kinds": (),
        "most": 0,
        _EXPORTED_BY[by]: clean(reference).strip(),
    }
    if not asked[_EXPORTED_BY[by]]:
        _unreadable(BadQuestionError("params", "Name one child: by case, nhs or upn."))
    who = call.person.asker, clean(asking.purpose).strip()
    try:
        proven = prove(desk.home, desk.store, who, asked, desk.clock())
    except NeedsApprovalError as error:
        return _waits(error)
    except BadQuestionError as error:
        _unreadable(error)
    except (NoHeadError, NotTheLogError, ConfigurationError) as error:
        said, what = f"nothing could be proven: {error}", "See the page Integrity, or tell the operator."
        raise RefusedError(_NOT_NOW, said, "this node", what, noted="nothing could be proven") from error
    return Response(proven.data, media_type="application/json")


def _poll(desk: Desk, call: Call) -> Response:
    number = _number(call)
    with desk.store.work() as work:
        found = [one for one in work.requests(number) if one.asker == call.person.asker]
        good = found and work.is_approved(
            found[0].asker, found[0].asked, found[0].children, to_ms(desk.clock())
        )
    if not found:
        _no_such_request()
    if good:
        return _pending(HTTPStatus.OK, number, "approved", "Ask again in the same words within 24 hours.")
    if found[0].approver is None:
        return _pending(HTTPStatus.OK, number, "waiting", "A second auditor has not agreed so far.")
    return _pending(HTTPStatus.OK, number, "over", "The approval is over: ask anew.")


def _waiting(desk: Desk, call: Call) -> Response:
    purpose = _read(call.body, Looking).purpose.strip()
    if not purpose:
        _unreadable(BadQuestionError("purpose", "Say why you look. It is recorded."))
    return JSONResponse({"requests": [asdict(one) for one in all_waiting(desk, call.visit, purpose)]})


def _agree(desk: Desk, call: Call) -> Response:
    """A person's word. That it is one's, and one's who is there now, is what the provider says of the sign-in."""
    since = call.bearer.signed_in_s
    if since is None or not -_SKEW_S <= since <= SIGNED_IN_S:
        raise RefusedError(
            HTTPStatus.UNAUTHORIZED,
            "a token of nobody who has signed in within the last 15 minutes",
            "the token's auth_time",
            "A person agrees, not a program: have the second auditor sign in to the provider, and use that token.",
            headers={
                "www-authenticate": f'Bearer error="insufficient_user_authentication", max_age="{SIGNED_IN_S}"'
            },
        )
    why = clean(_read(call.body, Agreeing).why).strip()
    if not why:
        _unreadable(BadQuestionError("why", "Say why it may be answered. It is recorded."))
    number, person = _number(call), call.person
    try:
        approve(desk.home, desk.store, person.asker, why, number, desk.clock(), subject=person.subject)
    except NotAnsweredError as error:
        _not_so(error, "the request")
    return _pending(HTTPStatus.OK, number, "approved", "The asker may ask again within 24 hours.")


_OK, _LATER = HTTPStatus.OK, HTTPStatus.ACCEPTED
_UNREADABLE, _NOT_NOW = HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT
_UNKNOWN = HTTPStatus.NOT_FOUND
CALLS: Final = (
    Operation("GET", f"{ROOT}/questions", Page.ASK, _offer, "What this role may ask", gives={_OK: Catalogue}),
    Operation(
        "POST",
        f"{ROOT}/questions/{{key}}",
        Page.ASK,
        _ask,
        "Ask",
        takes=Asking,
        gives={_OK: Answered, _LATER: Pending},
        refuses=(_UNKNOWN, _NOT_NOW, _UNREADABLE),
    ),
    Operation(
        "GET",
        f"{ROOT}/requests/{{number}}",
        Page.ASK,
        _poll,
        "Whether a second auditor has agreed",
        gives={_OK: Pending},
        refuses=(_UNKNOWN,),
    ),
    Operation(
        "POST",
        f"{ROOT}/requests/{{number}}/approval",
        Page.APPROVALS,
        _agree,
        "Agree, as a second auditor who has signed in within the last 15 minutes",
        takes=Agreeing,
        gives={_OK: Pending},
        refuses=(_UNKNOWN, _NOT_NOW, _UNREADABLE),
    ),
    Operation(
        "POST",
        f"{ROOT}/approvals",
        Page.APPROVALS,
        _waiting,
        "What waits for a second auditor",
        takes=Looking,
        gives={_OK: Waiting},
        refuses=(_UNREADABLE,),
    ),
    Operation(
        "POST",
        f"{ROOT}/exports",
        Page.CHILD,
        _export,
        "One child's record with its proofs, by case, nhs or upn",
        takes=Asking,
        gives={_OK: Exported, _LATER: Pending},
        refuses=(_NOT_NOW, _UNREADABLE),
    ),
)


def _read(body: bytes, form: type[Form]) -> Form:
    try:
        return form.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        known = [str(part) for part in first["loc"][:1] if part in form.model_fields]
        fields = ", ".join(f'"{name}": ...' for name in form.model_fields)
        raise RefusedError(
            _UNREADABLE,
            "a body that cannot be read",
            ".".join(["body", *known]),
            f"Send {{{fields}}} with texts alone.",
        ) from error


def _number(call: Call) -> int:
    given = str(call.parts["number"])
    if not given.isdecimal() or len(given) > NUMBER_CHARS:
        _no_such_request()
    return int(given)


def _no_such_request() -> NoReturn:
    raise RefusedError(HTTPStatus.NOT_FOUND, "a request that is not this account's", "the path", "Ask first.")


def _unreadable(error: BadQuestionError) -> NoReturn:
    where = error.field if error.field in {"purpose", "why"} else "params"
    what = "Correct it, and send it again."
    noted = "what was sent cannot be read" if error.logged is None else None
    raise RefusedError(_UNREADABLE, error.says, where, what, noted=noted) from error


def _not_so(error: NotAnsweredError, where: str) -> NoReturn:
    raise RefusedError(_NOT_NOW, error.says, where, "See what the detail says.", noted=None) from error


def _waits(error: NeedsApprovalError) -> Response:
    return _pending(HTTPStatus.ACCEPTED, error.logged or 0, "waiting", error.says)


def _pending(status: HTTPStatus, number: int, state: str, says: str) -> Response:
    place = f"{ROOT}/requests/{number}"
    held = Pending(request=number, state=state, location=place, says=says)
    return JSONResponse(held.model_dump(), int(status), headers={"location": place})
