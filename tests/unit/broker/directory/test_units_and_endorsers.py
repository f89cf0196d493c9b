"""Units with keys of their own, and protection endorsers, as the directory has them."""

from datetime import timedelta
from pathlib import Path

import pytest

from broker.directory.errors import ChangeRefusedError
from broker.directory.files import read_current
from tests.support.directory import AREAS, CUMBERLAND, NOW, WESTMORLAND
from tests.support.exchange import make_exchange


def test_a_shared_force_has_a_key_for_each_unit_and_no_key_of_one_is_the_others(tmp_path: Path) -> None:
    it = make_exchange(tmp_path)
    police = it.members["police"]

    units = [
        it.issuer().add_unit(police, f"Example team {area}", (area,))[1] for area in (CUMBERLAND, WESTMORLAND)
    ]

    member = read_current(it.layout).member(police)
    assert member is not None
    now = read_current(it.layout).issued_at + timedelta(seconds=1)
    [old], [new] = member.unit_keys([CUMBERLAND], now), member.unit_keys([WESTMORLAND], now)
    general = member.kem_key(now)
    assert general is not None
    assert units == [old.unit, new.unit]
    assert 3 == len({old.key_id, new.key_id, general.key_id})
    assert 2 == len(member.unit_keys(AREAS, now))


def test_rotation_gives_each_unit_a_new_key_too(tmp_path: Path) -> None:
    it = make_exchange(tmp_path)
    police = it.members["police"]
    it.issuer().add_unit(police, "Example team", (CUMBERLAND,))
    now = read_current(it.layout).issued_at + timedelta(seconds=1)
    before = read_current(it.layout).member(police)

    later = it.issuer()
    later.rotate_member(police)

    after = read_current(it.layout).member(police)
    assert before is not None
    assert after is not None
    assert before.unit_keys(AREAS, now) != after.unit_keys(AREAS, now + timedelta(seconds=30))


def test_a_unit_for_an_area_that_its_member_does_not_serve_is_refused(tmp_path: Path) -> None:
    it = make_exchange(tmp_path)

    with pytest.raises(ChangeRefusedError, match="does not serve"):
        it.issuer().add_unit(it.members["school"], "Example team", (WESTMORLAND,))


def test_endorsers_are_members_and_can_reach_their_number(tmp_path: Path) -> None:
    it = make_exchange(tmp_path)
    both = (it.members["health"], it.members["education"])

    it.issuer().set_endorsers(both, 2)

    directory = read_current(it.layout)
    assert (both, 2) == (directory.endorsers, directory.endorser_threshold)
    keys = directory.endorser_keys(directory.issued_at + timedelta(seconds=1))
    assert set(both) == set(keys.values())
    assert {} == directory.endorser_keys(NOW.replace(year=1999))
    with pytest.raises(ChangeRefusedError, match="asks for more"):
        it.issuer().set_endorsers(both, 3)
    with pytest.raises(ChangeRefusedError, match="no member"):
        it.issuer().set_endorsers((it.members["health"].__class__("m-aaaaaaaaaa"),), 1)
