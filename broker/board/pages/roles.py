"""Which role sees which page. The one place that says so; a page that is not named here cannot be served."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from broker.pages.door import Rule


class Role(StrEnum):
    """What a person may be at a board's node. The values stand in ``pages.toml``."""

    SCRUTINEER = "scrutineer"
    """Asks about children and about practice, and judges the answers."""
    SECOND_AUDITOR = "second-auditor"
    """Agrees, or not, that somebody else may see a protected child; asks about no child himself."""
    BUSINESS_MANAGER = "business-manager"
    """Sees figures, and no child."""
    OPERATOR = "operator"
    """Keeps the node running: sees whether the log is whole, and nothing of anybody."""


ROLE_NAMES: Final[Mapping[str, str]] = {
    Role.SCRUTINEER: "independent scrutineer",
    Role.SECOND_AUDITOR: "second auditor",
    Role.BUSINESS_MANAGER: "business manager",
    Role.OPERATOR: "operator",
}


class Page(StrEnum):
    """A page; the value is the first part of its path."""

    HOME = "home"
    PURPOSE = "purpose"
    OVERVIEW = "overview"
    CHILD = "child"
    ANSWER = "answers"
    SILENCE = "silence"
    DECISIONS = "decisions"
    INTEGRITY = "integrity"
    ASK = "ask"
    APPROVALS = "approvals"
    QUESTIONS = "questions"
    EVERYBODYS_QUESTIONS = "all-questions"


_S, _A, _M, _O = Role.SCRUTINEER, Role.SECOND_AUDITOR, Role.BUSINESS_MANAGER, Role.OPERATOR
_EVERYBODY: Final = frozenset(Role)

ACCESS: Final[Mapping[Page, Rule]] = {
    Page.HOME: Rule(_EVERYBODY),
    Page.PURPOSE: Rule(_EVERYBODY),
    Page.OVERVIEW: Rule(frozenset({_S, _A, _M}), purpose=True),
    Page.CHILD: Rule(frozenset({_S})),
    Page.ANSWER: Rule(frozenset({_S, _M})),
    Page.SILENCE: Rule(frozenset({_S, _A, _M}), purpose=True),
    Page.DECISIONS: Rule(frozenset({_S, _A}), purpose=True),
    Page.INTEGRITY: Rule(_EVERYBODY, purpose=True),
    Page.ASK: Rule(frozenset({_S, _M})),
    Page.APPROVALS: Rule(frozenset({_A}), purpose=True),
    Page.QUESTIONS: Rule(_EVERYBODY),
    Page.EVERYBODYS_QUESTIONS: Rule(frozenset({_S, _A}), purpose=True),
}
"""A page with ``purpose`` asks something of the node when it is opened, under the purpose that the person has given.
The pages of a child, of a question and of an answer carry a purpose of their own."""

MENU: Final = (
    (Page.OVERVIEW, "Overview"),
    (Page.CHILD, "One child"),
    (Page.SILENCE, "Silence"),
    (Page.DECISIONS, "Not shared"),
    (Page.ASK, "Ask"),
    (Page.APPROVALS, "Approvals"),
    (Page.INTEGRITY, "Integrity"),
    (Page.QUESTIONS, "My questions"),
)


def role_names(roles: frozenset[str]) -> str:
    """A person's roles in words."""
    return ", ".join(ROLE_NAMES[role] for role in Role if role in roles)


def menu(roles: frozenset[str], current: Page | None) -> list[dict[str, object]]:
    """The pages that these roles see, for the Design System's navigation."""
    return [
        {"href": f"/{page}", "text": text, "current": page is current}
        for page, text in MENU
        if (ACCESS[page].roles or frozenset()) & roles
    ]
