"""The application: every page behind the door, under the rule that the table of roles gives it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from broker.board.node import BoardHome
from broker.board.pages.answers import Answers
from broker.board.pages.api import Api
from broker.board.pages.api_refusals import before_asking, for_programs
from broker.board.pages.approvals import ApprovalsPage
from broker.board.pages.ask import AskPage
from broker.board.pages.child import ChildPage
from broker.board.pages.desk import Desk
from broker.board.pages.integrity import IntegrityPage
from broker.board.pages.overview import OverviewPage
from broker.board.pages.past import PastPage
from broker.board.pages.roles import ACCESS, MENU, Page, role_names
from broker.board.pages.standing import DECISIONS, SILENCE, StandingPage
from broker.clock import Clock
from broker.errors import UnavailableError
from broker.pages.bearer import Bearers
from broker.pages.door import PURPOSE, Answer, Door, Visit, see
from broker.pages.headers import Guarded
from broker.pages.layout import Layout, static_folder
from broker.pages.limits import Limits, Rate
from broker.pages.sessions import Lifetime, Seconds, Sessions
from broker.pages.signing_in import Local, Provider, SigningIn
from broker.store.audit.store import AuditStore

_log = structlog.get_logger()

FORMS: Final = Rate(burst=30, every_s=2.0)
SIGN_INS: Final = Rate(burst=20, every_s=6.0)
STRANGERS: Final = Rate(burst=30, every_s=10.0)
"""How many refusals of people who are not signed in are recorded one by one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the pages are served. ``origin`` is scheme, host and port as browsers see them."""

    origin: str
    provider: Provider | None = None
    local: Local | None = None
    bearers: Bearers | None = None
    """Checks the tokens of programs. None: there is no interface for programs."""
    lifetime: Lifetime = field(default_factory=Lifetime)
    forms: Rate = FORMS
    sign_ins: Rate = SIGN_INS
    strangers: Rate = STRANGERS


def make_app(
    home: BoardHome, store: AuditStore, settings: Settings, *, clock: Clock, seconds: Seconds
) -> Starlette:
    """Everything put together; nothing listens yet."""
    tls = settings.origin.startswith("https://")
    cookie = "__Host-handrail" if tls else "handrail"
    local = settings.local is not None
    layout = Layout("broker.board.pages", _standing(home, local=local))
    desk = Desk(home, store, layout, clock, Limits(seconds, settings.strangers), local)
    sessions = Sessions(seconds, settings.lifetime)
    door = Door(
        sessions=sessions,
        cookie=cookie,
        origin=settings.origin,
        limits=Limits(seconds, settings.forms),
        refused=desk.refused,
    )
    signing = SigningIn(
        sessions=sessions,
        door=door,
        cookie=cookie,
        origin=settings.origin,
        provider=settings.provider,
        local=settings.local,
        limits=Limits(seconds, settings.sign_ins),
        show=desk.stranger_page,
        noted=desk.note,
    )
    host = urlsplit(settings.origin).hostname or "localhost"
    api = (
        []
        if settings.bearers is None
        else Api(desk, settings.bearers, Limits(seconds, settings.forms)).routes()
    )
    return Starlette(
        routes=[*api, *_signing_routes(signing), *_pages(door, desk), _static()],
        middleware=[
            Middleware(Guarded, tls=tls, told=_told),
            Middleware(TrustedHostMiddleware, allowed_hosts=[host], www_redirect=False),
        ],
        exception_handlers={HTTPException: _gone(desk), UnavailableError: _no_record(desk)},
    )


def _pages(door: Door, desk: Desk) -> list[Route]:
    answers = Answers(desk)
    child, asking = ChildPage(desk, answers), AskPage(desk, answers)
    past = PastPage(desk)

    def route(path: str, page: Page, answer: Answer, *, form: bool = False) -> Route:
        methods = ["GET", "POST"] if form else ["GET"]
        return Route(path, door.page(page.value, ACCESS[page], answer), methods=methods)

    return [
        route("/", Page.HOME, _home),
        route("/purpose", Page.PURPOSE, _purpose(desk), form=True),
        route("/overview", Page.OVERVIEW, OverviewPage(desk).show),
        route("/child", Page.CHILD, child.show, form=True),
        route("/silence", Page.SILENCE, StandingPage(desk, SILENCE).show),
        route("/decisions", Page.DECISIONS, StandingPage(desk, DECISIONS).show),
        route("/integrity", Page.INTEGRITY, IntegrityPage(desk).show, form=True),
        route("/ask", Page.ASK, asking.choose),
        route("/ask/{key}", Page.ASK, asking.one, form=True),
        route("/answers/{handle}", Page.ANSWER, answers.show),
        route("/answers/{handle}/{form}", Page.ANSWER, answers.file),
        route("/approvals", Page.APPROVALS, ApprovalsPage(desk).show, form=True),
        route("/questions", Page.QUESTIONS, past.mine),
        route("/all-questions", Page.EVERYBODYS_QUESTIONS, past.everybody),
    ]


def _home(visit: Visit) -> Response:
    """To the first page that the person's roles see."""
    return see(
        next(f"/{page}" for page, _ in MENU if (ACCESS[page].roles or frozenset()) & visit.person.roles)
    )


def _purpose(desk: Desk) -> Answer:
    def purpose(visit: Visit) -> Response:
        if visit.form is None:
            return desk.page(visit, "purpose.html", None, typed=visit.purpose)
        typed = visit.form.get("purpose", "").strip()
        if not typed:
            errors = [{"text": "Say why you are looking", "href": "#purpose"}]
            return desk.page(visit, "purpose.html", None, status=422, typed="", errors=errors)
        visit.session.memory[PURPOSE] = typed
        return see("/")

    return purpose


def _signing_routes(signing: SigningIn) -> list[Route]:
    return [
        Route("/sign-in", signing.begin),
        Route("/sign-in/provider", signing.to_provider),
        Route("/sign-in/back", signing.back),
        Route("/sign-in/local/{token}", signing.local, methods=["GET", "POST"]),
        Route("/sign-out", signing.out, methods=["POST"]),
    ]


def _static() -> Mount:
    return Mount("/static", StaticFiles(directory=static_folder()), name="static")


def _standing(home: BoardHome, *, local: bool) -> dict[str, object]:
    member = home.directory().member(home.board)
    name = member.name if member is not None else home.board
    return {
        "service": "Who knew what, when",
        "local_sign_in": local,
        "footer": f"{name}. This node holds who shared what kind of thing, when and why; never what was said.",
        "role_names_of": role_names,
    }


def _no_record(desk: Desk) -> Callable[[Request, Exception], Response]:
    """The disk took no record of a question: then it is not answered."""

    def no_record(_request: Request, error: Exception) -> Response:
        _log.error("question-not-recorded", why=str(error))
        return desk.stranger_page(
            "message.html",
            status=503,
            heading="Not now",
            lines=[
                "This node could not record what you asked, so nothing is shown. Try again in a minute.",
                "If it goes on, tell the operator: the reason stands in the node’s log.",
            ],
            link={"href": "/", "text": "To the first page"},
        )

    return no_record


def _told(path: str, status: int, text: str) -> Response:
    """What stopped a request before any page saw it, or broke it."""
    return before_asking(status) if for_programs(path) else PlainTextResponse(text, status)


def _gone(desk: Desk) -> Callable[[Request, Exception], Response]:
    def gone(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 400
        if for_programs(request.url.path):
            return before_asking(status, error.headers if isinstance(error, HTTPException) else None)
        heading = {404: "There is no such page", 405: "That cannot be done here"}.get(
            status, "That did not work"
        )
        return desk.stranger_page(
            "message.html",
            status=status,
            heading=heading,
            lines=["If you typed the address, check it."],
            link={"href": "/", "text": "To the first page"},
        )

    return gone
