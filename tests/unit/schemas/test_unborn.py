"""An unborn child's spelling: the first of a pregnancy as ever, no two alike, whatever an author calls a pregnancy."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.events.base import Unborn, unborn_key

MOTHERS = st.sampled_from(["9990000018", "9990000034"])
REFS = st.text(st.sampled_from("ab 12-/"), min_size=1, max_size=6).filter(str.strip)
CHILDREN = st.one_of(st.none(), st.integers(1, 12))


def an_unborn(of: tuple[str, str, int | None]) -> Unborn | None:
    try:
        return Unborn.model_validate({"mother_nhs_number": of[0], "pregnancy_ref": of[1], "child": of[2]})
    except ValidationError:
        return None


def test_the_first_or_only_child_is_spelled_as_before_there_was_a_count() -> None:
    spelled = {unborn_key("9990000018", "preg-1", child) for child in (None, 1)}
    first = an_unborn(("9990000018", "preg-1", 1))

    assert {"9990000018 preg-1"} == spelled
    assert first is not None
    assert first == an_unborn(("9990000018", "preg-1", None))
    assert "child" not in first.model_dump_json(exclude_none=True)


@given(st.tuples(MOTHERS, REFS, CHILDREN), st.tuples(MOTHERS, REFS, CHILDREN))
def test_two_children_share_a_spelling_only_where_they_are_one(
    one: tuple[str, str, int | None], other: tuple[str, str, int | None]
) -> None:
    found, again = an_unborn(one), an_unborn(other)
    if found is not None and again is not None:
        assert (found == again) is (found.key == again.key)
