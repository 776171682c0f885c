"""The URLs of the code and identifier systems that prior authorization speaks in, one constant each.

X12 systems come in an http and an https spelling, and several systems travel under an OID or an older URL as well:
`canonical_system` brings every spelling that we know to the one that the guides print (Da Vinci PAS 2.2.1, FHIR R4 4.3).
Names of systems only; their contents belong to their owners.
"""

from __future__ import annotations

from typing import Final

# -- diagnoses, procedures, drugs, observations --------------------------------------------------------------------------
ICD10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9_CM: Final = "http://terminology.hl7.org/CodeSystem/icd9cm"
ICD10_PCS: Final = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT: Final = "http://www.ama-assn.org/go/cpt"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX: Final = "http://hl7.org/fhir/sid/cvx"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
CDT: Final = "http://www.ada.org/cdt"

# -- places, bills, revenue, providers -------------------------------------------------------------------------------------
PLACE_OF_SERVICE: Final = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
NUBC_REVENUE: Final = "https://www.nubc.org/CodeSystem/RevenueCodes"
NUBC_TYPE_OF_BILL: Final = "https://www.nubc.org/CodeSystem/TypeOfBill"
NUCC_TAXONOMY: Final = "http://nucc.org/provider-taxonomy"
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
US_TAX_ID: Final = "http://terminology.hl7.org/NamingSystem/USEIN"
US_SSN: Final = "http://hl7.org/fhir/sid/us-ssn"
C4BB_IDENTIFIER_TYPE: Final = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBIdentifierType"

# -- HL7's own -------------------------------------------------------------------------------------------------------------
PAS_TEMP: Final = "http://hl7.org/fhir/us/davinci-pas/CodeSystem/PASTempCodes"
CLAIM_TYPE: Final = "http://terminology.hl7.org/CodeSystem/claim-type"
PROCESS_PRIORITY: Final = "http://terminology.hl7.org/CodeSystem/processpriority"
ADJUDICATION: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
RELATED_CLAIM: Final = "http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship"
IDENTIFIER_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DATA_ABSENT_REASON: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CONDITION_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
URI: Final = "urn:ietf:rfc:3986"

# -- X12 -------------------------------------------------------------------------------------------------------------------
_X12: Final = "https://codesystem.x12.org/005010/"


def x12(data_element: int) -> str:
    """The URL of the X12 code system of a data element: `x12(306)` is that of the review actions."""
    return f"{_X12}{data_element}"


X12_REVIEW_ACTION: Final = x12(306)
X12_DECISION_REASON: Final = "https://codesystem.x12.org/external/886"
X12_REJECT_REASON: Final = x12(901)
X12_FOLLOW_UP: Final = x12(889)
X12_SERVICE_TYPE: Final = x12(1365)
X12_CERTIFICATION_TYPE: Final = x12(1322)
X12_REQUEST_CATEGORY: Final = x12(1525)
X12_LEVEL_OF_SERVICE: Final = x12(1338)
X12_RELATIONSHIP: Final = x12(1069)
X12_ENTITY: Final = x12(98)
X12_REPORT_TYPE: Final = x12(755)
X12_TRANSMISSION: Final = x12(756)
X12_UNIT: Final = x12(673)
X12_CONDITION_CATEGORY: Final = x12(1136)
X12_CONDITION_CODE: Final = x12(1321)
X12_PROGNOSIS: Final = x12(923)

_OTHER_SPELLINGS: Final = {
    "urn:oid:2.16.840.1.113883.6.90": ICD10_CM,
    "urn:oid:2.16.840.1.113883.6.4": ICD10_PCS,
    "urn:oid:2.16.840.1.113883.6.103": ICD9_CM,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.12.292": CVX,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.8": UCUM,
    "urn:oid:2.16.840.1.113883.6.101": NUCC_TAXONOMY,
    "urn:oid:2.16.840.1.113883.4.6": NPI,
    "urn:oid:2.16.840.1.113883.4.4": US_TAX_ID,
    "urn:oid:2.16.840.1.113883.4.1": US_SSN,
    "http://hl7.org/fhir/sid/icd-9-cm": ICD9_CM,
    "http://hl7.org/fhir/sid/icd-10-pcs": ICD10_PCS,
    "http://hl7.org/fhir/sid/icd-10-us": ICD10_CM,
    "http://hl7.org/fhir/sid/hcpcs": HCPCS,
    "https://www.nubc.org/revenue-code": NUBC_REVENUE,
    "http://terminology.hl7.org/CodeSystem/AHANUBCRevenueCodes": NUBC_REVENUE,
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-provider-taxonomy": NUCC_TAXONOMY,
}
_CONSTANTS: Final = frozenset(value for name, value in globals().items() if name.isupper() and isinstance(value, str))


def _bare(url: str) -> str:
    return url.removeprefix("https://").removeprefix("http://").rstrip("/").lower()


_BY_BARE: Final = {
    **{_bare(url): url for url in _CONSTANTS if not url.startswith("_")},
    **{_bare(url): canonical for url, canonical in _OTHER_SPELLINGS.items()},
}
_X12_BARE: Final = _bare(_X12) + "/"


def canonical_system(url: str) -> str:
    """The one URL by which we know a system: http or https, a slash at the end, case, OIDs and older URLs do not matter.

    A system that we do not know comes back as it is.
    """
    bare = _bare(url)
    known = _BY_BARE.get(bare)
    if known is not None:
        return known
    element = bare.removeprefix(_X12_BARE)
    return f"{_X12}{element}" if element != bare and element.isdigit() else url


def same_system(one: str, other: str) -> bool:
    """Whether two URLs name the same system, in whichever spelling."""
    return one == other or canonical_system(one) == canonical_system(other)
