"""Facts that the request itself states: diagnoses, urgency, place of service, quantity (FHIR R4 Claim, PAS profile-claim)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from operations.evidence.code_families import ICD_10_CM, meanings
from operations.evidence.coded.elements import (
    Resolve,
    codes,
    codings,
    day,
    items,
    number,
    obj,
    reference,
    resource_of,
    source,
)
from operations.evidence.fact import Fact
from operations.packet import Entry
from profiles.json import Json

PAS: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
_CLAIMED_ONLY: Final = 0.45
"""A finding that only the request's own diagnosis implies is below the floor: a reviewer wants it documented elsewhere."""

_URGENT_LEVELS: Final = frozenset({"U", "03"})


def claim_facts(entry: Entry, as_of: date, resolve: Resolve) -> Iterator[Fact]:
    """Diagnoses and urgency of the whole Claim, and what its first live item asks for."""
    claim = resource_of(entry)
    for index, diagnosis in items(claim.get("diagnosis")):
        yield from _diagnosis_facts(entry, diagnosis, f"diagnosis[{index}]", as_of, resolve)
    yield from _urgency(entry, claim, as_of)
    first = next((index for index, item in items(claim.get("item")) if not is_cancelled(item)), None)
    if first is not None:
        yield from item_facts(entry, first, as_of)


def item_facts(entry: Entry, index: int, as_of: date) -> Iterator[Fact]:
    """Place of service and quantity of the item at `index` of Claim.item."""
    item = dict(items(resource_of(entry).get("item"))).get(index, {})
    for coding in codings(item.get("locationCodeableConcept")):
        if coding.code:
            place = source(entry, f"item[{index}].locationCodeableConcept{coding.path}")
            yield Fact("place_of_service", coding.code, place, "request", 1.0, as_of)
            break
    quantity = number(obj(item.get("quantity")).get("value"))
    if quantity is not None:
        yield Fact("quantity", quantity, source(entry, f"item[{index}].quantity.value"), "request", 1.0, as_of)


def is_cancelled(element: dict[str, Any]) -> bool:
    """True for an item or supporting information that a Claim Update takes back (PAS infoCancelled)."""
    return any(
        extension.get("url") == f"{PAS}/modifierextension-infoCancelled" and extension.get("valueBoolean") is True
        for _, extension in items(element.get("modifierExtension"))
    )


def service_date(claim: Json) -> date | None:
    """The day of service of the first live item: servicedDate, or the start of servicedPeriod."""
    for _, item in items(obj(claim).get("item")):
        if not is_cancelled(item):
            return day(item.get("servicedDate")) or day(obj(item.get("servicedPeriod")).get("start"))
    return None


def _diagnosis_facts(entry: Entry, diagnosis: dict[str, Any], path: str, as_of: date, resolve: Resolve) -> Iterator[Fact]:
    concept, holder, element = diagnosis.get("diagnosisCodeableConcept"), entry, f"{path}.diagnosisCodeableConcept"
    target = reference(diagnosis.get("diagnosisReference"))
    if concept is None and target:
        condition = resolve(target, entry)
        if condition is None or resource_of(condition).get("resourceType") != "Condition":
            return
        concept, holder, element = resource_of(condition).get("code"), condition, "code"
    for coding in codings(concept):
        if not coding.code:
            continue
        where = source(holder, element + coding.path)
        if coding.system in ICD_10_CM:
            yield Fact("diagnosis", [coding.code], where, "request", 1.0, as_of)
        for name, value, confidence in meanings(coding.system, coding.code):
            worth = confidence * 0.9 if name == "comorbidities" else _CLAIMED_ONLY
            yield Fact(name, value, where, "request", worth, as_of)


def _urgency(entry: Entry, claim: dict[str, Any], as_of: date) -> Iterator[Fact]:
    level = next(
        (
            (index, codes(extension.get("valueCodeableConcept")))
            for index, extension in items(claim.get("extension"))
            if extension.get("url") == f"{PAS}/extension-levelOfServiceCode"
        ),
        None,
    )
    if level is not None and level[1] & _URGENT_LEVELS:
        where = source(entry, f"extension[{level[0]}].valueCodeableConcept")
        yield Fact("urgent", True, where, "request", 1.0, as_of)
    elif priority := codes(claim.get("priority")):
        yield Fact("urgent", "stat" in priority, source(entry, "priority"), "request", 1.0, as_of)
