"""The pictures of ``docs/board.md``, taken from the pages as they are.

``HANDRAIL_PICTURES=docs/board pytest tests/pages/test_for_the_docs.py`` refreshes them; otherwise they are build output.
"""

import base64
import os
import re
from pathlib import Path

from playwright.sync_api import Browser

from broker.board.pages.roles import Role
from tests.support.board_story import CASE, PROTECTED
from tests.support.pages import PEOPLE, SCREENSHOTS, Node, Visitor, visitor

_ROOT = Path(__file__).parents[2]
_FOLDER = (
    _ROOT / os.environ["HANDRAIL_PICTURES"] if "HANDRAIL_PICTURES" in os.environ else SCREENSHOTS / "docs"
)
_SCREEN = {"width": 1000, "height": 760}
_TO_WEBP = """async png => {
    const image = new Image()
    image.src = 'data:image/png;base64,' + png
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), {width: image.width, height: image.height})
    canvas.getContext('2d').drawImage(image, 0, 0)
    return canvas.toDataURL('image/webp', 0.85).split(',')[1]
}"""


def _picture(at: Visitor, name: str, *, height: int = _SCREEN["height"]) -> None:
    """The top of the page as a small WebP file, which Chromium itself makes on an empty page."""
    at.page.set_viewport_size({"width": _SCREEN["width"], "height": height})
    png = base64.b64encode(at.page.screenshot()).decode()
    blank = at.context.new_page()
    made = blank.evaluate(_TO_WEBP, png)
    blank.close()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    (_FOLDER / f"{name}.webp").write_bytes(base64.b64decode(made))


def test_the_pictures_are_taken(chromium: Browser, node: Node) -> None:
    with visitor(chromium, node, viewport=_SCREEN) as at:
        at.sign_in(PEOPLE[Role.SCRUTINEER], purpose="quarterly report to the partnership")
        for path, name, height in (
            ("/overview", "overview", 1460),
            ("/child", "one-child", 760),
            ("/silence", "silence", 760),
            ("/ask", "ask", 760),
            ("/integrity", "integrity", 860),
        ):
            at.go(path)
            _picture(at, name, height=height)
        at.ask_about(CASE)
        _picture(at, "story", height=1250)
        at.ask_about(PROTECTED)
    with visitor(chromium, node, viewport=_SCREEN) as at:
        at.sign_in(PEOPLE[Role.SECOND_AUDITOR], purpose="second auditor on duty")
        at.go("/approvals")
        assert PROTECTED in at.page.content()
        _picture(at, "approvals", height=860)

    taken = {path.name for path in _FOLDER.glob("*.webp")}
    assert set(_shown()) == taken
    assert all(1000 < (_FOLDER / name).stat().st_size < 120_000 for name in taken)


def test_each_picture_that_the_docs_show_is_there() -> None:
    assert _shown()
    for name in _shown():
        assert (_ROOT / "docs" / "board" / name).is_file(), name


def _shown() -> list[str]:
    return re.findall(r"\]\(board/([\w-]+\.webp)\)", (_ROOT / "docs" / "board.md").read_text())
