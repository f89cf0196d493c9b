"""One node and one browser for the tests of the pages; a visitor with no cookie for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.board_story import NOW, told
from tests.support.exchange import make_exchange
from tests.support.own_trail import unsafe_no_bus
from tests.support.pages import CHROMIUM, Node, Visitor, browser, served, visitor


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser nothing can be said of what one shows; programs and forged requests need none."""
    if CHROMIUM is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        for item in items:
            if "chromium" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="module")
def no_bus() -> Iterator[None]:
    """These nodes have no bus."""
    with unsafe_no_bus():
        yield


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A board's node that has followed a spring of its two areas, and its pages, served."""
    made = make_exchange(tmp_path_factory.mktemp("pages"))
    with served(told(made.home("board")), clock=lambda: NOW) as at_work:
        yield at_work


@pytest.fixture(scope="module")
def chromium(node: Node) -> Iterator[Browser]:
    """The browser. After the node and for one module only: its driver keeps an event loop running on this thread."""
    assert node.origin
    with browser() as started:
        yield started


@pytest.fixture
def visit(chromium: Browser, node: Node) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, each with a browser of their own; nothing may be amiss at the end."""
    with ExitStack() as stack:
        came: list[Visitor] = []

        def come(**options: Any) -> Visitor:
            came.append(stack.enter_context(visitor(chromium, node, **options)))
            return came[-1]

        yield come
        assert [] == [said for one in came for said in one.amiss]
