"""Procedure code systems under the URLs that policies use, whatever spelling a sender chose (conformance.md 4.7)."""

from __future__ import annotations

from typing import Final

CPT: Final = "http://www.ama-assn.org/go/cpt"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
ICD10CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"

_OTHER_SPELLINGS: Final = {
    "https://www.ama-assn.org/go/cpt": CPT,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": HCPCS,
    "http://www.cms.gov/medicare/coding/medhcpcsgeninfo": HCPCS,
    "http://terminology.hl7.org/CodeSystem/HCPCS-all-codes": HCPCS,
    "https://www.cms.gov/medicare/coding/medhcpcsgeninfo": HCPCS,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
}


def canonical_system(system: str) -> str:
    """The URL that policies use for a code system."""
    return _OTHER_SPELLINGS.get(system, system)


def canonical_code(system: str, code: str) -> str:
    """The form that policies use for a code: upper case; an NDC as eleven digits in 5-4-2 where that can be told."""
    if system != NDC:
        return code.strip().upper()
    parts = code.strip().split("-")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        return parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2)
    return "".join(parts)
