"""The vendored style sheet and script are those that their page names, and carry nothing of the government's."""

import hashlib
import re

import pytest

from broker.pages.layout import static_folder

_FOLDER = static_folder() / "govuk"


@pytest.mark.parametrize("name", ["govuk-frontend.min.css", "govuk-frontend.min.js"])
def test_each_file_is_the_one_that_was_recorded(name: str) -> None:
    row = next(line for line in (_FOLDER / "README.md").read_text().splitlines() if f"`{name}`" in line)
    recorded = re.findall(r"[0-9a-f]{64}", row)[1]

    assert recorded == hashlib.sha256((_FOLDER / name).read_bytes()).hexdigest()


def test_no_typeface_and_no_arms_of_the_government() -> None:
    sheet = (_FOLDER / "govuk-frontend.min.css").read_text()

    assert '--govuk-frontend-version:"6.3.0"' in sheet
    for absent in ("@font-face", "GDS Transport", "crest", "url("):
        assert absent not in sheet
    assert {"LICENCE.txt", "README.md", "govuk-frontend.min.css", "govuk-frontend.min.js"} == {
        path.name for path in _FOLDER.iterdir()
    }
