"""Templates of the GOV.UK Design System, of this toolkit, and of one application; every value is escaped."""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader
from starlette.responses import HTMLResponse

from broker.clock import from_ms

_UK: Final = ZoneInfo("Europe/London")
_GOVUK: Final = "govuk_frontend_jinja"


class Layout:
    """Shows templates. ``standing`` are values that every page has, such as the name of the service."""

    def __init__(self, application: str, standing: Mapping[str, Any]) -> None:
        self._env = Environment(
            loader=ChoiceLoader(
                [
                    PackageLoader(application),
                    PackageLoader("broker.pages"),
                    PrefixLoader({_GOVUK: PackageLoader(_GOVUK)}),
                ]
            ),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.globals.update(standing)
        self._env.filters |= {"uk_time": uk_time, "uk_day": uk_day, "counted": counted}

    def show(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page."""
        return HTMLResponse(self._env.get_template(template).render(values), status)


def static_folder() -> Path:
    """Where the style sheets and scripts lie. They are files of the installed package, never inside an archive."""
    return Path(str(files("broker.pages") / "static"))


def uk_time(at_ms: int) -> str:
    """Such as ``3 March 2026, 9:30am``: as the Design System writes times."""
    local = _local(at_ms)
    hour = f"{local.hour % 12 or 12}:{local:%M}{'am' if local.hour < 12 else 'pm'}"  # noqa: PLR2004  noon
    return f"{uk_day(at_ms)}, {hour}"


def uk_day(at_ms: int) -> str:
    """Such as ``3 March 2026``."""
    local = _local(at_ms)
    return f"{local.day} {local:%B %Y}"


def counted(number: int, one: str, many: str) -> str:
    """Such as ``1 entry`` or ``3 entries``."""
    return f"{number} {one if number == 1 else many}"


def _local(at_ms: int) -> datetime:
    return from_ms(at_ms).astimezone(_UK)
