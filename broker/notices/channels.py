"""The wires that a notice goes over: SMTP and webhook, with TLS; configured in one file, nothing of it in the code.

A contact is a mail address, an ``https`` address, or something that only a person can use (a telephone number): the
last is refused as ``no-channel``, and stays visible until somebody else sees to it.
"""

import hashlib
import hmac
import ipaddress
import json
import smtplib
import socket
import ssl
import time
import tomllib
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from broker.errors import ConfigurationError, UnavailableError
from broker.notices.words import Message

_PATIENCE_S: Final = 15.0
SIGNATURE: Final = "Handrail-Signature"
"""``t=SECONDS,v1=HEX``: HMAC-SHA-256 under the shared secret over ``SECONDS.`` and the body."""


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Smtp(_Config):
    """A mail server. Without TLS only on this machine."""

    host: str
    port: int = Field(default=587, ge=1, le=65_535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    sender: str
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _is_guarded(self) -> "Smtp":
        if self.tls == "none" and not _loopback(self.host):
            raise ValueError("a mail server on another machine needs TLS")
        return self


class Webhook(_Config):
    """How to sign for a web address."""

    secret_file: Path
    ca_file: Path | None = None


class ChannelSettings(_Config):
    """The whole file."""

    where: str = "handrail handover list"
    pace_minutes: int = Field(default=15, ge=0, le=1_440)
    smtp: Smtp | None = None
    webhook: Webhook | None = None


class NotSentError(UnavailableError):
    """A notice could not be handed over; it is tried again. The code says why, and never what or to whom."""

    def __init__(self, code: str) -> None:
        super().__init__(f"a notice was not sent: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Channels:
    """Sends a message over the wire that its contact calls for."""

    settings: ChannelSettings

    @classmethod
    def read(cls, path: Path) -> "Channels":
        """From a TOML file; no file: nothing can be sent, which each notice then says.

        Raises:
            ConfigurationError: the file is not right.
        """
        try:
            found = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
            return cls(ChannelSettings.model_validate(found))
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path} is not TOML: {error}") from error
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise ConfigurationError(f"{path}: {place}: {first['msg']}") from error

    def deliver(self, message: Message) -> None:
        """Hand a message over; blocks for up to some seconds. On return the other side has taken it.

        Raises:
            NotSentError: it has not, or nobody knows.
        """
        smtp, webhook = self.settings.smtp, self.settings.webhook
        address = message.contact.removeprefix("mailto:")
        if not message.contact:
            raise NotSentError("no-contact")
        if message.contact.startswith(("https://", "http://")) and webhook is not None:
            _post(webhook, message)
        elif "@" in address and "/" not in address and smtp is not None:
            _mail(smtp, address, message)
        else:
            raise NotSentError("no-channel")


def _mail(smtp: Smtp, address: str, message: Message) -> None:
    mail = EmailMessage()
    try:
        mail["From"], mail["To"], mail["Subject"] = smtp.sender, address, message.subject
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="handrail.invalid")
        mail.set_content(message.text)
        with _server(smtp) as server:
            if smtp.tls == "starttls":
                server.starttls(context=_trust(smtp.ca_file))
            if smtp.user is not None and smtp.password_file is not None:
                server.login(smtp.user, _secret(smtp.password_file).decode())
            server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        raise NotSentError(f"smtp-{error.smtp_code}") from error
    except ssl.SSLError as error:
        raise NotSentError("tls") from error
    except (smtplib.SMTPException, ValueError) as error:
        raise NotSentError(f"smtp-{type(error).__name__}") from error
    except OSError as error:
        raise NotSentError(_why(error)) from error


def _server(smtp: Smtp) -> smtplib.SMTP:
    # Its own name is nobody's business: the machine's might tell what it is for.
    name = "handrail.invalid"
    if smtp.tls == "implicit":
        return smtplib.SMTP_SSL(
            smtp.host, smtp.port, local_hostname=name, timeout=_PATIENCE_S, context=_trust(smtp.ca_file)
        )
    return smtplib.SMTP(smtp.host, smtp.port, local_hostname=name, timeout=_PATIENCE_S)


def _post(webhook: Webhook, message: Message) -> None:
    target = urlsplit(message.contact)
    if target.scheme != "https" and not _loopback(target.hostname or ""):
        raise NotSentError("no-tls")
    try:
        body = json.dumps(message.document, sort_keys=True).encode()
        secret = _secret(webhook.secret_file)
        headers = {"Content-Type": "application/json", SIGNATURE: signature(secret, body, int(time.time()))}
        request = urllib.request.Request(message.contact, body, headers, method="POST")  # noqa: S310  checked above
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=_trust(webhook.ca_file)), _NoRedirect()
        )
        with opener.open(request, timeout=_PATIENCE_S):
            pass
    except urllib.error.HTTPError as error:
        raise NotSentError(f"http-{error.code}") from error
    except OSError as error:
        raise NotSentError(_why(error)) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An address that sends us elsewhere is not the one that the member published."""

    def redirect_request(self, *_: Any) -> None:
        """Never."""


def signature(secret: bytes, body: bytes, at: int) -> str:
    """The value of the signature header."""
    mac = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def _secret(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise NotSentError("secret-open-to-others")
    return path.read_bytes().strip()


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _why(error: OSError) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLError):
        return "tls"
    if isinstance(cause, TimeoutError | socket.timeout):
        return "timeout"
    return "no-connection" if isinstance(cause, OSError) else "unknown"
