"""One node and one browser for the tests of the pages; a visitor with no cookie for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from broker.board.node import BoardHome
from broker.crypto.tokens import IdentifierKind
from schemas.audit import EntryKind
from tests.support.audit_trail import Trail, an_id
from tests.support.directory import CUMBERLAND, WESTMORLAND
from tests.support.events import CHILD
from tests.support.exchange import Exchange, make_exchange
from tests.support.pages import CHROMIUM, Node, Visitor, browser, served, visitor

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser nothing here can be said."""
    if CHROMIUM is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        for item in items:
            if "pages" in item.path.parts:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """An exchange that does not run, whose board has read a trail."""
    made = make_exchange(tmp_path_factory.mktemp("pages"))
    home = BoardHome.open(made.home("board"))
    store, projection = home.store(), home.projection()
    trail = _story(made, home.keyring.tokens().token_now(IdentifierKind.NHS_NUMBER, CHILD).value)
    with store.work() as work:
        for data in trail.entries:
            projection.take(work, data)
    store.close()
    return made


@pytest.fixture(scope="module")
def node(it: Exchange) -> Iterator[Node]:
    """Its pages, served."""
    with served(BoardHome.open(it.home("board"))) as at_work:
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


def _story(it: Exchange, nhs: bytes) -> Trail:
    trail = Trail()
    who = {name: str(id_) for name, id_ in it.members.items()}
    child = {"child": an_id("child")}
    trail.add(EntryKind.CHILD_TOKEN, **child, tokens=[nhs], areas=[CUMBERLAND])
    trail.taken(
        "plan",
        readers=[[who[name], 1] for name in ("school", "health", "police")],
        author_id=who["cumberland"],
    )
    trail.add(
        EntryKind.RECEIPT, event=an_id("plan"), reader=who["school"], number=1, receipt=2, role="head teacher"
    )
    trail.add(EntryKind.RECEIPT, event=an_id("plan"), reader=who["health"], number=1, receipt=1)
    trail.add(
        EntryKind.HANDOVER,
        **child,
        handover=an_id("handover"),
        step="noticed",
        from_area=CUMBERLAND,
        to_area=WESTMORLAND,
        holder=CUMBERLAND,
        safety=WESTMORLAND,
    )
    return trail
