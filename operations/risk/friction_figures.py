"""Counting a patient's friction figures from the record: Claims, ClaimResponses, Conditions and Encounters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from operations.pas.stored_packet import packet_from_store
from operations.policy.claim_item import age_on
from operations.policy.json_reading import day_of, objects, part
from operations.ports import Context
from operations.risk.friction import Figure
from operations.risk.packet_preview import preview_packet
from profiles.json import Json, Resource
from profiles.outcome import FhirError

_LIMIT: Final = 2000
_YEAR, _HALF_YEAR = timedelta(days=365), timedelta(days=183)
_DENIED: Final = "A3"
_REVIEW_ACTION: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-reviewAction"
_REVIEW_ACTION_CODE: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-reviewActionCode"
_ICD: Final = frozenset({"http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10"})
_CHRONIC_CATEGORIES: Final = frozenset(
    {
        *("B18", "B20", "D57", "D86", "E03", "E05", "E08", "E10", "E11", "E13", "E66", "E78", "E84"),
        *("F01", "F02", "F03", "F20", "F25", "F31", "F32", "F33", "F84", "G12", "G20", "G30", "G35", "G40", "G43", "G47"),
        *("I10", "I11", "I12", "I13", "I20", "I25", "I27", "I42", "I48", "I50", "I69", "I70", "I73"),
        *(
            "J43",
            "J44",
            "J45",
            "J47",
            "J84",
            "K50",
            "K51",
            "K74",
            "L40",
            "M05",
            "M06",
            "M16",
            "M17",
            "M32",
            "M45",
            "M81",
            "N18",
        ),
    }
)
_PRIORITY: Final = {"stat": "emergency", "normal": "routine", "deferred": "routine", "urgent": "urgent", "asap": "urgent"}
_LEVEL_OF_SERVICE: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-levelOfServiceCode"


async def counted_figures(patient: Resource, context: Context, leave_out: Iterable[str]) -> dict[str, Figure]:
    """Every figure that the record of `patient` tells, but for those named in `leave_out`.

    Raises `FhirError` (search-too-costly) for a record of more than 2000 resources of one type.
    """
    counters = {
        "age": _age,
        "denials-12-months": _denials,
        "chronic-conditions": _chronic,
        "emergency-visits-6-months": _emergencies,
        "urgency": _urgency,
        "packet-gaps": _gaps,
    }
    left_out = frozenset(leave_out)
    figures = {}
    for name, counter in counters.items():
        if name not in left_out and (figure := await counter(patient, context)) is not None:
            figures[name] = figure
    return figures


async def _age(patient: Resource, context: Context) -> Figure | None:
    age = age_on(patient.get("birthDate"), context.now().date())
    return None if age is None else Figure(age, "counted", (_name(patient),))


async def _denials(patient: Resource, context: Context) -> Figure:
    since = context.now().date() - _YEAR
    query = {"patient": _name(patient), "created": f"ge{since.isoformat()}"}
    found = await context.records.search("ClaimResponse", query, limit=_LIMIT)
    return _count(response for response in found if _since(response.get("created"), since) and is_denial(response))


async def _chronic(patient: Resource, context: Context) -> Figure:
    found = await context.records.search("Condition", {"patient": _name(patient)}, limit=_LIMIT)
    today = context.now().date()
    by_code: dict[str, Resource] = {}
    for condition in found:
        if is_chronic(condition, today):
            by_code.setdefault(_first_code(condition), condition)
    return _count(by_code.values())


async def _emergencies(patient: Resource, context: Context) -> Figure:
    since = context.now().date() - _HALF_YEAR
    query = {"patient": _name(patient), "date": f"ge{since.isoformat()}"}
    found = await context.records.search("Encounter", query, limit=_LIMIT)
    return _count(visit for visit in found if is_emergency(visit) and _since(part(visit, "period", "start"), since))


async def _urgency(patient: Resource, context: Context) -> Figure | None:
    claim = await _latest_request(patient, context)
    if claim is None:
        return None
    codes = [coding.get("code") for coding in objects(part(claim, "priority", "coding"))]
    levels = [
        coding.get("code")
        for extension in objects(claim.get("extension"))
        if extension.get("url") == _LEVEL_OF_SERVICE
        for coding in objects(part(extension, "valueCodeableConcept", "coding"))
    ]
    found = [_PRIORITY[code] for code in codes if isinstance(code, str) and code in _PRIORITY]
    if "U" in levels and "emergency" not in found:
        found = ["urgent"]
    return Figure(found[0], "counted", (_name(claim),)) if found else None


async def _gaps(patient: Resource, context: Context) -> Figure | None:
    claim = await _latest_request(patient, context)
    if claim is None:
        return None
    try:
        preview = await preview_packet(await packet_from_store(claim, context), context)
    except FhirError:
        return Figure(0, "default", (_name(claim),), "The latest request could not be assessed.")
    assessments = [item.assessment for item in preview.items if item.assessment]
    gaps = sum(
        len(assessment.missing_documents) + sum(not finding.result.met for finding in assessment.findings)
        for assessment in assessments
    )
    return Figure(gaps, "counted", (_name(claim),))


async def _latest_request(patient: Resource, context: Context) -> Resource | None:
    """The most recent active request for authorization, by `created`."""
    found = await context.records.search("Claim", {"patient": _name(patient), "status": "active"}, limit=_LIMIT)
    requests = [claim for claim in found if claim.get("use") == "preauthorization"]
    return max(requests, key=lambda claim: (str(claim.get("created")), str(claim.get("id"))), default=None)


def is_denial(response: Resource) -> bool:
    """True when an item, an added item or the whole was not certified (review action A3)."""
    holders = [response, *objects(response.get("item")), *objects(response.get("addItem"))]
    return any(
        coding.get("code") == _DENIED
        for holder in holders
        for adjudication in objects(holder.get("adjudication"))
        for action in objects(adjudication.get("extension"))
        if action.get("url") == _REVIEW_ACTION
        for code in objects(action.get("extension"))
        if code.get("url") == _REVIEW_ACTION_CODE
        for coding in objects(part(code, "valueCodeableConcept", "coding"))
    )


def is_chronic(condition: Resource, today: date) -> bool:
    """An active Condition of a chronic ICD-10-CM category, or one that began a year ago or more and has not abated."""
    status = {coding.get("code") for coding in objects(part(condition, "clinicalStatus", "coding"))}
    verification = {coding.get("code") for coding in objects(part(condition, "verificationStatus", "coding"))}
    if not status & {"active", "recurrence", "relapse"} or verification & {"refuted", "entered-in-error"}:
        return False
    if any(key.startswith("abatement") for key in condition):
        return False
    for coding in objects(part(condition, "code", "coding")):
        code = coding.get("code")
        if coding.get("system") in _ICD and isinstance(code, str) and code[:3].upper() in _CHRONIC_CATEGORIES:
            return True
    began = day_of(condition.get("onsetDateTime")) or day_of(part(condition, "onsetPeriod", "start"))
    return began is not None and today - began >= _YEAR


def is_emergency(visit: Resource) -> bool:
    """An emergency encounter that took place."""
    happened = visit.get("status") in ("arrived", "triaged", "in-progress", "onleave", "finished", "unknown")
    return happened and part(visit, "class", "code") == "EMER"


def _since(value: Json, since: date) -> bool:
    day = day_of(value)
    return day is not None and day >= since


def _first_code(condition: Resource) -> str:
    coding = next(iter(objects(part(condition, "code", "coding"))), {})
    return f"{coding.get('system')}|{coding.get('code')}" if coding.get("code") else _name(condition)


def _count(resources: Iterable[Resource]) -> Figure:
    references = tuple(_name(resource) for resource in resources)
    return Figure(len(references), "counted", references)


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"
