"""The register of areas: what is in force, what became of what has ended, and who answers where."""

from datetime import date, timedelta

import pytest

from schemas.areas import Area, AreaKind, AreaRegister

REGISTER = AreaRegister.load()
TODAY = date(2025, 6, 1)


def area(gss: str) -> Area:
    found = REGISTER.area(gss)
    assert found is not None, gss
    return found


COUNTS = {
    AreaKind.UNITARY: ("E06", 63),  # 62, and the Isles of Scilly
    AreaKind.DISTRICT: ("E07", 164),
    AreaKind.METROPOLITAN: ("E08", 36),
    AreaKind.LONDON: ("E09", 33),
    AreaKind.COUNTY: ("E10", 21),
}


@pytest.mark.parametrize(("kind", "row"), COUNTS.items(), ids=COUNTS)
def test_england_of_2025_is_complete_and_each_tier_has_its_prefix(
    kind: AreaKind, row: tuple[str, int]
) -> None:
    prefix, count = row
    standing = [one for one in REGISTER if one.kind is kind and one.valid_on(TODAY)]

    assert count == len(standing)
    assert {prefix} == {one.gss[:3] for one in standing}


SUCCESSORS = {
    "Cumbria became two": ("E10000006", ["E06000063", "E06000064"]),
    "Carlisle became Cumberland": ("E07000028", ["E06000063"]),
    "South Lakeland became Westmorland and Furness": ("E07000031", ["E06000064"]),
    "Northumberland has another code": ("E06000048", ["E06000057"]),
    "Barnsley has another code": ("E08000016", ["E08000038"]),
    "Somerset became one": ("E10000027", ["E06000066"]),
    "Taunton Deane changed twice": ("E07000190", ["E06000066"]),
    "North Yorkshire became one": ("E10000023", ["E06000065"]),
    "Northamptonshire became two": ("E10000021", ["E06000061", "E06000062"]),
    "Dorset's county lost Christchurch": ("E10000009", ["E06000058", "E06000059"]),
    "what stands has none": ("E06000063", []),
    "what is unknown has none": ("E06999999", []),
}


@pytest.mark.parametrize(("gss", "successors"), SUCCESSORS.values(), ids=SUCCESSORS)
def test_successors_are_those_of_today_through_every_change(gss: str, successors: list[str]) -> None:
    assert tuple(successors) == REGISTER.successors(gss)


ANSWERING = {
    "a district's county": ("E07000119", "E10000017"),
    "a unitary itself": ("E06000063", "E06000063"),
    "a borough itself": ("E08000034", "E08000034"),
    "a county itself": ("E10000017", "E10000017"),
    "the one successor": ("E07000028", "E06000063"),
    "the county of a district's successor": ("E07000204", "E10000029"),
    "the county of a district with another code": ("E07000100", "E10000015"),
    "a split county, which only a postcode can resolve": ("E10000006", "E10000006"),
    "an area newer than the register": ("E06000099", "E06000099"),
}


@pytest.mark.parametrize(("gss", "answering"), ANSWERING.values(), ids=ANSWERING)
def test_childrens_services_answer_from_the_upper_tier_of_today(gss: str, answering: str) -> None:
    assert answering == REGISTER.childrens_services(gss)


CHANGES = {
    "Cumbria": ("E10000006", "E06000063", date(2023, 4, 1)),
    "Carlisle": ("E07000028", "E06000063", date(2023, 4, 1)),
    "Northamptonshire": ("E10000021", "E06000061", date(2021, 4, 1)),
    "Bournemouth": ("E06000028", "E06000058", date(2019, 4, 1)),
    "Northumberland's code": ("E06000048", "E06000057", date(2013, 4, 1)),
    "Barnsley's code": ("E08000016", "E08000038", date(2025, 4, 1)),
}


@pytest.mark.parametrize(("old", "new", "day"), CHANGES.values(), ids=CHANGES)
def test_a_code_ends_the_day_before_its_successor_begins(old: str, new: str, day: date) -> None:
    before = day - timedelta(days=1)

    assert (True, False) == (area(old).valid_on(before), area(old).valid_on(day))
    assert (False, True) == (area(new).valid_on(before), area(new).valid_on(day))


def test_what_ended_has_a_successor_that_was_there_the_next_day() -> None:
    lost = [
        (one.gss, successor)
        for one in REGISTER
        if one.valid_until
        for successor in one.successors or ("",)
        if not REGISTER.known(successor) or not area(successor).valid_on(one.valid_until + timedelta(days=1))
    ]

    assert [] == lost


def test_what_stands_has_no_successor() -> None:
    assert [] == [one.gss for one in REGISTER if one.valid_until is None and one.successors]


def test_only_the_code_changed_where_name_kind_and_police_stayed() -> None:
    for one in (one for one in REGISTER if one.recoded):
        [successor] = one.successors
        after = area(successor)

        assert (one.name, one.kind, one.police, one.upper_tier) == (
            after.name,
            after.kind,
            after.police,
            after.upper_tier,
        )


def test_a_district_always_had_a_county_of_its_own_force_and_nothing_else_has_one() -> None:
    for one in REGISTER:
        if one.kind is not AreaKind.DISTRICT:
            assert one.upper_tier is None, one
            continue
        assert one.upper_tier is not None, one
        county = area(one.upper_tier)
        assert AreaKind.COUNTY is county.kind
        assert one.police == county.police, one
        assert one.valid_until is None or county.valid_until is None or one.valid_until <= county.valid_until


def test_an_ended_area_is_policed_as_what_followed_it() -> None:
    assert [] == [
        (one.gss, successor)
        for one in REGISTER
        for successor in REGISTER.successors(one.gss)
        if area(successor).police != one.police
    ]


def test_every_area_has_a_named_force_and_every_force_an_area() -> None:
    forces = {one.gss: REGISTER.police(one.gss) for one in REGISTER}

    assert [] == [gss for gss, force in forces.items() if force is None or not force[1]]
    assert {f"E23{number:06}" for number in range(1, 40)} == {force[0] for force in forces.values() if force}


FORCES = {
    "E06000001": "Cleveland",
    "E06000013": "Humberside",
    "E06000019": "West Mercia",
    "E06000031": "Cambridgeshire",
    "E06000032": "Bedfordshire",
    "E06000046": "Hampshire",
    "E06000053": "Devon and Cornwall",
    "E06000060": "Thames Valley",
    "E08000025": "West Midlands",
    "E08000037": "Northumbria",
    "E09000001": "City of London",
    "E09000033": "Metropolitan",
    "E10000032": "Sussex",
}


@pytest.mark.parametrize(("gss", "force"), FORCES.items())
def test_the_force_of_an_area(gss: str, force: str) -> None:
    assert force == (REGISTER.police(gss) or ("", ""))[1]


def test_an_unknown_area_has_no_force_and_is_not_known() -> None:
    assert None is REGISTER.police("E06999999")
    assert not REGISTER.known("E06999999")
    assert None is REGISTER.area("S12000006")
