"""The search for what the broker must not know finds what is there, however it is written."""

import base64

from tests.blindness.searching import Search, spellings
from tests.blindness.story import CONTROLS, IN_MEMORY, control_message


def test_the_search_finds_each_control_in_the_message_itself() -> None:
    assert CONTROLS.keys() == Search(CONTROLS).found(control_message())
    assert frozenset() == Search({"other": IN_MEMORY}).found(control_message())


def test_base64_is_found_wherever_the_word_begins() -> None:
    word = b"Thistlewood"
    exact, _ = spellings(word)
    for shift in range(7):
        text = base64.urlsafe_b64encode(b"?" * shift + word + b"~~~~")
        assert any(form in text for form in exact), shift
