"""The routing fields of an event, opened: all that the router knows, and all that it decides on."""

from dataclasses import dataclass
from typing import Any, Final

from schemas.envelope import HASH_BYTES, ID_BYTES, MAX_READERS
from schemas.reading import MalformedMessageError, listed, number_of, octets, optional_text, rows, text, whole
from schemas.wire import ChainLink, Field, Lane, MatterEffect, Token

_ALL: Final = frozenset(Field)


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """The routing fields of one verified event, opened. What the router decides on; nothing else exists for it."""

    tokens: tuple[Token, ...]
    acting_area: str
    residence: str | None
    from_area: str | None
    to_area: str | None
    readers: tuple[str, ...]
    chain: ChainLink
    matter: tuple[MatterEffect, bytes | None]
    action: Any

    def values(self) -> dict[Field, Any]:
        """The canonical value of each field, for sealing."""
        effect, ref = self.matter
        return {
            Field.TOKENS: [token.to_value() for token in self.tokens],
            Field.ACTING_AREA: self.acting_area,
            Field.RESIDENCE: self.residence,
            Field.FROM: self.from_area,
            Field.TO: self.to_area,
            Field.READERS: list(self.readers),
            Field.CHAIN: self.chain.to_value(),
            Field.MATTER: [int(effect), ref],
            Field.ACTION: self.action,
        }

    @classmethod
    def from_values(cls, values: dict[Field, Any]) -> "RoutingFacts":
        """Read all nine fields; raises MalformedMessageError."""
        if values.keys() != _ALL:
            missing = sorted(field.name for field in _ALL - values.keys())
            raise MalformedMessageError(f"routing fields not opened: {missing}")
        lane, sequence, previous = rows(values[Field.CHAIN], 3, "chain")
        effect, ref = rows(values[Field.MATTER], 2, "matter")
        return cls(
            tokens=tokens_in(values[Field.TOKENS]),
            acting_area=text(values[Field.ACTING_AREA], "acting area"),
            residence=optional_text(values[Field.RESIDENCE], "residence"),
            from_area=optional_text(values[Field.FROM], "from"),
            to_area=optional_text(values[Field.TO], "to"),
            readers=tuple(
                text(row, "reader") for row in listed(values[Field.READERS], MAX_READERS, "readers")
            ),
            chain=ChainLink(
                number_of(Lane, lane, "lane"),
                whole(sequence, "sequence"),
                octets(previous, HASH_BYTES, "previous"),
            ),
            matter=(
                number_of(MatterEffect, effect, "matter"),
                None if ref is None else octets(ref, ID_BYTES, "matter reference"),
            ),
            action=values[Field.ACTION],
        )


def tokens_in(value: Any) -> tuple[Token, ...]:
    """The tokens of an opened TOKENS field; raises MalformedMessageError."""
    pairs = (rows(row, 2, "token") for row in listed(value, 16, "tokens"))
    return tuple(
        Token(whole(epoch, "token epoch"), octets(token, ID_BYTES, "token")) for epoch, token in pairs
    )
