"""Nothing between the gateways holds what was said; and the search that says so finds what is there."""

import asyncio

import pytest

from tests.blindness.story import CONTROLS, FORGET_S, Seen, play


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One story for all claims."""
    return asyncio.run(play(tmp_path_factory.mktemp("blindness")))


def test_no_planted_word_is_on_the_wire_on_disk_in_a_log_or_in_memory(seen: Seen) -> None:
    assert {place: {} for place in seen.planted} == seen.planted


def test_what_is_sent_unsealed_is_found_on_the_wire_in_every_form(seen: Seen) -> None:
    assert CONTROLS.keys() == seen.controls["inside TLS"]


def test_a_word_that_lies_in_the_routers_memory_is_found_there(seen: Seen) -> None:
    assert "in memory" in seen.controls["the router's memory"]


def test_a_message_that_was_refused_is_told_to_no_log(seen: Seen) -> None:
    assert frozenset() == seen.controls["every log"]


def test_no_type_is_named_but_in_the_directory(seen: Seen) -> None:
    assert {place: {} for place in seen.types} == seen.types


def test_a_token_is_found_while_a_matter_is_open_and_gone_without_one(seen: Seen) -> None:
    """In files and logs. Memory is what the page says of it."""
    on_disk = {place: seen.tokens[place] for place in ("the server's files", "the router's files")}
    names = {name for found in on_disk.values() for some in found.values() for name in some}

    assert {"with a matter"} == names
    assert {} == seen.tokens["every log"]
    assert seen.forgotten_s < FORGET_S
