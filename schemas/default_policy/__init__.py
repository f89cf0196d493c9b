"""The default sharing policy: TOML files by theme, beside this one, and the reading of such files."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from schemas.policy import Policy

GROUP_MARK = "@"


def default_policy() -> Policy:
    """The policy that comes with Handrail: a rule for every type of the catalogue."""
    folder = resources.files(__name__)
    texts = {item.name: item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".toml")}
    return read_policy(texts[name] for name in sorted(texts))


def read_policy(texts: Iterable[str]) -> Policy:
    """Put a policy together from the TOML texts of its files, in any order.

    Raises:
        PolicyFileError: not TOML, something said twice in two files, or a group that nobody defined.
        pydantic.ValidationError: a rule is incomplete or says something unknown.
    """
    whole: dict[str, Any] = {}
    rules: dict[str, Mapping[str, Any]] = {}
    for text in texts:
        page = _parsed(text)
        _add(rules, page.pop("rules", {}))
        _add(whole, page)
    groups = whole.pop("groups", {})
    whole["rules"] = [
        {"event_type": name, **_spelled_out(rule, groups)} for name, rule in sorted(rules.items())
    ]
    return Policy.model_validate_json(json.dumps(whole, default=str))


class PolicyFileError(ValueError):
    """The files of a policy do not make one policy."""


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyFileError(f"not TOML: {error}") from error


def _add(whole: dict[str, Any], page: Mapping[str, Any]) -> None:
    twice = sorted(whole.keys() & page.keys())
    if twice:
        raise PolicyFileError(f"said in two files: {', '.join(twice)}")
    whole.update(page)


def _spelled_out(rule: Mapping[str, Any], groups: Mapping[str, list[str]]) -> dict[str, Any]:
    spelled = {("event_class" if name == "class" else name): value for name, value in rule.items()}
    for name in ("publishers", "admits", "addressed"):
        if name in spelled:
            spelled[name] = _members(spelled[name], groups)
    return spelled


def _members(kinds: Iterable[str], groups: Mapping[str, list[str]]) -> list[str]:
    found: list[str] = []
    for kind in kinds:
        if kind.startswith(GROUP_MARK):
            if kind[1:] not in groups:
                raise PolicyFileError(f"no group is called {kind}")
            found.extend(groups[kind[1:]])
        else:
            found.append(kind)
    return list(dict.fromkeys(found))
