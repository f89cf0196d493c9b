"""Mail and web hooks over real TLS on this machine, and every way in which they are refused."""

import hashlib
import hmac
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final

import pytest

from broker.errors import ConfigurationError
from broker.notices.channels import SIGNATURE, Channels, ChannelSettings, NotSentError
from broker.notices.words import Message
from tests.support.listeners import certified, mail_server, web_server

MESSAGE: Final = Message("duty@example.org", "duty team", "Handrail: 1 thing owed", "words\n", {"owed": []})


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[SSLContext, Path]:
    return certified(tmp_path_factory.mktemp("tls"))


def channels(**settings: Any) -> Channels:
    return Channels(ChannelSettings.model_validate(settings))


def smtp(port: int, **more: Any) -> Channels:
    return channels(smtp={"host": "localhost", "port": port, "sender": "handrail@example.org", **more})


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
def test_mail_goes_over_tls(tls: tuple[SSLContext, Path], implicit: bool) -> None:
    with mail_server(tls[0], implicit=implicit) as box:
        smtp(box.port, tls="implicit" if implicit else "starttls", ca_file=tls[1]).deliver(MESSAGE)

        assert ["words\n"] == [text.replace("\r\n", "\n") for text in box.texts]
        assert ["duty@example.org"] == box.to


def test_mail_signs_in_where_the_server_wants_it(tls: tuple[SSLContext, Path], tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("example only\n")
    secret.chmod(0o600)
    with mail_server(tls[0], password="example only") as box:
        right = smtp(box.port, ca_file=tls[1], user="handrail", password_file=secret)
        right.deliver(MESSAGE)
        secret.write_text("wrong")

        with pytest.raises(NotSentError, match="smtp-535"):
            right.deliver(MESSAGE)
        assert 1 == len(box.mails)


def test_a_mail_server_with_another_authoritys_certificate_is_not_believed(
    tls: tuple[SSLContext, Path],
) -> None:
    with mail_server(tls[0]) as box:
        with pytest.raises(NotSentError, match="tls"):
            smtp(box.port).deliver(MESSAGE)
        assert [] == box.mails


def test_a_mail_server_that_offers_no_tls_gets_nothing() -> None:
    with mail_server() as box:
        with pytest.raises(NotSentError, match="smtp-SMTPNotSupportedError"):
            smtp(box.port).deliver(MESSAGE)
        assert [] == box.mails


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "hook.secret"
    path.write_text("example secret\n")
    path.chmod(0o600)
    return path


def hook(secret: Path, **more: Any) -> Channels:
    return channels(webhook={"secret_file": secret, **more})


def to(url: str) -> Message:
    return Message(url, "duty team", "", "", {"owed": [{"reference": "00010203"}]})


def test_a_web_hook_is_signed_under_the_shared_secret(tls: tuple[SSLContext, Path], secret: Path) -> None:
    with web_server(tls[0]) as web:
        hook(secret, ca_file=tls[1]).deliver(to(web.url))
        [(_, headers, body)] = web.posts
        stamp, mac = (item.split("=")[1] for item in headers[SIGNATURE].split(","))

        assert hmac.new(b"example secret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == mac
        assert [{"owed": [{"reference": "00010203"}]}] == web.documents


def test_a_secret_that_others_can_read_is_not_used(secret: Path) -> None:
    secret.chmod(0o640)
    with web_server() as web:
        with pytest.raises(NotSentError, match="secret-open-to-others"):
            hook(secret).deliver(to(web.url))
        assert [] == web.posts


@pytest.mark.parametrize(("status", "code"), [(500, "http-500"), (403, "http-403"), (302, "http-302")])
def test_an_answer_other_than_success_is_a_failure_and_no_redirect_is_followed(
    secret: Path, status: int, code: str
) -> None:
    with web_server() as web:
        web.status = status
        with pytest.raises(NotSentError, match=code):
            hook(secret).deliver(to(web.url))


def test_a_web_server_with_another_authoritys_certificate_is_not_believed(
    tls: tuple[SSLContext, Path], secret: Path
) -> None:
    with web_server(tls[0]) as web:
        with pytest.raises(NotSentError, match="tls"):
            hook(secret).deliver(to(web.url))
        assert [] == web.posts


@pytest.mark.parametrize(
    ("contact", "code"),
    [
        pytest.param("http://example.org/hook", "no-tls", id="no TLS to another machine"),
        pytest.param("https://127.0.0.1:9/hook", "no-connection", id="nobody listens"),
        pytest.param("01632 960001", "no-channel", id="a telephone"),
        pytest.param("duty@example.org", "no-channel", id="mail, and no mail server"),
        pytest.param("", "no-contact", id="nobody"),
    ],
)
def test_what_cannot_be_sent_says_why(secret: Path, contact: str, code: str) -> None:
    with pytest.raises(NotSentError, match=code):
        hook(secret).deliver(to(contact))


def test_an_address_cannot_bring_a_header_of_its_own(tls: tuple[SSLContext, Path]) -> None:
    odd = Message("duty@example.org\r\nBcc: other@example.org", "duty", "s", "t", {})
    with mail_server(tls[0]) as box:
        with pytest.raises(NotSentError, match="smtp-ValueError"):
            smtp(box.port, ca_file=tls[1]).deliver(odd)
        assert [] == box.mails


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("[smtp", "not TOML", id="not TOML"),
        pytest.param(
            '[smtp]\nhost = "mail.example.org"\nsender = "a@b"\ntls = "none"', "needs TLS", id="no TLS"
        ),
        pytest.param('[smtp]\nsender = "a@b"', "smtp.host", id="no host"),
        pytest.param("pace_minutes = -1", "pace_minutes", id="pace"),
        pytest.param("pacing = 1", "pacing", id="unknown"),
    ],
)
def test_settings_that_are_not_right_are_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "notices.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=why):
        Channels.read(path)
