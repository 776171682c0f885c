"""Drugs that were ordered long enough ago, dispensed, administered or reported (FHIR R4 Medication*).

An order is not a done fact: a MedicationRequest tells of a course only when it is completed or stopped, or active since at
least four weeks before the request; a younger one is only an order. Proposals, plans and drafts tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from operations.evidence.coded.elements import (
    Resolve,
    codes,
    codings,
    items,
    number,
    obj,
    period,
    reference,
    resource_of,
    source,
    text,
    tidy,
    weeks_between,
    when,
    words,
)
from operations.evidence.drug_facts import DrugUse, Outcome, drug_facts
from operations.evidence.fact import Fact, FactCollector
from operations.evidence.ingredients import Ingredient, by_code, named_in
from operations.packet import Entry
from profiles.json import Json

_SETTLED: Final = timedelta(weeks=4)
_ORDER_INTENTS: Final = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_NOT_TOLERATED_CODES: Final = frozenset({"salg", "sintol"})
_NOT_TOLERATED: Final = ("intoleran", "not tolerat", "adverse", "side effect", "allerg", "contraindicat", "toxicity")
_FAILED: Final = ("ineffective", "not effective", "no relief", "lack of", "failed", "failure", "inadequate", "no response")


def medication_collector(resolve: Resolve) -> FactCollector:
    """The collector for every kind of medication record; `resolve` finds a referenced Medication."""

    def collect(entry: Entry, as_of: date) -> Iterator[Fact]:
        record = resource_of(entry)
        kind = text(record.get("resourceType"))
        found = _READERS[kind](record, as_of) if kind in _READERS else None
        if found is None:
            return
        drugs = ingredients_of(entry, resolve)
        use = DrugUse(
            source=source(entry, "medication"),
            method="coded",
            confidence=found.confidence,
            as_of=found.as_of,
            taken=found.taken,
            weeks=found.weeks,
            outcome=_outcome(record) if found.taken else None,
            for_migraine=_about_migraine(record, entry, resolve),
        )
        for drug in drugs:
            yield from drug_facts(drug, use)

    return collect


def ingredients_of(entry: Entry, resolve: Resolve) -> list[Ingredient]:
    """The ingredients of medicationCodeableConcept or of the Medication (contained or elsewhere) that is referenced."""
    record = resource_of(entry)
    concepts: list[Json] = [record.get("medicationCodeableConcept")]
    target = reference(record.get("medicationReference"))
    medication = _contained(record, target[1:]) if target.startswith("#") else None
    if medication is None and target and not target.startswith("#"):
        held = resolve(target, entry)
        medication = resource_of(held) if held is not None else None
    if medication is not None and medication.get("resourceType") == "Medication":
        concepts.append(medication.get("code"))
        concepts.extend(part.get("itemCodeableConcept") for _, part in items(medication.get("ingredient")))
    concepts.append({"text": obj(record.get("medicationReference")).get("display")})
    found: dict[str, Ingredient] = {}
    for concept in concepts:
        named = [drug for c in codings(concept) if (drug := by_code(c.system, c.code)) is not None]
        for drug in [*named, *(drug for drug, _, _ in named_in(words(concept)))]:
            found.setdefault(drug.name, drug)
    return list(found.values())


class _Course:
    """When and how surely the drug was taken."""

    __slots__ = ("as_of", "confidence", "taken", "weeks")

    def __init__(
        self, as_of: date | None, confidence: float, weeks: int | Decimal | None = None, *, taken: bool = True
    ) -> None:
        self.as_of, self.confidence, self.weeks, self.taken = as_of, confidence, weeks, taken


def _request(record: dict[str, Any], as_of: date) -> _Course | None:
    status = record.get("status")
    if text(record.get("intent")) not in _ORDER_INTENTS or record.get("doNotPerform") is True:
        return None
    written = when(record, "authoredOn")
    bounds = next((obj(_repeat(dose).get("boundsPeriod")) for _, dose in items(record.get("dosageInstruction"))), {})
    start, end = period(bounds)
    weeks = weeks_between(start, min(end, as_of)) if start and end else None
    if status in ("completed", "stopped"):
        return _Course(written or end, 0.8, weeks or None)
    if status != "active" or written is None or written > as_of - _SETTLED:
        return None
    return _Course(written, 0.7, weeks or weeks_between(start or written, as_of))


def _statement(record: dict[str, Any], as_of: date) -> _Course | None:
    status = record.get("status")
    noted = when(record, "dateAsserted", "effectiveDateTime", "effectivePeriod")
    if status == "not-taken":
        return _Course(noted, 0.85, taken=False)
    if status not in ("active", "completed", "stopped", "on-hold"):
        return None
    start, end = period(record.get("effectivePeriod"))
    if start is not None and start > as_of:
        return None
    if end is None and status == "active":
        end = as_of
    weeks = weeks_between(start, min(end, as_of)) if start and end else None
    return _Course(when(record, "effectivePeriod", "effectiveDateTime", "dateAsserted"), 0.9, weeks or None)


def _administration(record: dict[str, Any], as_of: date) -> _Course | None:
    if record.get("status") not in ("completed", "in-progress", "stopped"):
        return None
    start, end = period(record.get("effectivePeriod"))
    weeks = weeks_between(start, min(end, as_of)) if start and end else None
    return _Course(when(record, "effectiveDateTime", "effectivePeriod"), 0.95, weeks or None)


def _dispense(record: dict[str, Any], as_of: date) -> _Course | None:
    handed = when(record, "whenHandedOver", "whenPrepared")
    if record.get("status") != "completed" or (handed is not None and handed > as_of):
        return None
    days = number(obj(record.get("daysSupply")).get("value"))
    passed = (as_of - handed).days if handed else None
    taken = None if days is None or days <= 0 else (days if passed is None else min(days, passed))
    return _Course(handed, 0.85, tidy(Decimal(taken) / 7) if taken else None)


_READERS: Final[dict[str, Callable[[dict[str, Any], date], _Course | None]]] = {
    "MedicationRequest": _request,
    "MedicationStatement": _statement,
    "MedicationAdministration": _administration,
    "MedicationDispense": _dispense,
}


def _repeat(dose: dict[str, Any]) -> dict[str, Any]:
    return obj(obj(dose.get("timing")).get("repeat"))


def _outcome(record: dict[str, Any]) -> Outcome | None:
    reasons = [record.get("statusReason"), *(concept for _, concept in items(record.get("statusReason")))]
    said = words(*reasons)
    if any(codes(reason) & _NOT_TOLERATED_CODES for reason in reasons) or any(word in said for word in _NOT_TOLERATED):
        return "not tolerated"
    return "no relief" if any(word in said for word in _FAILED) else None


def _about_migraine(record: dict[str, Any], entry: Entry, resolve: Resolve) -> bool:
    concepts: list[Json] = [concept for _, concept in items(record.get("reasonCode"))]
    for _, pointer in items(record.get("reasonReference"))[:10]:
        target = resolve(reference(pointer), entry) if reference(pointer) else None
        if target is not None:
            concepts.append(resource_of(target).get("code"))
    return any("migraine" in words(concept) or any(c.startswith("G43") for c in codes(concept)) for concept in concepts)


def _contained(record: dict[str, Any], id: str) -> dict[str, Any] | None:
    return next((one for _, one in items(record.get("contained")) if one.get("id") == id), None)
