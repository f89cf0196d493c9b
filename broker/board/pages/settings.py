"""What an operator says about the pages: ``pages.toml`` in the board's home, and the options of the command."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from broker.board.pages.app import Settings
from broker.board.pages.roles import ROLE_NAMES, Role
from broker.board.pages.serving import Listening
from broker.errors import ConfigurationError
from broker.pages.bearer import Bearers
from broker.pages.sessions import Person
from broker.pages.signing_in import LOCAL_HOSTS, Local, Provider

FILE: Final = "pages.toml"
_KEYS: Final = {"origin", "sign_in", "api"}
_API: Final = {"audience"}
_SIGN_IN: Final = {"issuer", "client_id", "client_secret_file", "roles_claim", "roles"}


def read_settings(
    home: Path,
    listening: Listening,
    port: int,
    *,
    local_sign_in: bool,
    announce: Callable[[str, Person], None] = lambda _link, _person: None,
) -> Settings:
    """Settings for a node that listens on ``port``. ``announce`` is told each one-time link, where there are any.

    Raises:
        ConfigurationError: something is missing, unknown or unsafe; says what to write where.
    """
    written = _read(home / FILE)
    origin = str(written.get("origin") or listening.origin(port)).rstrip("/")
    there = urlsplit(origin)
    near = listening.host in LOCAL_HOSTS and there.hostname in LOCAL_HOSTS
    if there.scheme != "https" and not near:
        raise ConfigurationError(
            f"{origin} is not https. Without TLS the pages are for this machine alone: give --certificate and --key, "
            "or put a proxy with TLS before them and write its address as origin into pages.toml"
        )
    if local_sign_in and not near:
        raise ConfigurationError(
            "--local-sign-in believes whoever has the link: it is for this machine alone, not for "
            + (there.hostname or origin)
        )
    provider = _provider(home, written["sign_in"]) if "sign_in" in written else None
    if provider is None and not local_sign_in:
        raise ConfigurationError(
            f"nobody could sign in: write [sign_in] into {home / FILE} (see docs/board.md), or for a demonstration "
            "with fictitious people give --local-sign-in"
        )
    local = None
    if local_sign_in:
        local = Local(lambda token, person: announce(f"{origin}/sign-in/local/{token}", person))
        for role in Role:
            local.offer(Person(f"local-{role}", f"Demo {ROLE_NAMES[role]}", frozenset({role})))
    return Settings(origin, provider, local, _bearers(home, written, provider))


def _bearers(home: Path, written: dict[str, Any], provider: Provider | None) -> Bearers | None:
    """Who checks the tokens of programs, where ``[api]`` says for whom they are signed."""
    if "api" not in written:
        return None
    path = home / FILE
    _known(written["api"], _API, path)
    audience = str(written["api"].get("audience") or "")
    if provider is None or not audience or audience == provider.client_id:
        raise ConfigurationError(
            f"{path}: [api] needs [sign_in] and an audience of its own, not the client_id of the pages"
        )
    return Bearers(provider, audience)


def _read(path: Path) -> dict[str, Any]:
    try:
        # Some editors begin a file with a mark of its encoding.
        written = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not text in UTF-8: save it anew with that encoding") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    _known(written, _KEYS, path)
    return written


def _provider(home: Path, written: dict[str, Any]) -> Provider:
    path = home / FILE
    _known(written, _SIGN_IN, path)
    missing = sorted(_SIGN_IN - set(written))
    if missing:
        raise ConfigurationError(f"{path}: [sign_in] lacks {', '.join(missing)}")
    roles = {str(value): str(role) for value, role in written["roles"].items()}
    strange = sorted(set(roles.values()) - set(Role))
    if strange:
        raise ConfigurationError(f"{path}: no such role: {', '.join(strange)}; there are {', '.join(Role)}")
    secret = home / str(written["client_secret_file"])
    try:
        client_secret = secret.read_text().strip()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{secret} is missing: the secret that the provider gave this client"
        ) from error
    return Provider(
        issuer=str(written["issuer"]).rstrip("/"),
        client_id=str(written["client_id"]),
        client_secret=client_secret,
        roles_claim=str(written["roles_claim"]),
        roles=roles,
    )


def _known(written: dict[str, Any], keys: set[str], path: Path) -> None:
    unknown = sorted(set(written) - keys)
    if unknown:
        raise ConfigurationError(
            f"{path} does not know {', '.join(unknown)}; it knows {', '.join(sorted(keys))}"
        )
