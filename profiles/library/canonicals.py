"""Short forms of canonical URLs in the tables of the library: `pas:profile-claim`, `us-core:us-core-patient|6.1.0`.

Before the colon stands the guide, behind it the id. Without a version the one counts that the family of the table uses of that
guide (`uses`), so that a profile always rests on the version that it was written for (FHIR R4 references.html#canonical). R4's own
(`fhir:`) carry none. What does not fit stays a whole URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GUIDES: Final[Mapping[str, str]] = {
    "fhir": "http://hl7.org/fhir/",
    "r5": "http://hl7.org/fhir/5.0/",
    "us-core": "http://hl7.org/fhir/us/core/",
    "pas": "http://hl7.org/fhir/us/davinci-pas/",
    "crd": "http://hl7.org/fhir/us/davinci-crd/",
    "hrex": "http://hl7.org/fhir/us/davinci-hrex/",
    "cdex": "http://hl7.org/fhir/us/davinci-cdex/",
    "backport": "http://hl7.org/fhir/uv/subscriptions-backport/",
    "sdc": "http://hl7.org/fhir/uv/sdc/",
    "assent": "https://assent.example/fhir/",
}
"""The address under which each guide has its definitions."""

ELSEWHERE: Final[Mapping[str, str]] = {"urn:oid:2.16.840.1.113883.6.238": "us-core"}
"""Definitions of a guide under another address: the CDC's races and ethnicities."""


def guide_of(url: str) -> str:
    """The guide that may have the definition under a URL; R4 for all that is nobody else's."""
    found = max(
        (each for each, base in GUIDES.items() if url.startswith(base)), key=lambda each: len(GUIDES[each]), default="fhir"
    )
    return ELSEWHERE.get(url, found)


def shortened(canonical: str, kind: str, uses: Mapping[str, str]) -> str:
    """The short form of a canonical of a `kind` (StructureDefinition, ValueSet, CodeSystem)."""
    url, _, version = canonical.partition("|")
    for guide, base in GUIDES.items():
        start = f"{base}{kind}/"
        name = url[len(start) :]
        if url.startswith(start) and name and "/" not in name:
            pinned = bool(version) and guide != "fhir" and version != uses.get(guide)
            return f"{guide}:{name}|{version}" if pinned else f"{guide}:{name}"
    return canonical


def whole(short: str, kind: str, uses: Mapping[str, str]) -> str:
    """The canonical that a short form stands for, with the version that the family uses."""
    guide, colon, name = short.partition(":")
    base = GUIDES.get(guide)
    if not colon or base is None:
        return short
    version = uses.get(guide)
    return f"{base}{kind}/{name}" if version is None or "|" in name else f"{base}{kind}/{name}|{version}"
