"""What an operator may say about the pages; what is unsafe is refused with a sentence."""

from pathlib import Path

import pytest

from broker.board.pages.roles import Role
from broker.board.pages.serving import Listening
from broker.board.pages.settings import FILE, read_settings
from broker.errors import ConfigurationError
from broker.pages.sessions import Person

_GOOD = """
origin = "https://board.example"

[sign_in]
issuer = "https://login.example/"
client_id = "handrail-board"
client_secret_file = "secret"
roles_claim = "groups"

[sign_in.roles]
lscb-scrutineers = "scrutineer"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_text(_GOOD)
    (tmp_path / "secret").write_text("s3cret\n")
    return tmp_path


def test_a_provider_is_read(home: Path) -> None:
    settings = read_settings(home, Listening(), 8450, local_sign_in=False)

    assert settings.provider is not None
    assert ("https://login.example", "s3cret") == (settings.provider.issuer, settings.provider.client_secret)
    assert "https://board.example" == settings.origin
    assert settings.local is None


def test_roles_come_from_known_values_of_the_claim_only(home: Path) -> None:
    provider = read_settings(home, Listening(), 8450, local_sign_in=False).provider
    assert provider is not None

    held = [
        provider.person({"sub": "1", "groups": groups}).roles
        for groups in (["lscb-scrutineers", "x"], "lscb-scrutineers", ["scrutineer"], [], [7, None])
    ]
    assert [{Role.SCRUTINEER}, {Role.SCRUTINEER}, set(), set(), set()] == held
    assert frozenset() == provider.person({"sub": "1"}).roles


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("roles_claim", "role_claim"), "does not know role_claim"),
        (('client_id = "handrail-board"', ""), r"lacks client_id"),
        (('= "scrutineer"', '= "king"'), "no such role: king"),
        (('"secret"', '"other"'), "is missing"),
        (("origin =", "origin"), "is not TOML"),
        (("https://board", "http://board"), "is not https"),
    ],
)
def test_what_is_wrong_is_said(home: Path, change: tuple[str, str], says: str) -> None:
    (home / FILE).write_text(_GOOD.replace(*change))

    with pytest.raises(ConfigurationError, match=says):
        read_settings(home, Listening(), 8450, local_sign_in=False)


def test_without_tls_only_this_machine_is_served(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Without TLS the pages are for this machine alone"):
        read_settings(tmp_path, Listening("0.0.0.0"), 8450, local_sign_in=True)  # noqa: S104  what is refused


def test_local_sign_in_is_for_this_machine_alone(home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"for this machine alone, not for board\.example"):
        read_settings(home, Listening(), 8450, local_sign_in=True)


def test_without_any_way_to_sign_in_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nobody could sign in"):
        read_settings(tmp_path, Listening(), 8450, local_sign_in=False)


def test_a_link_for_each_role_works_once_and_is_followed_by_another(tmp_path: Path) -> None:
    said: list[tuple[str, Person]] = []
    settings = read_settings(
        tmp_path, Listening(), 8450, local_sign_in=True, announce=lambda link, who: said.append((link, who))
    )
    assert settings.local is not None
    assert [] == said
    settings.local.announce_all()

    assert set(Role) == {role for _, who in said for role in who.roles}
    token = said[0][0].rpartition("/")[2]
    settings.local.use(token)
    assert settings.local.person(token) is None
    assert said[0][1] == said[-1][1]
    assert said[0][0] != said[-1][0]


def test_programs_are_believed_for_an_audience_of_their_own_only(home: Path) -> None:
    written = home / FILE
    assert read_settings(home, Listening(), 8450, local_sign_in=False).bearers is None
    written.write_text(f'{_GOOD}\n[api]\naudience = "handrail-board"\n')
    with pytest.raises(ConfigurationError, match="an audience of its own"):
        read_settings(home, Listening(), 8450, local_sign_in=False)

    written.write_text(f'{_GOOD}\n[api]\naudience = "handrail-api"\n')
    assert read_settings(home, Listening(), 8450, local_sign_in=False).bearers is not None


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-32"])
def test_settings_saved_in_another_encoding_are_called_so(home: Path, encoding: str) -> None:
    (home / FILE).write_text(_GOOD + "# Kühn, the operator\n", encoding=encoding)

    with pytest.raises(ConfigurationError, match="is not text in UTF-8"):
        read_settings(home, Listening(), 8450, local_sign_in=False)


def test_a_mark_of_the_encoding_is_no_letter(home: Path) -> None:
    (home / FILE).write_text(_GOOD, encoding="utf-8-sig")

    assert "https://board.example" == read_settings(home, Listening(), 8450, local_sign_in=False).origin
