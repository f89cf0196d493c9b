"""Bands of a child's characteristics at a front door: kept by case reference, sealed, for its boards and nobody else.

Nothing is kept where the sharing policy lets boards hold none. Kept are the two bands that no event tells, never the
codes that they were made from; the age comes from each event's own date of birth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic import ValidationError
from pydantic_core import to_json

from adapters.gateway.errors import BandsNotAgreedError, NotAFrontDoorError
from adapters.gateway.home import Home
from broker.calendars import day_of
from broker.crypto.vault import pairwise_handle
from broker.errors import TamperedError
from broker.store.gateway.store import Work
from schemas import canonical
from schemas.bands import Bands, Characteristics, Disabled, EthnicGroup, age_band, disabled, ethnic_group
from schemas.errors import EventRefusedError, Fault
from schemas.event_reader import faults_of
from schemas.events.base import Event

_log = structlog.get_logger()

_BESIDE_IT: Final = "characteristics"
_NOISE: Final = 6
"""Bytes that make no two sealed values alike; with the name before them and the bands behind, the vault takes them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one child."""

    ethnicity: EthnicGroup = EthnicGroup.NOT_TOLD
    disabled: Disabled = Disabled.NOT_TOLD

    def and_now(self, said: Characteristics | None) -> "Kept":
        """With what is said now; what is not said stays."""
        if said is None:
            return self
        return Kept(
            ethnic_group(said.ethnicity) or self.ethnicity, disabled(said.disabilities) or self.disabled
        )


class CharacteristicsBook:
    """One front door's bands."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def agreed(self) -> bool:
        """Whether this member may tell its boards of any: a front door, and the policy says so."""
        return self._home.directory.policy.board_bands is not None and self._home.me.front_door

    def set(self, case_ref: str, said: Characteristics) -> Kept:
        """Keep what the case system says of the child with this reference; what it does not say stays.

        Raises:
            NotAFrontDoorError: only a front door tells boards of characteristics.
            BandsNotAgreedError: the policy lets boards hold none.
        """
        if not self._home.me.front_door:
            raise NotAFrontDoorError
        if not self.agreed:
            raise BandsNotAgreedError("the sharing policy lets boards hold no bands of characteristics")
        with self._home.store.work() as work:
            return self._keep(work, case_ref, said)

    def kept(self, case_ref: str) -> Kept:
        """What is kept of the child with this reference; *not told* throughout where nothing is."""
        with self._home.store.look() as work:
            return self._of(work, case_ref)

    def forget(self, case_ref: str | None = None) -> int:
        """Erase what is kept of one child, or of all; gives how many there were."""
        with self._home.store.work() as work:
            return work.characteristics.forget(None if case_ref is None else self._name(case_ref))

    def bands(self, work: Work, event: Event, said: Characteristics | None) -> Bands | None:
        """What an event's slip tells of its child; None where boards may hold nothing. Keeps what is said beside it.

        Present wherever boards may hold bands, whatever is known: so a slip's length tells nothing of the child.
        """
        if not self.agreed:
            return None
        case_ref = event.subject.case_ref
        if case_ref is None:
            kept = Kept().and_now(said)
        else:
            kept = self._of(work, case_ref) if said is None else self._keep(work, case_ref, said)
        return Bands(age_band(event.subject, day_of(event.recorded_at)), kept.ethnicity, kept.disabled)

    def _keep(self, work: Work, case_ref: str, said: Characteristics) -> Kept:
        before = self._of(work, case_ref)
        kept = before.and_now(said)
        if kept != before:
            name = self._name(case_ref)
            plain = name + self._home.entropy(_NOISE) + bytes([kept.ethnicity, kept.disabled])
            work.characteristics.keep(name, self._home.vault.close(plain))
        return kept

    def _of(self, work: Work, case_ref: str) -> Kept:
        name = self._name(case_ref)
        sealed = work.characteristics.of(name)
        if sealed is None:
            return Kept()
        try:
            plain = self._home.vault.open(sealed)
        except TamperedError:
            # What a board may know never stops an event.
            _log.warning("characteristics-unusable")
            return Kept()
        if not plain.startswith(name):
            _log.warning("characteristics-unusable")
            return Kept()
        return Kept(EthnicGroup(plain[-2]), Disabled(plain[-1]))

    def _name(self, case_ref: str) -> bytes:
        secret = self._home.keyring.secret("vault")
        return pairwise_handle(secret, "characteristics", canonical.encode([case_ref]))


def read_handed(document: Mapping[str, Any]) -> tuple[Any, Characteristics | None]:
    """What is handed to the gateway: an event, or ``{"event": ..., "characteristics": ...}``.

    Raises:
        EventRefusedError: what stands beside the event is not in the census's codes; no value is repeated.
    """
    if "event" not in document:
        return document, None
    if document.keys() - {"event", _BESIDE_IT}:
        advice = "Leave everything out but 'event' and 'characteristics'."
        raise EventRefusedError(
            "invalid-event", [Fault("event", "has something beside it that is unknown", advice)]
        )
    return document["event"], read_characteristics(document.get(_BESIDE_IT, {}))


def read_characteristics(document: object) -> Characteristics:
    """What a case system says. Raises EventRefusedError."""
    try:
        return Characteristics.model_validate_json(to_json(document))
    except ValidationError as error:
        found = list(faults_of(error))
        places = (_BESIDE_IT if one.place == "event" else f"{_BESIDE_IT}.{one.place}" for one in found)
        faults = [Fault(place, one.why, one.advice) for place, one in zip(places, found, strict=True)]
        raise EventRefusedError("invalid-event", faults) from None
