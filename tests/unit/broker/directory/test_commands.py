"""``handrail directory`` from the outside: what it says, what it leaves on disk, what it refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker.crypto.directories import DirectoryBrokenError
from broker.crypto.keyring import load_keyring
from broker.directory.cli import directory
from broker.directory.errors import AlreadyThereError, ChangeRefusedError, NoDirectoryError, UnknownAreaError
from broker.directory.files import BusyError, locked, read_current
from broker.directory.inspection import FileRefusedError, HistoryBrokenError
from broker.directory.layout import Layout
from broker.errors import ConfigurationError
from schemas.directory import Directory

Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "exchange"


@pytest.fixture
def run(data: Path) -> Run:
    def command(name: str, *words: str) -> Result:
        return CliRunner().invoke(directory, [name, "--data", str(data), *words])

    return command


@pytest.fixture
def begun(run: Run) -> Run:
    assert 0 == run("init").exit_code
    return run


def add(run: Run, kind: str = "school", area: str = "E06000063", *more: str) -> dict[str, Any]:
    done = run("add-member", "--kind", kind, "--name", f"Example {kind}", "--area", area, "--json", *more)
    assert 0 == done.exit_code, done.exception
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def now_in(data: Path) -> Directory:
    return read_current(Layout(data))


def test_init_makes_roots_router_and_bus_and_says_where_the_roots_are(begun: Run, data: Path) -> None:
    held = now_in(data)

    assert (2, 3) == (held.roots.threshold, len(held.roots.keys))
    assert () == held.members
    assert (data / "nats" / "nats.conf").is_file()
    assert (data / "router" / "directory.bin").read_bytes() == (
        data / "directory" / "directory.bin"
    ).read_bytes()
    assert held.policy.rule("da.incident")


def test_a_second_init_is_refused(begun: Run) -> None:
    assert isinstance(begun("init").exception, AlreadyThereError)


def test_more_signatures_than_roots_are_refused(run: Run, data: Path) -> None:
    refused = run("init", "--roots", "2", "--threshold", "3")

    assert isinstance(refused.exception, ChangeRefusedError)
    assert not (data / "directory" / "directory.bin").exists()


def test_a_member_gets_a_home_with_everything_its_gateway_needs(begun: Run, data: Path) -> None:
    said = add(begun, "social_care", "E06000063", "--front-door", "--dpia", "DPIA-7")
    home = Path(said["home"])
    card = json.loads((home / "member.json").read_text())
    keys = load_keyring(home / "keys")
    member = now_in(data).member(said["member"])

    assert member
    assert (said["member"], "social_care", ["E06000063"], True) == (
        card["id"],
        card["kind"],
        card["areas"],
        card["front_door"],
    )
    assert {key.key_id for key in member.keys} == keys.signing.keys() | keys.kems.keys()
    assert 32 == len(keys.secret("vault"))
    assert "DPIA-7" == member.dpia_reference
    for name in ("user.seed", "client.pem", "client.key", "ca.pem"):
        assert (home / "nats" / name).is_file()


def test_every_home_has_the_newest_directory_after_each_change(begun: Run, data: Path) -> None:
    first = Path(add(begun)["home"])
    second = Path(add(begun, "police")["home"])
    newest = (data / "directory" / "directory.bin").read_bytes()

    assert newest == (first / "directory.bin").read_bytes()
    assert newest == (second / "directory.bin").read_bytes()


def test_all_members_share_the_token_secret_and_the_router_has_none(begun: Run, data: Path) -> None:
    homes = [Path(add(begun, kind)["home"]) for kind in ("school", "police")]
    secrets = {load_keyring(home / "keys").secret("token-1") for home in homes}

    assert 1 == len(secrets)
    assert not any(name.startswith("token") for name in load_keyring(data / "router" / "keys").secrets)


def test_no_private_file_may_be_read_by_others(begun: Run, data: Path) -> None:
    home = Path(add(begun)["home"])
    private = [
        *data.rglob("*.key"),
        *data.rglob("*.secret"),
        *data.rglob("*.seed"),
    ]

    assert 10 < len(private)
    assert [] == [path for path in private if path.stat().st_mode & 0o077]
    assert [] == [path.parent for path in private if path.parent.stat().st_mode & 0o077]
    (home / "keys").chmod(0o755)
    with pytest.raises(ConfigurationError, match="chmod 0700"):
        load_keyring(home / "keys")


def test_open_root_keys_sign_nothing(begun: Run, data: Path) -> None:
    key = next((data / "directory" / "roots" / "1").glob("*.key"))
    key.chmod(0o644)

    assert isinstance(begun("sign").exception, ConfigurationError)
    assert 1 == now_in(data).version


def test_too_few_roots_at_hand_sign_nothing(begun: Run, data: Path) -> None:
    shutil.rmtree(data / "directory" / "roots" / "1")
    with_two = begun("sign")
    shutil.rmtree(data / "directory" / "roots" / "2")
    with_one = begun("sign")

    assert 0 == with_two.exit_code
    assert isinstance(with_one.exception, ConfigurationError)
    assert 2 == now_in(data).version


def test_encrypted_roots_need_their_passphrase(run: Run, data: Path) -> None:
    run("init", "--root-passphrase", "three fictitious words")

    assert isinstance(run("sign").exception, ConfigurationError)
    assert isinstance(run("sign", "--root-passphrase", "other words").exception, ConfigurationError)
    assert 0 == run("sign", "--root-passphrase", "three fictitious words").exit_code


def test_p256_keys_are_there_for_those_who_need_them_and_stay_so(begun: Run, data: Path) -> None:
    said = add(begun, "health_provider", "E06000063", "--p256")
    begun("rotate", "--member", said["member"])
    member = now_in(data).member(said["member"])

    assert member
    assert ["p256", "p256"] == [key.algorithm.value for key in member.keys if key.use.value == "kem"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--kind", "school", "--name", "x", "--area", "Cumberland"), UnknownAreaError),
        (("--kind", "school", "--name", "x", "--area", "E06000063", "--front-door"), ChangeRefusedError),
        (("--kind", "school", "--name", "two\nlines", "--area", "E06000063"), ChangeRefusedError),
        (("--kind", "social_care", "--name", "x", "--area", "E06000064", "--front-door"), ChangeRefusedError),
    ],
    ids=["no area", "front door of the wrong kind", "name of two lines", "second front door"],
)
def test_a_member_that_cannot_be_leaves_nothing_behind(
    begun: Run, data: Path, words: tuple[str, ...], error: type[Exception]
) -> None:
    add(begun, "social_care", "E06000064", "--front-door")
    refused = begun("add-member", *words)

    assert isinstance(refused.exception, error)
    assert 1 == len(list((data / "members").iterdir()))
    assert 2 == now_in(data).version


def test_rotation_adds_keys_beside_the_old_ones(begun: Run, data: Path) -> None:
    said = add(begun)
    done = begun("rotate", "--member", said["member"])
    keys = load_keyring(Path(said["home"]) / "keys")

    assert "+ key" in done.output
    assert (2, 2) == (len(keys.signing), len(keys.kems))
    assert 4 == len(now_in(data).members[0].keys)


def test_router_and_roots_can_be_rotated_and_the_history_holds(begun: Run, data: Path) -> None:
    assert 0 == begun("rotate", "--router").exit_code
    assert 0 == begun("rotate", "--roots", "2", "--threshold", "2").exit_code
    shutil.rmtree(data / "directory" / "roots" / "1")
    shutil.rmtree(data / "directory" / "roots" / "2")

    assert 0 == begun("sign").exit_code, "the new roots are enough"
    assert 2 == len(now_in(data).router.sign_keys)
    assert "4 versions" in begun("verify").output


def test_exactly_one_thing_is_rotated_or_revoked(begun: Run) -> None:
    assert isinstance(begun("rotate").exception, ChangeRefusedError)
    assert isinstance(begun("rotate", "--router", "--roots", "2").exception, ChangeRefusedError)
    assert isinstance(begun("revoke", "--reason", "x").exception, ChangeRefusedError)
    assert isinstance(begun("revoke", "--key", "what", "--reason", "x").exception, ChangeRefusedError)


def test_a_revoked_key_is_in_the_diff_the_log_and_the_directory_at_once(begun: Run, data: Path) -> None:
    said = add(begun)
    key = now_in(data).members[0].keys[0]
    done = begun("revoke", "--key", key.key_id, "--reason", "laptop stolen")
    shown = json.loads(begun("show", "--json").stdout)

    assert f"- key {key.key_id} of {said['member']} revoked: laptop stolen" in done.output
    assert "revoked: laptop stolen" in begun("log").output
    assert "laptop stolen" == shown["members"][0]["keys"][0]["revoked_because"]
    assert not shown["members"][0]["keys"][0]["usable"]


def test_a_member_that_is_put_out_can_no_longer_sign_in_to_the_bus(begun: Run, data: Path) -> None:
    said = add(begun)
    user = now_in(data).members[0].nats_user
    configuration = data / "nats" / "nats.conf"
    before = user in configuration.read_text()
    begun("revoke", "--member", said["member"], "--reason", "left")

    assert before
    assert user not in configuration.read_text()


def test_show_says_plainly_what_is_missing(begun: Run) -> None:
    add(begun)
    shown = begun("show").output

    assert "not for real people's data" in shown
    assert "not built" in shown


def test_the_policy_is_shown_in_sentences(begun: Run) -> None:
    shown = begun("policy", "da.incident")

    assert "Operation Encompass" in shown.output
    assert "duty in force from 2025-11-07" in shown.output
    assert isinstance(begun("policy", "no.such").exception, ChangeRefusedError)


def test_a_policy_from_a_folder_is_put_in_force_and_a_broken_one_is_not(
    begun: Run, data: Path, tmp_path: Path
) -> None:
    import schemas.default_policy

    folder = tmp_path / "policy"
    shutil.copytree(Path(str(schemas.default_policy.__file__)).parent, folder)
    frame = folder / "frame.toml"
    frame.write_text(frame.read_text().replace('"Default sharing policy"', '"Policy of Example"'))
    adopted = begun("policy", "--adopt", str(folder))
    frame.write_text("nothing here")
    broken = begun("policy", "--adopt", str(folder))

    assert 0 == adopted.exit_code
    assert "Policy of Example" in adopted.output
    assert isinstance(broken.exception, ChangeRefusedError)
    assert "Policy of Example" == now_in(data).policy.name


def test_verify_says_whether_a_file_could_replace_the_directory(begun: Run, data: Path) -> None:
    add(begun)
    history = data / "directory" / "history"

    assert "it is the one in use" in begun("verify", str(history / "000002.bin")).output
    refused = begun("verify", str(history / "000001.bin"))
    assert isinstance(refused.exception, FileRefusedError)
    assert "rollback" in str(refused.exception)


def test_a_touched_history_or_directory_is_found(begun: Run, data: Path) -> None:
    add(begun)
    old = data / "directory" / "history" / "000001.bin"
    touched = bytearray(old.read_bytes())
    touched[len(touched) // 2] ^= 1
    old.write_bytes(touched)
    history = begun("verify")
    current = data / "directory" / "directory.bin"
    current.write_bytes(current.read_bytes()[:-1])
    broken = begun("show")

    assert isinstance(history.exception, HistoryBrokenError)
    assert isinstance(broken.exception, DirectoryBrokenError)


def test_where_there_is_no_directory_it_says_how_to_make_one(run: Run) -> None:
    missing = run("show")

    assert isinstance(missing.exception, NoDirectoryError)
    assert "handrail directory init" in str(missing.exception)


def test_two_changes_at_once_are_refused(begun: Run, data: Path) -> None:
    with locked(Layout(data)):
        assert isinstance(begun("sign").exception, BusyError)


def test_an_interrupted_change_is_mended_by_apply(begun: Run, data: Path) -> None:
    """Killed after the directory was kept and before homes and bus heard of it."""
    home = Path(add(begun)["home"])
    stale = (home / "directory.bin").read_bytes()
    begun("sign")
    (home / "directory.bin").write_bytes(stale)
    (data / "nats" / "nats.conf").unlink()
    done = begun("apply")

    assert 0 == done.exit_code
    assert (data / "directory" / "directory.bin").read_bytes() == (home / "directory.bin").read_bytes()
    assert (data / "nats" / "nats.conf").is_file()


def test_an_area_s_own_clock_can_be_set_and_only_where_a_member_serves_it(begun: Run, data: Path) -> None:
    add(begun)
    done = begun("set-area", "--area", "E06000063", "--clock-start", "accepted")
    unknown = begun("set-area", "--area", "E06000001", "--clock-start", "accepted")

    assert "clock from accepted" in done.output
    assert "accepted" == now_in(data).areas[0].clock_start.value
    assert isinstance(unknown.exception, ChangeRefusedError)
