"""Reading what an area or a member publishes about its days and its people on duty: small TOML files."""

import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from broker.directory.errors import ChangeRefusedError
from schemas.base import Line, Wire
from schemas.calendars import SchoolTerm
from schemas.cues import LocalCue
from schemas.members import DutyContact

_Model = TypeVar("_Model", bound=BaseModel)


class AreaCalendar(Wire):
    """``[[terms]]`` with name, first, last, closed; ``local_clocks``, keys of the policy's local clocks; ``[[cues]]``, own numbers."""

    terms: tuple[SchoolTerm, ...] = ()
    local_clocks: tuple[Line, ...] = ()
    cues: tuple[LocalCue, ...] = ()


class _Contacts(Wire):
    contacts: tuple[DutyContact, ...]


def read_calendar(path: Path) -> AreaCalendar:
    """An area's calendar. Raises ChangeRefusedError."""
    return _read(path, AreaCalendar)


def read_contacts(path: Path) -> tuple[DutyContact, ...]:
    """A member's people on duty: ``[[contacts]]`` with hours, rung, role, contact. Raises ChangeRefusedError."""
    return _read(path, _Contacts).contacts


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return model.model_validate_json(json.dumps(found, default=str))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ChangeRefusedError(f"{path.name} is not TOML") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ChangeRefusedError(f"{path.name}: {place}: {first['msg']}") from error
