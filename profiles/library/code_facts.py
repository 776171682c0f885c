"""What a table of the library says of value sets and code systems: bare codes, and only those that may ship (ADR 0010, 0034).

    ValueSet    {"include": [part], "exclude": [part]?}; a part: {"system", "codes": [...], "filter": ["property op value"],
                "valueSet": [canonicals], "withheld": true}
    CodeSystem  {"content": ..., "codes": [code or [code, [codes below it]]]}

`withheld`: the guide lists codes of a system whose content is not ours to ship. Such a part says nothing but its system, and
whether a code of that system is of the set stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from profiles.library.canonicals import shortened

Facts = dict[str, Any]

MOST_CODES: Final = 200
"""Longer lists are left to the packages that are installed at run time."""
MOST_CODES_OF_SYSTEM: Final = 1_200

_OPEN: Final = (
    "http://terminology.hl7.org/",
    "http://hl7.org/fhir/",
    "http://loinc.org",
    "http://unitsofmeasure.org",
    "http://dicom.nema.org/resources/ontology/DCM",
    "https://www.usps.com/",
    "urn:ietf:",
    "urn:iso:",
    "urn:oid:2.16.840.1.113883.6.238",
)
"""Systems whose codes may be listed: HL7's own, LOINC with its notice, the CDC's races, states, languages, mime types."""
_GROWING: Final = ("http://terminology.hl7.org/CodeSystem/v2-", "http://terminology.hl7.org/CodeSystem/v3-")
"""Systems that have a new edition every year: what R4 has of them is a fragment, so that a newer code is not called wrong."""
_CLOSED: Final = ("http://hl7.org/fhir/sid/", "http://terminology.hl7.org/CodeSystem/icd9")


def may_ship(system: str) -> bool:
    """Whether single codes of a system may stand in our tables."""
    return system.startswith(_OPEN) and not system.startswith(_CLOSED)


def value_set_facts(value_set: Facts, uses: Mapping[str, str]) -> Facts:
    """The facts of a ValueSet's composition."""
    compose = value_set.get("compose", {})
    facts: Facts = {"include": [_part(each, uses) for each in compose.get("include", [])]}
    if "exclude" in compose:
        facts["exclude"] = [_part(each, uses) for each in compose["exclude"]]
    return facts


def _part(part: Facts, uses: Mapping[str, str]) -> Facts:
    facts: Facts = {}
    if "system" in part:
        facts["system"] = shortened(part["system"], "CodeSystem", uses)
    concepts = part.get("concept", [])
    if concepts and may_ship(part["system"]) and len(concepts) <= MOST_CODES:
        facts["codes"] = [each["code"] for each in concepts]
    elif concepts:
        facts["withheld"] = True
    if "filter" in part:
        facts["filter"] = [f"{each['property']} {each['op']} {each['value']}" for each in part["filter"]]
    if "valueSet" in part:
        facts["valueSet"] = [shortened(each, "ValueSet", uses) for each in part["valueSet"]]
    return facts


def code_system_facts(system: Facts) -> Facts | None:
    """The facts of a CodeSystem; None for one whose codes may not ship, are not there, or are too many."""
    if "|" in system["url"]:
        return None  # R4 has some old tables under addresses with a version in them
    codes = [_code(each) for each in system.get("concept", [])]
    if not codes or system.get("content") != "complete" or not may_ship(system["url"]):
        return None
    facts: Facts = {"content": "fragment" if system["url"].startswith(_GROWING) else "complete", "codes": codes}
    if system.get("caseSensitive") is False:
        facts["caseSensitive"] = False
    return facts if _count(codes) <= MOST_CODES_OF_SYSTEM else None


def _code(concept: Facts) -> str | list[Any]:
    below = [_code(each) for each in concept.get("concept", [])]
    return [concept["code"], below] if below else str(concept["code"])


def _count(codes: list[Any]) -> int:
    return sum(1 if isinstance(each, str) else 1 + _count(each[1]) for each in codes)
