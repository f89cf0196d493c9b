"""A board's node whose pages are served over a real store to a real browser."""

import asyncio
import contextlib
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from broker.board.node import BoardHome
from broker.board.pages.app import Settings, make_app
from broker.board.pages.roles import Role
from broker.board.pages.serving import Listening, serve
from broker.clock import Clock, system_clock
from broker.pages.limits import Rate
from broker.pages.sessions import Person
from broker.pages.signing_in import Local
from broker.store.audit.rows import Asked
from broker.store.audit.store import AuditStore

CHROMIUM: Final = next(
    (found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None
)
SCREENSHOTS: Final = Path(__file__).parents[2] / "build" / "screenshots"
NARROW: Final = {"width": 320, "height": 640}
WIDE: Final = {"width": 1280, "height": 900}
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text()
PEOPLE: Final = {role: Person(f"demo-{role}", f"Kit {role.title()}", frozenset({role})) for role in Role}


@dataclass(slots=True)
class Node:
    """A board's node at work. ``local`` holds the one-time links."""

    home: BoardHome
    store: AuditStore
    origin: str
    local: Local

    def link(self, person: Person) -> str:
        """A fresh one-time link for somebody."""
        return f"{self.origin}/sign-in/local/{self.local.offer(person)}"

    def questions(self) -> list[Asked]:
        """Everything that was recorded so far."""
        with self.store.work() as work:
            return work.questions()

    def recorded(self) -> list[tuple[str, str, str]]:
        """Who, why, what."""
        return [(one.asker, one.purpose, one.asked) for one in self.questions()]


_FOCUS: Final = """() => {
    const e = document.activeElement
    if (!e || e === document.body) return [-1, false]
    // What a control looks like in focus differs from how it looks without; a radio's label shows it.
    const look = () => [e, e.nextElementSibling].filter(Boolean).map(x => ['', '::before'].map(p => {
        const s = getComputedStyle(x, p || null)
        return [s.outline, s.boxShadow, s.backgroundColor, s.border].join()
    })).join()
    const focused = look()
    e.blur()
    const plain = look()
    e.focus()
    return [[...document.querySelectorAll('*')].indexOf(e), focused !== plain]
}"""


def patient(origin: str, local: Local) -> Settings:
    """Settings under which a test may come as often as it likes; the limits have tests of their own."""
    often = Rate(burst=10_000, every_s=0.001)
    return Settings(origin, local=local, forms=often, sign_ins=often, strangers=often)


@contextmanager
def served(
    home: BoardHome,
    *,
    clock: Clock = system_clock,
    seconds: Callable[[], float] = time.monotonic,
    settings: Callable[[str, Local], Settings] = patient,
) -> Iterator[Node]:
    """The pages of a board's home on a port of their own, on a thread of their own."""
    with home.with_a_line() as kept:
        yield from _served(kept, clock, seconds, settings)


def _served(
    home: BoardHome,
    clock: Clock,
    seconds: Callable[[], float],
    settings: Callable[[str, Local], Settings],
) -> Iterator[Node]:
    listening = Listening()
    listener = listening.open()
    origin = listening.origin(listener.getsockname()[1])
    store, local = home.store(), Local(lambda _token, _person: None)
    app = make_app(home, store, settings(origin, local), clock=clock, seconds=seconds)
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def run() -> None:
        with contextlib.closing(loop):
            loop.run_until_complete(serve(app, listening, listener, stop, ready.set))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        yield Node(home, store, origin, local)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        store.close()


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a screen."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@dataclass(slots=True)
class Visitor:
    """Somebody at a browser. ``amiss`` collects what the browser complains of: errors, warnings, failed requests."""

    context: BrowserContext
    page: Page
    node: Node
    amiss: list[str]

    def go(self, path: str) -> int:
        """Open a page; gives its status."""
        answer = self.page.goto(self.node.origin + path)
        return answer.status if answer else 0

    def sign_in(self, person: Person, *, purpose: str | None = "a test of the pages") -> None:
        """Sign in by a one-time link, and say why."""
        self.page.goto(self.node.link(person))
        self.send(re.compile("Sign in as"))
        if purpose is not None:
            self.go("/purpose")
            self.page.get_by_label("Why are you looking?").fill(purpose)
            self.send("Continue")

    def ask_about(
        self, reference: str, *, why: str = "case audit 2026/14", by: str = "case reference"
    ) -> None:
        """Ask about one child."""
        self.go("/child")
        self.page.get_by_label(by).check()
        self.page.get_by_label("Reference or number").fill(reference)
        self.page.get_by_label("Why do you ask?").fill(why)
        self.send("Ask")

    def send(self, button: str | re.Pattern[str]) -> None:
        """Send the form of a button, and wait for what comes of it."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=button, exact=True).click()

    def keep(self, name: str) -> None:
        """A screenshot as build output."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def violations(self, *, without: Sequence[str] = ()) -> list[str]:
        """What axe-core finds on this page."""
        self.page.evaluate(AXE)
        options = {
            "runOnly": {"type": "tag", "values": RULES},
            "rules": {rule: {"enabled": False} for rule in without},
        }
        found: Any = self.page.evaluate("options => axe.run(options)", options)
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def tab_through(self) -> list[int]:
        """Press Tab until the page is left; gives where in the document each stop stands, seen to be in focus."""
        order: list[int] = []
        while True:
            self.page.keyboard.press("Tab")
            at, seen = self.page.evaluate(_FOCUS)
            if at < 0 or at in order:
                return order
            assert seen, "the focus is on something and cannot be seen"
            order.append(at)

    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


@contextmanager
def visitor(started: Browser, node: Node, **options: Any) -> Iterator[Visitor]:
    """A browser of one's own, with no cookie."""
    context = started.new_context(**{"viewport": WIDE, **options})
    page = context.new_page()
    amiss: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A refusal is shown with its own status, which Chromium reports as if a file were missing.
        if (
            message.type in {"error", "warning"}
            and page.url.startswith(node.origin)
            and "the server responded with a status of 4" not in message.text
        ):
            amiss.append(message.text)

    def failed(request: Request) -> None:
        # A page that is left before it has come is no fault.
        if request.failure != "net::ERR_ABORTED" and request.url.startswith(node.origin):
            amiss.append(f"{request.failure}: {request.url}")

    page.on("console", heard)
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.on("requestfailed", failed)
    try:
        yield Visitor(context, page, node, amiss)
    finally:
        context.close()
