"""What a home says about itself: ``member.json``, read by everything that opens one."""

import json
from dataclasses import dataclass
from pathlib import Path

from broker.errors import ConfigurationError

CARD = "member.json"


@dataclass(frozen=True, slots=True)
class Card:
    """Whose home it is."""

    id: str
    kind: str


def read_card(home: Path) -> Card:
    """Read a home's card.

    Raises:
        ConfigurationError: it is no home, or its card cannot be read.
    """
    try:
        document = json.loads((home / CARD).read_bytes())
        card = Card(document["id"], document["kind"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigurationError(
            f"{home} is not a member's home; `handrail directory add-member` makes one"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{home / CARD} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigurationError(_damaged(home)) from error
    if not (isinstance(card.id, str) and isinstance(card.kind, str)):
        raise ConfigurationError(_damaged(home))
    return card


def _damaged(home: Path) -> str:
    return (
        f"{home / CARD} is damaged: it does not say whose home this is. Nothing else is lost: bring that one file back from "
        "the last backup of this home"
    )
