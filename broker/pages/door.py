"""What every request passes before a page may answer it, in this order. Each refusal is told to the application.

1. The session of the cookie, if there is one; a page that asks for no more is answered.
2. Nobody is signed in: to the sign-in, and a cookie that is no session's is noted.
3. The person's roles must contain one that this page is for.
4. Nothing is asked by address: a query string is refused, whatever it says.
5. A form must come from this very site, carry the session's own secret, and not come too often.
6. A page that looks something up needs a purpose first.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker.pages.limits import Limits
from broker.pages.sessions import Person, Session, Sessions

PURPOSE: Final = "purpose"
"""Under this name a session remembers why its person is looking."""

_FIELDS: Final = 40
_FIELD_CHARS: Final = 2000


class Refusal(StrEnum):
    """Why a request is not answered."""

    NOT_SIGNED_IN = "nobody is signed in"
    FORGED = "a cookie that belongs to no session"
    ROLE = "not for this role"
    BY_ADDRESS = "a question by address"
    OTHER_SITE = "a form that another site sent"
    NO_SECRET = "a form without the secret of its session"  # noqa: S105  a sentence
    TOO_OFTEN = "too often"
    NO_PURPOSE = "no purpose"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a page asks of whoever opens it. ``roles`` None: of anybody."""

    roles: frozenset[str] | None
    purpose: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that has passed the door. ``form`` is None where nothing was sent."""

    session: Session
    person: Person
    form: Mapping[str, str] | None
    parts: Mapping[str, str]

    @property
    def purpose(self) -> str:
        """Why this person is looking."""
        return str(self.session.memory.get(PURPOSE, ""))


Answer: TypeAlias = Callable[[Visit], Response]
Refused: TypeAlias = Callable[[Refusal, str, Person | None], Response]
"""Makes the page that tells of a refusal, and records it: why, the page's name, and who."""


@dataclass(frozen=True, slots=True)
class Knock:
    """What is known of a request before anything is decided."""

    person: Person | None
    cookie: bool
    """Whether a cookie of ours came at all."""
    posted: bool
    query: bool
    origin_ok: bool
    secret_ok: bool
    in_time: bool
    """It does not come too often."""
    purpose: bool


def judge(rule: Rule, knock: Knock) -> Refusal | None:
    """Whether the page may answer; the numbers are those of the module's words."""
    if knock.person is None:  # 2
        return Refusal.FORGED if knock.cookie else Refusal.NOT_SIGNED_IN
    if rule.roles is not None and not rule.roles & knock.person.roles:  # 3
        return Refusal.ROLE
    if knock.query:  # 4
        return Refusal.BY_ADDRESS
    if knock.posted:  # 5
        if not knock.origin_ok:
            return Refusal.OTHER_SITE
        if not knock.secret_ok:
            return Refusal.NO_SECRET
        if not knock.in_time:
            return Refusal.TOO_OFTEN
    if rule.purpose and not knock.purpose:  # 6
        return Refusal.NO_PURPOSE
    return None


class Door:
    """Puts the checks before a page."""

    def __init__(
        self, *, sessions: Sessions, cookie: str, origin: str, limits: Limits, refused: Refused
    ) -> None:
        self._sessions = sessions
        self._cookie = cookie
        self._origin = origin
        self._limits = limits
        self._refused = refused

    def session(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        return self._sessions.find(request.cookies.get(self._cookie))

    def page(self, name: str, rule: Rule, answer: Answer) -> Callable[[Request], object]:
        """The endpoint of a page. ``answer`` may block: it runs on a thread of its own."""

        async def endpoint(request: Request) -> Response:
            session = self.session(request)
            form = await read_form(request) if request.method == "POST" else None
            refusal = judge(rule, self._knock(request, session, form))
            if refusal is not None:
                return await run_in_threadpool(
                    self._refused, refusal, name, session.person if session else None
                )
            assert session is not None
            assert session.person is not None
            visit = Visit(session, session.person, form, dict(request.path_params))
            return await run_in_threadpool(answer, visit)

        return endpoint

    def _knock(self, request: Request, session: Session | None, form: Mapping[str, str] | None) -> Knock:
        person = session.person if session else None
        client = request.client.host if request.client else "unknown"
        return Knock(
            person=person,
            cookie=self._cookie in request.cookies,
            posted=form is not None,
            query=bool(request.url.query),
            origin_ok=same_origin(request.headers, self._origin),
            secret_ok=session is not None and has_secret(session, form),
            in_time=form is None or self._limits.allow(person.subject if person else client),
            purpose=session is not None and bool(session.memory.get(PURPOSE)),
        )


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, each once, none too long. Raises HTTPException where it is not such a form."""
    async with request.form(max_files=0, max_fields=_FIELDS) as form:
        fields: dict[str, str] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile) or name in fields or len(value) > _FIELD_CHARS:
                raise HTTPException(400)
            fields[name] = value
        return fields


def same_origin(headers: Mapping[str, str], origin: str) -> bool:
    """Whether a browser says that its own page of this site sent the form. A browser says so always, in one way."""
    sent = headers.get("origin")
    return sent == origin if sent is not None else headers.get("sec-fetch-site") == "same-origin"


def has_secret(session: Session, form: Mapping[str, str] | None) -> bool:
    """Whether a form carries its session's own secret."""
    return form is not None and hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode())


def see(path: str) -> RedirectResponse:
    """Go on to another page, by GET."""
    return RedirectResponse(path, 303)
