"""Bands of a child's characteristics: from the census's codes, and on a slip that keeps its length."""

from dataclasses import replace
from datetime import date
from importlib import resources
from itertools import product
from typing import Any, Final

import pytest
from pydantic import ValidationError

from broker.crypto.derive import SLIP_BUCKET, pad
from schemas import canonical
from schemas.bands import (
    AgeBand,
    Bands,
    Characteristics,
    Disabled,
    EthnicGroup,
    age_band,
    disabled,
    ethnic_group,
)
from schemas.codes.cin import Disability, Ethnicity
from schemas.default_policy import default_policy, read_policy
from schemas.events.base import Subject, Unborn
from schemas.ids import NhsNumber
from schemas.policy import Policy
from schemas.reading import MalformedMessageError
from schemas.slip import BoardSlip, Heard, Whom
from tests.support.banding import with_bands
from tests.support.events import CHILD, MOTHER

BARE: Final = ("plan.opened", "promote_welfare", "safeguarding_public_task", 1, 2, None)
BANDS: Final = Bands(AgeBand.FROM_5_TO_9, EthnicGroup.MIXED, Disabled.YES)
TOLD: Final = ((Whom.CHILD, Heard.TOLD),)
EVERY: Final = [Bands(*three) for three in product(AgeBand, EthnicGroup, Disabled)]


@pytest.mark.parametrize(
    ("slip", "rest"),
    [
        pytest.param(BoardSlip(*BARE, bands=BANDS), [None, [], [4, 2, 2]], id="nothing else"),
        pytest.param(BoardSlip(*BARE, "RC5", bands=BANDS), ["RC5", [], [4, 2, 2]], id="a code"),
        pytest.param(BoardSlip(*BARE, None, TOLD, BANDS), [None, [[1, 1]], [4, 2, 2]], id="who was told"),
        pytest.param(BoardSlip(*BARE, bands=Bands()), [None, [], [0, 0, 0]], id="nothing is known"),
    ],
)
def test_bands_are_the_ninth_item_whatever_the_others_say(slip: BoardSlip, rest: list[Any]) -> None:
    assert canonical.encode([*BARE, *rest]) == slip.to_bytes()
    assert slip == BoardSlip.from_bytes(slip.to_bytes())


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param([None, [], None], id="no bands"),
        pytest.param([None, [], []], id="empty"),
        pytest.param([None, [], [4, 2]], id="two"),
        pytest.param([None, [], [4, 2, 2, 0]], id="four"),
        pytest.param([None, [], [7, 2, 2]], id="no such age"),
        pytest.param([None, [], [4, 7, 2]], id="no such group"),
        pytest.param([None, [], [4, 2, 3]], id="neither yes nor no"),
        pytest.param([None, [], [4, 2, True]], id="a second spelling of one"),
        pytest.param([None, [], ["5-9", 2, 2]], id="words"),
        pytest.param([None, None, [4, 2, 2]], id="no list before it"),
        pytest.param([[4, 2, 2]], id="in another place"),
        pytest.param([None, [], [4, 2, 2], None], id="a tenth item"),
    ],
)
def test_anything_else_in_their_place_is_refused(rest: list[Any]) -> None:
    with pytest.raises(MalformedMessageError):
        BoardSlip.from_bytes(canonical.encode([*BARE, *rest]))


@pytest.mark.parametrize("reference", [1, 100], ids=["short", "up to the edge of a bucket"])
def test_the_length_of_a_slip_tells_no_band_and_not_whether_any_is_known(reference: int) -> None:
    slip = replace(BoardSlip(*BARE, bands=Bands()), case_ref="\u00e9" * reference)
    lengths = {len(replace(slip, bands=bands).to_bytes()) for bands in EVERY}

    assert 1 == len(lengths)
    assert 1 == len({len(pad(replace(slip, bands=bands).to_bytes(), SLIP_BUCKET)) for bands in EVERY})


def test_every_code_of_the_census_has_a_broad_group() -> None:
    groups = {code.value: ethnic_group(code) for code in Ethnicity}

    assert 20 == len(groups)
    assert set(EthnicGroup) - {EthnicGroup.NOT_TOLD} == set(groups.values())
    assert {"WBRI", "WIRI", "WIRT", "WOTH", "WROM"} == _of(groups, EthnicGroup.WHITE)
    assert {"AIND", "APKN", "ABAN", "AOTH", "CHNE"} == _of(groups, EthnicGroup.ASIAN)
    assert {"BCRB", "BAFR", "BOTH"} == _of(groups, EthnicGroup.BLACK)
    assert {"OOTH"} == _of(groups, EthnicGroup.OTHER)
    assert {"REFU", "NOBT"} == _of(groups, EthnicGroup.NOT_KNOWN)
    assert EthnicGroup.NOT_TOLD is ethnic_group(None)


def _of(groups: dict[str, EthnicGroup], group: EthnicGroup) -> set[str]:
    return {code for code, found in groups.items() if found is group}


def test_any_disability_is_one_and_silence_is_no_answer() -> None:
    assert Disabled.NOT_TOLD is disabled(())
    assert Disabled.NO is disabled((Disability.NONE,))
    assert {Disabled.YES} == {disabled((code,)) for code in Disability if code is not Disability.NONE}
    assert Disabled.YES is disabled((Disability.HAND, Disability.AUTISM))
    with pytest.raises(ValidationError, match="names one"):
        Characteristics(disabilities=(Disability.NONE, Disability.HAND))


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(2026, 3, 2), AgeBand.UNDER_1),
        (date(2025, 3, 3), AgeBand.UNDER_1),
        (date(2025, 3, 2), AgeBand.FROM_1_TO_4),
        (date(2021, 3, 3), AgeBand.FROM_1_TO_4),
        (date(2021, 3, 2), AgeBand.FROM_5_TO_9),
        (date(2016, 3, 2), AgeBand.FROM_10_TO_15),
        (date(2010, 3, 3), AgeBand.FROM_10_TO_15),
        (date(2010, 3, 2), AgeBand.FROM_16),
        (date(2026, 3, 3), AgeBand.NOT_TOLD),
        (None, AgeBand.NOT_TOLD),
    ],
)
def test_a_child_is_as_old_as_on_that_day(born: date | None, band: AgeBand) -> None:
    assert band is age_band(Subject(nhs_number=NhsNumber(CHILD), date_of_birth=born), on=date(2026, 3, 2))


def test_a_child_not_yet_born_is_unborn_until_it_has_a_date_of_birth() -> None:
    unborn = Unborn(mother_nhs_number=NhsNumber(MOTHER), pregnancy_ref="p1")

    assert AgeBand.UNBORN is age_band(Subject(unborn=unborn), on=date(2026, 3, 2))
    assert AgeBand.UNDER_1 is age_band(
        Subject(unborn=unborn, date_of_birth=date(2026, 3, 1)), on=date(2026, 3, 2)
    )


def test_the_decision_is_a_file_beside_the_others() -> None:
    folder = resources.files(default_policy.__module__)
    texts = [item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".toml")]
    decision = '[board_bands]\ndecided_on = 2026-02-01\ndocument = "example only"\n'

    assert with_bands(default_policy()) == read_policy([*texts, decision])
    with pytest.raises(ValidationError, match="document"):
        read_policy([*texts, "[board_bands]\ndecided_on = 2026-02-01\n"])


def test_a_policy_without_the_decision_is_written_as_it_always_was() -> None:
    policy = default_policy()
    agreed = with_bands(policy)

    assert policy.board_bands is None
    assert "board_bands" not in policy.model_dump_json()
    assert agreed == Policy.model_validate_json(agreed.model_dump_json())
    assert '"board_bands":{"decided_on":"2026-02-01","document":"example only"}' in agreed.model_dump_json()
