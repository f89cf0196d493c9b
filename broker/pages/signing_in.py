"""Signing in: OpenID Connect (authorisation code, PKCE, state, nonce) through Authlib; or, for a demonstration, a link.

What is believed of a person is what the provider signed: subject, name, and the claim that holds the roles. An unknown
value of that claim gives no role, and a person without a role sees nothing.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from broker.pages.door import Door, has_secret, read_form, same_origin, see
from broker.pages.limits import Limits
from broker.pages.sessions import Person, Sessions

_log = structlog.get_logger()

LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NAME_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of identities, as configured. ``roles`` gives our role for a value of the claim."""

    issuer: str
    client_id: str
    client_secret: str
    roles_claim: str
    roles: Mapping[str, str]
    scope: str = "openid profile"

    def person(self, claims: Mapping[str, Any]) -> Person:
        """Whom the provider's signed claims describe."""
        subject = str(claims["sub"])
        name = str(claims.get("name") or claims.get("preferred_username") or subject)
        held = claims.get(self.roles_claim, ())
        values = [held] if isinstance(held, str) else [one for one in held if isinstance(one, str)]
        roles = frozenset(self.roles[value] for value in values if value in self.roles)
        return Person(printable(subject), printable(name), roles)


class Local:
    """One-time links for a demonstration. A link that was used is followed by a fresh one for the same person.

    ``announce`` is told the token of each link, and whom it signs in, from ``announce_all`` on.
    """

    def __init__(self, announce: Callable[[str, Person], None]) -> None:
        self._announce = announce
        self._announced = False
        self._offered: dict[str, Person] = {}

    def offer(self, person: Person) -> str:
        """A fresh link's token."""
        token = secrets.token_urlsafe(24)
        self._offered[token] = person
        if self._announced:
            self._announce(token, person)
        return token

    def announce_all(self) -> None:
        """Tell every link that is there, and from here on every new one."""
        self._announced = True
        for token, person in self._offered.items():
            self._announce(token, person)

    def person(self, token: str) -> Person | None:
        """Whom a token signs in, if it has not been used."""
        return self._offered.get(token)

    def use(self, token: str) -> bool:
        """Use a link up. False: somebody else was faster."""
        person = self._offered.pop(token, None)
        if person is not None:
            self.offer(person)
        return person is not None


def printable(text: str) -> str:
    """A name as it may be shown and recorded: members of staff choose their own."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)[:_NAME_CHARS]


class SigningIn:
    """The pages around a session's begin and end. ``show`` makes a page of the toolkit's own templates."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        door: Door,
        cookie: str,
        origin: str,
        provider: Provider | None,
        local: Local | None,
        limits: Limits,
        show: Callable[..., Response],
        noted: Callable[[str, Person | None], None],
    ) -> None:
        self._sessions = sessions
        self._door = door
        self._cookie = cookie
        self._origin = origin
        self._provider = provider
        self._local = local
        self._limits = limits
        self._show = show
        self._noted = noted
        self._client = None if provider is None else _client(provider)

    async def begin(self, request: Request) -> Response:
        """The page that offers to sign in."""
        session = self._door.session(request)
        if session is not None and session.person is not None:
            return see("/")
        return self._show("sign_in.html", provider=self._provider is not None)

    async def to_provider(self, request: Request) -> Response:
        """To the provider, with a fresh session of a stranger that remembers state, nonce and verifier."""
        if self._client is None:
            return self._failed("No provider of identities is configured.", 404)
        if not self._limits.allow(_client_of(request)):
            return self._failed("Too many attempts to sign in from here. Wait a minute.", 429)
        cookie, session = self._sessions.open()
        request.scope["session"] = session.protocol
        try:
            answer: Response = await self._client.authorize_redirect(request, f"{self._origin}/sign-in/back")
        except (httpx2.HTTPError, OAuthError, RuntimeError, ValueError) as error:
            _log.warning("sign-in-provider-away", error=type(error).__name__)
            return self._failed("The provider of identities cannot be reached. Try again later.", 503)
        self._give(answer, cookie)
        return answer

    async def back(self, request: Request) -> Response:
        """From the provider, with a code. Whoever did not set out from here is sent away."""
        stranger = self._door.session(request)
        if self._client is None or self._provider is None or stranger is None or stranger.person is not None:
            return await self._refuse("a sign-in that did not begin here")
        request.scope["session"] = stranger.protocol
        try:
            token = await self._client.authorize_access_token(request)
            person = self._provider.person(token["userinfo"])
        except (
            httpx2.HTTPError,
            OAuthError,
            JoseError,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
        ) as error:
            _log.warning("sign-in-refused", error=type(error).__name__)
            return self._take(await self._refuse("a sign-in that the provider did not confirm"))
        finally:
            self._sessions.close(stranger)
        return await self._enter(person)

    async def local(self, request: Request) -> Response:
        """A demonstration's one-time link. It signs in when its form is sent, so that no preview uses it up."""
        token = str(request.path_params["token"])
        if not self._limits.allow(_client_of(request)):
            return self._failed("Too many attempts to sign in from here. Wait a minute.", 429)
        person = None if self._local is None else self._local.person(token)
        if self._local is None or person is None:
            return await self._refuse("a sign-in link that is unknown or used up")
        if request.method == "POST":
            session, form = self._door.session(request), await read_form(request)
            if (
                session is None
                or not has_secret(session, form)
                or not same_origin(request.headers, self._origin)
            ):
                return await self._refuse("a sign-in form that was not sent from here")
            self._sessions.close(session)
            if not self._local.use(token):
                return await self._refuse("a sign-in link that is unknown or used up")
            return await self._enter(person)
        cookie, session = self._sessions.open()
        page = self._show("local_sign_in.html", offered=person, csrf=session.csrf)
        self._give(page, cookie)
        return page

    async def out(self, request: Request) -> Response:
        """End the session."""
        session = self._door.session(request)
        if session is not None:
            form = await read_form(request)
            if not has_secret(session, form) or not same_origin(request.headers, self._origin):
                return await self._refuse("a form to sign out that was not sent from here")
            if session.person is not None:
                await run_in_threadpool(self._noted, "signed out", session.person)
            self._sessions.close(session)
        page = self._show("signed_out.html", elsewhere=await self._elsewhere())
        return self._take(page)

    async def _elsewhere(self) -> str | None:
        """Where the provider's own session ends, if it says so: signing out here does not end it."""
        if self._client is None:
            return None
        try:
            address = str((await self._client.load_server_metadata()).get("end_session_endpoint") or "")
        except (httpx2.HTTPError, RuntimeError, ValueError):
            return None
        return address if address.startswith(("https://", "http://127.0.0.1", "http://localhost")) else None

    async def _enter(self, person: Person) -> Response:
        """A new session with a new cookie: one that a stranger may have planted is worth nothing."""
        if not person.roles:
            await run_in_threadpool(self._noted, "refused: signed in without a role here", person)
            return self._take(
                self._failed(
                    "Your account has no role at this node. Ask the partnership’s business manager.", 403
                )
            )
        cookie, _ = self._sessions.open(person)
        await run_in_threadpool(self._noted, "signed in", person)
        answer = see("/")
        self._give(answer, cookie)
        return answer

    async def _refuse(self, why: str) -> Response:
        await run_in_threadpool(self._noted, f"refused: {why}", None)
        return self._failed("That did not work: the sign-in did not begin here, or has been used.", 403)

    def _failed(self, why: str, status: int) -> Response:
        return self._show(
            "message.html",
            status=status,
            heading="You are not signed in",
            lines=[why],
            link={"href": "/sign-in", "text": "Sign in"},
        )

    def _give(self, answer: Response, cookie: str) -> None:
        answer.set_cookie(self._cookie, cookie, path="/", secure=self._tls, httponly=True, samesite="lax")

    def _take(self, answer: Response) -> Response:
        answer.delete_cookie(self._cookie, path="/", secure=self._tls, httponly=True, samesite="lax")
        return answer

    @property
    def _tls(self) -> bool:
        return self._origin.startswith("https://")


def _client(provider: Provider) -> Any:
    """Authlib's client. Its state lives in the session that it is handed, which never leaves this process."""
    host = urlsplit(provider.issuer)
    if host.scheme != "https" and host.hostname not in LOCAL_HOSTS:
        raise ValueError(f"the issuer {provider.issuer} must be reached by https")
    return OAuth().register(
        "provider",
        server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        client_kwargs={"scope": provider.scope, "code_challenge_method": "S256", "timeout": 10},
    )


def _client_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"
