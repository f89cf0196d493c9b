"""The headers of every answer, and the longest body that is read. No script, style or frame comes from elsewhere."""

import traceback
from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # A referrer would tell another site which page somebody came from; within this one it proves a form's origin.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-robots-tag": "noindex, nofollow",
}
_MOST_BYTES: Final = 64 * 1024


class Guarded:
    """Sets the headers of every answer. What is not a static file may be kept by nobody.

    ``told`` makes the answer where no page can: from the path, the status, and a sentence.
    """

    def __init__(self, app: ASGIApp, *, tls: bool, told: Callable[[str, int, str], Response]) -> None:
        self._app = app
        self._tls = tls
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                headers["cache-control"] = "max-age=3600" if static else "no-store"
                if self._tls:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        if not _fits(Headers(scope=scope)):
            long = self._told(scope["path"], 413, "That is more than any form here sends.")
            await long(scope, receive, guarded)
            return
        try:
            await self._app(scope, _counted(receive), guarded)
        except Exception as error:  # noqa: BLE001  the top of one request
            # What was asked, and of whom, stays out of the log: the kind of fault and its place go in.
            _log.error("page-broken", error=type(error).__name__, at=_place(error))
            if not begun:
                said = "Something is broken here. Nothing was shown. Tell the operator."
                await self._told(scope["path"], 500, said)(scope, receive, guarded)


def _place(error: Exception) -> str:
    """Where in our own code it was raised last."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"


def _fits(headers: Headers) -> bool:
    length = headers.get("content-length", "0")
    return length.isdecimal() and int(length) <= _MOST_BYTES


def _counted(receive: Receive) -> Receive:
    """The body as it comes; one that does not say its length and goes on for ever is cut off."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > _MOST_BYTES else message

    return counted
