"""Values in a PAS request: full dates, quantities, timings (PAS 2.2.1 FullDateRule, prof-1, prof-2, prof-3).

A partial date is an error of the profile. The prof rules are warnings: official examples break them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from profiles.bundle_index import BundleIndex, Held
from profiles.json import Json, Resource
from profiles.outcome import Issue
from profiles.pas_names import (
    CERT_EFFECTIVE_DATE,
    CERT_EXPIRATION_DATE,
    CERT_ISSUE_DATE,
    DIAGNOSIS_RECORDED_DATE,
    HOME_HEALTH_CARE,
    PAS_TEMP,
    TIMING_CALENDAR_PATTERN,
    TIMING_DELIVERY_PATTERN,
    X12_QUANTITY_UNIT,
)
from profiles.reading import child, extension, has_code, numbered, objects, text

_DATED_INFORMATION: Final = ("patientEvent", "admissionDates", "dischargeDates")
_CERTIFICATION_DATES: Final = (CERT_ISSUE_DATE, CERT_EFFECTIVE_DATE, CERT_EXPIRATION_DATE)


def value_issues(index: BundleIndex, prior: Held | None) -> Iterator[Issue]:
    claim = index.entries[0].resource
    root = "Bundle.entry[0].resource"
    for path, value in _claim_dates(claim, root):
        yield from _full(value, path)
    for held in index.entries:
        at = f"Bundle.entry[{held.place}].resource"
        if held.resource.get("resourceType") == "Patient":
            yield from _full(held.resource.get("birthDate"), f"{at}.birthDate")
        yield from _quantity_and_timing(held.resource, at)


def _claim_dates(claim: Resource, root: str) -> Iterator[tuple[str, Json]]:
    yield f"{root}.accident.date", child(claim, "accident").get("date")
    yield f"{root}.extension.date", extension(extension(claim, HOME_HEALTH_CARE), "date").get("valueDate")
    for place, diagnosis in numbered(claim.get("diagnosis")):
        recorded = extension(diagnosis, DIAGNOSIS_RECORDED_DATE).get("valueDate")
        yield f"{root}.diagnosis[{place}].extension.value", recorded
    for place, info in numbered(claim.get("supportingInfo")):
        if any(has_code(info.get("category"), code, PAS_TEMP) for code in _DATED_INFORMATION):
            yield from _date_or_period(info, "timing", f"{root}.supportingInfo[{place}]")
    for place, item in numbered(claim.get("item")):
        at = f"{root}.item[{place}]"
        yield from _date_or_period(item, "serviced", at)
        for url in _CERTIFICATION_DATES:
            yield from _date_or_period(extension(item, url), "value", f"{at}.extension")


def _date_or_period(element: Resource, name: str, at: str) -> Iterator[tuple[str, Json]]:
    yield f"{at}.{name}", element.get(f"{name}Date")
    period = child(element, f"{name}Period")
    yield f"{at}.{name}.start", period.get("start")
    yield f"{at}.{name}.end", period.get("end")


def _full(value: Json, path: str) -> Iterator[Issue]:
    if isinstance(value, str) and len(value) != 10:
        yield Issue("pas-date", "PAS wants this date in full and without a time: YYYY-MM-DD.", path)


def _quantity_and_timing(resource: Resource, at: str) -> Iterator[Issue]:
    kind = resource.get("resourceType")
    if kind == "Claim":
        for place, item in numbered(resource.get("item")):
            yield from _quantity(item.get("quantity"), f"{at}.item[{place}].quantity")
    elif kind in ("ServiceRequest", "DeviceRequest"):
        yield from _quantity(resource.get("quantityQuantity"), f"{at}.quantity")
        yield from _timing(resource.get("occurrenceTiming"), f"{at}.occurrence")
    elif kind == "MedicationRequest":
        for place, dosage in numbered(resource.get("dosageInstruction")):
            yield from _timing(dosage.get("timing"), f"{at}.dosageInstruction[{place}].timing")


def _quantity(quantity: Json, at: str) -> Iterator[Issue]:
    if not isinstance(quantity, dict):
        return
    if "value" not in quantity or not (text(quantity.get("unit")) or text(quantity.get("code"))):
        yield Issue("pas-quantity", "A PAS quantity needs a value, and a unit or a code (prof-2).", at, "warning")
    if "code" in quantity and quantity.get("system") != X12_QUANTITY_UNIT:
        yield Issue("pas-quantity", "A coded PAS quantity uses the X12 units, not UCUM (prof-3).", f"{at}.code", "warning")


def _timing(timing: Json, at: str) -> Iterator[Issue]:
    if not isinstance(timing, dict):
        return
    repeat = child(timing, "repeat")
    counted = "count" in repeat or all(name in repeat for name in ("frequency", "period", "periodUnit"))
    patterned = any(extension(timing, url) for url in (TIMING_CALENDAR_PATTERN, TIMING_DELIVERY_PATTERN))
    patterned = patterned or any(
        each.get("url") in (TIMING_CALENDAR_PATTERN, TIMING_DELIVERY_PATTERN) for each in objects(repeat.get("extension"))
    )
    if not counted and not patterned:
        yield Issue("pas-timing", "A PAS timing needs a count, a frequency, or a PAS pattern (prof-1).", at, "warning")
