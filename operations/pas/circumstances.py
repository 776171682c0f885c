"""What an authorization repeats of the request: who renders the service, the stay it belongs to, the diagnosis.

PAS 2.2.1 profile-claimresponse: itemAuthorizedProvider (a Practitioner or an Organization), admissionDates, dischargeDate,
communicatedDiagnosis (one at most, as inquiry responses admit no more).
"""

from __future__ import annotations

from dataclasses import dataclass

from operations.packet import Entry, Packet
from operations.pas.claim_view import RequestedItem
from operations.pas.identity import behind
from profiles.json import Resource
from profiles.pas_names import (
    ADMISSION_DATES,
    CARE_TEAM_SCOPE,
    COMMUNICATED_DIAGNOSIS,
    DIAGNOSIS_SYSTEMS,
    DISCHARGE_DATE,
    PAS_TEMP,
    same_system,
)
from profiles.reading import child, codings, extension, has_code, objects, text, whole


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`provider` is a fullUrl of the request; `stay` and `diagnosis` are extensions ready to be carried."""

    provider: str | None = None
    stay: tuple[Resource, ...] = ()
    diagnosis: tuple[Resource, ...] = ()


NONE_KNOWN = Circumstances()


def circumstances(item: RequestedItem, packet: Packet) -> Circumstances:
    """What the request says around an item."""
    claim = packet.claim.resource
    return Circumstances(authorized_provider(item, packet), tuple(_stay(claim)), tuple(_diagnosis(item, claim)[:1]))


def _stay(claim: Resource) -> list[Resource]:
    found: list[Resource] = []
    for info in objects(claim.get("supportingInfo")):
        day, period = text(info.get("timingDate")), info.get("timingPeriod")
        if has_code(info.get("category"), "admissionDates", PAS_TEMP):
            if day is not None:
                found.append({"url": ADMISSION_DATES, "valueDate": day})
            elif isinstance(period, dict):
                found.append({"url": ADMISSION_DATES, "valuePeriod": period})
        elif has_code(info.get("category"), "dischargeDates", PAS_TEMP) and day is not None:
            found.append({"url": DISCHARGE_DATE, "valueDate": day})
    return list({each["url"]: each for each in reversed(found)}.values())


def _diagnosis(item: RequestedItem, claim: Resource) -> list[Resource]:
    """The first diagnosis that the item points at, else the Claim's first, in a code system of PAS."""
    diagnoses = objects(claim.get("diagnosis"))
    wanted = {number for number in item.element.get("diagnosisSequence", ()) if whole(number) is not None}
    chosen = [each for each in diagnoses if each.get("sequence") in wanted] or diagnoses
    concepts = [each.get("diagnosisCodeableConcept") for each in chosen]
    return [
        {"url": COMMUNICATED_DIAGNOSIS, "valueCodeableConcept": concept}
        for concept in concepts
        if any(same_system(each.system) in DIAGNOSIS_SYSTEMS for each in codings(concept))
    ]


def authorized_provider(item: RequestedItem, packet: Packet) -> str | None:
    """The fullUrl of the item's first care team member, else of the first one for the whole Claim."""
    members = objects(packet.claim.resource.get("careTeam"))
    wanted = {number for number in item.element.get("careTeamSequence", ()) if whole(number) is not None}
    of_item = [each for each in members if each.get("sequence") in wanted]
    of_claim = [each for each in members if extension(each, CARE_TEAM_SCOPE).get("valueBoolean") is True]
    for member in (*of_item, *of_claim):
        found = _person_or_organization(member, packet)
        if found is not None:
            return found.reference
    return None


def _person_or_organization(member: Resource, packet: Packet) -> Entry | None:
    literal = text(child(member, "provider").get("reference"))
    found = packet.resolve(literal, packet.claim) if literal is not None else None
    if found is None:
        return None
    candidates = [found, *reversed(behind(found, packet))]
    return next((each for each in candidates if each.type in ("Practitioner", "Organization")), None)
