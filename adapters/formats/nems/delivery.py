"""The delivery as a birth notification's observations and episodes tell it: where, how heavy, how many, and alive or not."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from adapters.formats.nems.draft import Message
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import codes, hide_organisation, line, organisation
from schemas.ids import OdsCode

_WEIGHT: Final = frozenset({"364589006", "29463-7"})
_GESTATION: Final = frozenset({"412726003"})
_BIRTHS: Final = frozenset({"382341000000101"})
_STILLBIRTH: Final = frozenset({"237364002"})
_LIVE: Final = "1"
_STILL: Final = MappingProxyType(
    {
        "2": "still birth, before labour",
        "3": "still birth, during labour",
        "4": "still birth, time not known",
    }
)
_GRAMS: Final = MappingProxyType({"g": 1, "gram": 1, "kg": 1000})
_BIRTH_PLACE: Final = "http://hl7.org/fhir/StructureDefinition/birthPlace"
_MOST_AT_ONCE: Final = 12


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is said of one baby's delivery."""

    stillborn: str | None
    """None: born alive, or nothing said; else which kind of still birth, in words."""
    place: str | None
    provider: OdsCode | None
    gestation_weeks: int | None
    weight_grams: int | None
    order: int | None
    births: int | None


def read_delivery(message: Message, baby: Node) -> Delivery:
    """Collect it from the observations and episodes of care."""
    provider, place = _where(message, baby)
    order, births = _how_many(message, baby)
    return Delivery(
        stillborn=_stillborn(message, baby),
        place=place,
        provider=provider,
        gestation_weeks=_number(message, baby, _GESTATION, {"wk": 1, "week": 1}, range(18, 47)),
        weight_grams=_number(message, baby, _WEIGHT, _GRAMS, range(100, 10_000)),
        order=order,
        births=births,
    )


def _observations(message: Message, about: Node | None, wanted: frozenset[str]) -> list[Node]:
    """Observations with one of these codes about this patient (None: about anybody)."""
    found: list[Node] = []
    for resource in message.bundle.of("Observation"):
        subject = message.bundle.target(resource.node.one("subject"))
        concept = resource.node.one("code")
        if about is not None and (subject is None or subject.node is not about):
            continue
        if any(coding.says("code") in wanted for coding in codes(concept)):
            message.ledger.rule(concept, "what an observation is about; its value is accounted for by itself")
            message.ledger.rule(resource.node.one("category"), "kind of observation")
            message.ledger.rule(resource.node.one("status"), "status of an observation")
            found.append(resource.node)
    return found


def _stillborn(message: Message, baby: Node) -> str | None:
    said: set[str] = set()
    for observation in _observations(message, baby, _STILLBIRTH):
        coding = observation.at("valueCodeableConcept", "coding")
        code = message.ledger.take(coding, "code")
        if code != _LIVE and code not in _STILL:
            message.ledger.refuse("birth-outcome-unknown", coding or observation)
        said.add(code)
    if len(said) > 1:
        message.ledger.refuse("birth-outcome-contradictory", baby)
    if not said:
        message.ledger.note("birth-outcome-missing", baby, "not said whether the baby was born alive")
    return next((_STILL[code] for code in said if code in _STILL), None)


def _number(
    message: Message,
    about: Node | None,
    wanted: frozenset[str],
    units: MappingProxyType[str, int] | dict[str, int],
    sane: range,
) -> int | None:
    """A whole number in the base unit; fractions, other units and what cannot be are left out and reported."""
    for observation in _observations(message, about, wanted):
        quantity = observation.one("valueQuantity")
        if quantity is None:
            continue
        unit = quantity.says("code") or quantity.says("unit")
        value = _decimal(quantity.says("value"))
        scaled = value * units[unit] if value is not None and unit in units else None
        if scaled is None or scaled != scaled.to_integral_value() or int(scaled) not in sane:
            message.ledger.leave(
                quantity, "unusable-quantity", "not a whole number in a known unit and a possible range"
            )
            continue
        message.ledger.took(quantity)
        return int(scaled)
    return None


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    # A huge exponent is no measurement, and would take for ever to write out.
    return found if found.is_finite() and abs(found.adjusted()) < _MOST_AT_ONCE else None


def _how_many(message: Message, baby: Node) -> tuple[int | None, int | None]:
    births = _number(message, None, _BIRTHS, {"": 1, "1": 1, "{count}": 1}, range(1, _MOST_AT_ONCE + 1))
    node = baby.one("multipleBirthInteger")
    text = message.ledger.take(node)
    order = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else None  # noqa: PLR2004 - two digits
    if text and (order is None or not 1 <= order <= _MOST_AT_ONCE):
        message.ledger.leave(node, "unusable-quantity", "not a possible place in the order of births")
        order = None
    if order and births and order > births:
        why = "the place in the order of births is higher than the number of births, so neither is used"
        message.ledger.note("birth-order-contradictory", node, why)
        message.ledger.leave(node, "birth-order-contradictory", why)
        for observation in _observations(message, None, _BIRTHS):
            message.ledger.leave(observation.one("valueQuantity"), "birth-order-contradictory", why)
        return None, None
    return order, births


def _where(message: Message, baby: Node) -> tuple[OdsCode | None, str | None]:
    """The delivery place by its code and name; its town only where there is no name. Withheld of a restricted baby."""
    ledger, bundle = message.ledger, message.bundle
    extension = baby.extension(_BIRTH_PLACE)
    town = extension.at("valueAddress", "city") if extension else None
    link = None
    for resource in bundle.of("EpisodeOfCare"):
        concept = resource.node.one("type")
        if any(coding.says("code") == "delivery-place" for coding in codes(concept)):
            ledger.rule(concept, "says that the organisation is the delivery place")
            ledger.rule(resource.node.one("status"), "status of an episode")
            link = resource.node.one("managingOrganization")
    if message.sensitive:
        hide_organisation(ledger, bundle, link)
        hide_organisation(ledger, bundle, extension)
        return None, None
    held = organisation(ledger, bundle, link)
    name = held.name if held else None
    return held.ods if held else None, name or line(ledger, town)
