"""From what a person types, or sends in a URL, to what a question is narrowed by, and the words it is recorded under."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from broker.audit.words import UK
from broker.board.node import BoardHome
from broker.board.questions.answer import BadQuestionError, Question, Takes
from broker.clock import to_ms
from broker.crypto.tokens import IdentifierKind
from broker.store.audit.rows import FOR_EVER_MS, Scope
from broker.store.audit.store import AuditWork
from schemas.directory import Directory
from schemas.errors import MalformedIdentifierError
from schemas.ids import NhsNumber, Upn

IDENTIFIERS: Final = (("nhs", IdentifierKind.NHS_NUMBER, NhsNumber), ("upn", IdentifierKind.UPN, Upn))
_OF: Final[Mapping[str, Takes]] = {
    "case": Takes.CHILD,
    "nhs": Takes.CHILD,
    "upn": Takes.CHILD,
    "sample": Takes.CHILD,
    "seed": Takes.CHILD,
    "since": Takes.PERIOD,
    "until": Takes.PERIOD,
    "area": Takes.AREA,
    "member": Takes.MEMBER,
    "hours": Takes.HOURS,
    "days": Takes.DAYS,
}
MOST_SAMPLED: Final = 50
_MOST_NUMBER: Final = 100_000


@dataclass(frozen=True, slots=True)
class Params:
    """What a question is narrowed by. ``tokens`` stand for identifiers that are kept nowhere.

    ``sample``: that many children at random, drawn with ``seed``, which is recorded: so the draw can be repeated.
    """

    case: str | None = None
    tokens: tuple[bytes, ...] = ()
    sample: int | None = None
    seed: int = 0
    since_ms: int = 0
    until_ms: int = FOR_EVER_MS
    area: str | None = None
    member: str | None = None
    hours: int = 0
    days: int = 0
    recorded: str = field(default="everything")


def read_params(home: BoardHome, question: Question, given: Mapping[str, str | None], seed: int) -> Params:
    """Read what was given; ``seed`` is drawn by the caller and used where a sample names none.

    Raises:
        BadQuestionError: with the name of what to correct, and a sentence.
    """
    typed = {name: text.strip() for name, text in given.items() if text is not None and text.strip()}
    for name in typed:
        if _OF.get(name) not in question.takes:
            raise BadQuestionError(name, f"{question.key} is not narrowed by “{name}”.")
    present = {_OF[name] for name in typed if name != "seed"}
    for need in question.needs:
        if need not in present:
            raise BadQuestionError(need.value, _NEEDED[need])
    tokens, recorded = tokens_of(home, typed)
    sample = _number(typed, "sample", MOST_SAMPLED)
    drawn = _number(typed, "seed", 1 << 31)
    if sample is not None and (typed.get("case") or tokens):
        raise BadQuestionError("sample", "Give a case, a number or a sample; not two of them.")
    used_seed = (seed if drawn is None else drawn) if sample is not None else 0
    said = [f"{name} {typed[name]}" for name in ("case",) if name in typed] + recorded
    said += [f"sample of {sample}, seed {used_seed}"] if sample is not None else []
    said += [
        f"{name} {typed[name]}"
        for name in ("area", "member", "since", "until", "hours", "days")
        if name in typed
    ]
    since_ms, until_ms = _moment(typed, "since", 0), _moment(typed, "until", FOR_EVER_MS)
    if since_ms >= until_ms:
        raise BadQuestionError("until", ENDS_FIRST)
    return Params(
        case=typed.get("case"),
        tokens=tokens,
        sample=sample,
        seed=used_seed,
        since_ms=since_ms,
        until_ms=until_ms,
        area=own_area(home.areas(), typed.get("area")),
        member=a_member(home.directory(), typed.get("member")),
        hours=_number(typed, "hours", _MOST_NUMBER) or question.defaults.get("hours", 0),
        days=_number(typed, "days", _MOST_NUMBER) or question.defaults.get("days", 0),
        recorded="; ".join(said) or "everything",
    )


def a_member(directory: Directory, wanted: str | None) -> str | None:
    """A member by its id, its name, or a part of its name that only one member has. Raises BadQuestionError."""
    if wanted is None:
        return None
    if directory.member(wanted) is not None:
        return wanted
    exact = [one for one in directory.members if one.name.casefold() == wanted.casefold()]
    like = exact or [one for one in directory.members if wanted.casefold() in one.name.casefold()]
    if len(like) == 1:
        return str(like[0].id)
    if not like:
        raise BadQuestionError("member", f"No member is called “{wanted}”.")
    names = ", ".join(sorted(f"{one.name} ({one.id})" for one in like))
    raise BadQuestionError("member", f"“{wanted}” could be any of: {names}. Give the id.")


def own_area(own: frozenset[str], wanted: str | None) -> str | None:
    """An area of this board. Raises BadQuestionError."""
    if wanted is not None and wanted not in own:
        raise BadQuestionError(
            "area",
            f"“{wanted}” is not an area of this board. It answers for: {', '.join(sorted(own)) or 'none'}.",
        )
    return wanted


def records_of(params: Params, work: AuditWork, scope: Scope) -> frozenset[bytes] | None:
    """The records that a question is about; None: of any child. One of elsewhere is the same as one of nobody."""
    records: frozenset[bytes] | None = None
    if params.case is not None:
        records = work.records_by_case(params.case, scope)
    for token in params.tokens:
        led = work.records_by_token(token)
        records = led if records is None else records & led
    return records


ENDS_FIRST: Final = "The period ends before it begins: “until” must be later than “since”."
_NEEDED: Final[Mapping[Takes, str]] = {
    Takes.CHILD: "Say which child: a case reference, an NHS number, a UPN, or a random sample of how many.",
    Takes.PERIOD: "Say since when.",
    Takes.AREA: "Say which area.",
    Takes.MEMBER: "Say which member.",
    Takes.HOURS: "Say how many hours.",
    Takes.DAYS: "Say how many days.",
}


def tokens_of(home: BoardHome, typed: Mapping[str, str]) -> tuple[tuple[bytes, ...], list[str]]:
    """What leads to a child by number, and the words for it. The number is neither kept nor recorded: its token is.

    Raises:
        BadQuestionError: it is no such number.
    """
    tokens, recorded = [], []
    for name, kind, form in IDENTIFIERS:
        if name not in typed:
            continue
        try:
            token = home.keyring.tokens().token_now(kind, str(form(typed[name])))
        except MalformedIdentifierError as error:
            raise BadQuestionError(name, str(error)) from error
        tokens.append(token.value)
        recorded.append(f"{kind.value} token {token.value.hex()}")
    return tuple(tokens), recorded


def _number(typed: Mapping[str, str], name: str, most: int) -> int | None:
    if name not in typed:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", typed[name]) or not 0 < (found := int(typed[name])) <= most:
        raise BadQuestionError(name, f"“{name}” is a whole number from 1 to {most}.")
    return found


def _moment(typed: Mapping[str, str], name: str, otherwise: int) -> int:
    """What was typed is UK time, as everything that is shown is."""
    if name not in typed:
        return otherwise
    try:
        moment = datetime.fromisoformat(typed[name])
    except ValueError as error:
        raise BadQuestionError(
            name, f"“{name}” is a date such as 2026-03-02, or 2026-03-02T09:30."
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UK)
    if not 1970 < moment.year < 9999:  # noqa: PLR2004  what a clock in milliseconds can say
        raise BadQuestionError(name, f"“{name}” is no year of this exchange.")
    return to_ms(moment.astimezone(UTC))
