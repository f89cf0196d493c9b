"""A real mail server and a real web server on this machine, for what a program sends to people."""

import email
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from broker.crypto.certificates import issue, make_authority


@dataclass(slots=True)
class Mailbox:
    """What a mail server took. ``refuse``: the answer to every message from now on, instead of taking it."""

    port: int = 0
    refuse: str | None = None
    mails: list[Message] = field(default_factory=list)
    to: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  the library's name
        """Take one message."""
        if self.refuse:
            return self.refuse
        self.to += envelope.rcpt_tos
        self.mails.append(email.message_from_bytes(envelope.original_content or b""))
        return "250 taken"

    @property
    def texts(self) -> list[str]:
        """The words of each message."""
        return [mail.get_payload(decode=True).decode() for mail in self.mails]  # type: ignore[union-attr]


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, password: str | None = None
) -> Iterator[Mailbox]:
    """A mail server on a free port; with ``tls`` it takes nothing without."""
    box = Mailbox()

    def allow(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        return AuthResult(success=data.password == (password or "").encode(), handled=False)

    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=0,
        ssl_context=tls if implicit else None,
        tls_context=None if implicit else tls,
        require_starttls=tls is not None and not implicit,
        auth_required=password is not None,
        authenticator=allow if password is not None else None,
    )
    controller.port = _free_port()
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@dataclass(slots=True)
class Hook:
    """What a web server was sent: path, headers, body. ``status``: what it answers."""

    url: str = ""
    status: int = 204
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The bodies as JSON."""
        return [json.loads(body) for _, _, body in self.posts]


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """A web server on a free port."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.path, dict(self.headers), body))
            self.send_response(hook.status)
            if 300 <= hook.status < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    hook.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/notices"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS on loopback, and the authority that its clients must trust."""
    now = datetime.now(UTC)
    authority = folder / "authority"
    make_authority(authority, "example authority", now)
    files = issue(authority, folder / "server", "localhost", now, server=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context, authority / "ca.pem"


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
