"""The names that Da Vinci PAS 2.2.1 and 2.0.1 use: profiles, extensions, code systems and the few codes that we act on.

X12 code lists are licensed: only the values that the public guides print, or that we need to build a message, are here.
"""

from __future__ import annotations

from typing import Final

PAS: Final = "http://hl7.org/fhir/us/davinci-pas"
PAS_SD: Final = f"{PAS}/StructureDefinition/"
ASSENT: Final = "https://assent.example/fhir"
ASSENT_SD: Final = f"{ASSENT}/StructureDefinition/"

# -- profiles --------------------------------------------------------------------------------------------------------
RESPONSE_BUNDLE: Final = PAS_SD + "profile-pas-response-bundle"
INQUIRY_RESPONSE_BUNDLE: Final = PAS_SD + "profile-pas-inquiry-response-bundle"
CLAIM_RESPONSE: Final = PAS_SD + "profile-claimresponse"
CLAIM_INQUIRY_RESPONSE: Final = PAS_SD + "profile-claiminquiryresponse"
COMMUNICATION_REQUEST: Final = PAS_SD + "profile-communicationrequest"
TASK: Final = PAS_SD + "profile-task"

# -- extensions ------------------------------------------------------------------------------------------------------
TRANSMISSION_IDENTIFIERS: Final = PAS_SD + "extension-TransmissionIdentifiers"
LEVEL_OF_SERVICE: Final = PAS_SD + "extension-levelOfServiceCode"
CERTIFICATION_TYPE: Final = PAS_SD + "extension-certificationType"
ITEM_TRACE_NUMBER: Final = PAS_SD + "extension-itemTraceNumber"
AUTHORIZATION_NUMBER: Final = PAS_SD + "extension-authorizationNumber"
ADMINISTRATION_REFERENCE_NUMBER: Final = PAS_SD + "extension-administrationReferenceNumber"
REQUEST_TYPE: Final = PAS_SD + "extension-serviceItemRequestType"
CARE_TEAM_SCOPE: Final = PAS_SD + "extension-careTeamClaimScope"
DOCUMENT_INFORMATION: Final = PAS_SD + "extension-documentInformation"
DIAGNOSIS_RECORDED_DATE: Final = PAS_SD + "extension-diagnosisRecordedDate"
HOME_HEALTH_CARE: Final = PAS_SD + "extension-homeHealthCareInformation"
PRODUCT_CODE_END: Final = PAS_SD + "extension-productOrServiceCodeEnd"
REQUESTED_SERVICE: Final = PAS_SD + "extension-requestedService"
INFO_CHANGED: Final = PAS_SD + "extension-infoChanged"
INFO_CANCELLED: Final = PAS_SD + "modifierextension-infoCancelled"
REVIEW_ACTION: Final = PAS_SD + "extension-reviewAction"
REVIEW_ACTION_CODE: Final = PAS_SD + "extension-reviewActionCode"
PRE_AUTH_ISSUE_DATE: Final = PAS_SD + "extension-itemPreAuthIssueDate"
PRE_AUTH_PERIOD: Final = PAS_SD + "extension-itemPreAuthPeriod"
REQUESTED_SERVICE_DATE: Final = PAS_SD + "extension-itemRequestedServiceDate"
AUTHORIZED_PROVIDER: Final = PAS_SD + "extension-itemAuthorizedProvider"
AUTHORIZED_DETAIL: Final = PAS_SD + "extension-itemAuthorizedDetail"
ADMISSION_DATES: Final = PAS_SD + "extension-admissionDates"
DISCHARGE_DATE: Final = PAS_SD + "extension-dischargeDate"
COMMUNICATED_DIAGNOSIS: Final = PAS_SD + "extension-communicatedDiagnosis"
SERVICE_LINE_NUMBER: Final = PAS_SD + "extension-serviceLineNumber"
REVIEWER: Final = PAS_SD + "extension-claimResponseReviewer"
ERROR_FOLLOWUP: Final = PAS_SD + "extension-errorFollowupAction"
ERROR_ELEMENT: Final = PAS_SD + "extension-errorElement"
ERROR_PATH: Final = PAS_SD + "extension-errorPath"
CERT_ISSUE_DATE: Final = PAS_SD + "extension-itemCertificationIssueDate"
CERT_EFFECTIVE_DATE: Final = PAS_SD + "extension-itemCertificationEffectiveDate"
CERT_EXPIRATION_DATE: Final = PAS_SD + "extension-itemCertificationExpirationDate"
TIMING_CALENDAR_PATTERN: Final = PAS_SD + "extension-timingcalendarpattern"
TIMING_DELIVERY_PATTERN: Final = PAS_SD + "extension-timingdeliverypattern"
DATA_ABSENT_REASON: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

COPIED_TO_ADD_ITEM: Final = tuple(
    PAS_SD + name
    for name in (
        "extension-itemTraceNumber",
        "extension-epsdtIndicator",
        "extension-nursingHomeResidentialStatus",
        "extension-nursingHomeLevelOfCare",
        "extension-productOrServiceCodeEnd",
        "extension-revenueUnitRateLimit",
        "extension-requestedService",
        "extension-serviceItemRequestType",
        "extension-certificationType",
    )
)
"""Extensions of a requested item that the addItem answering it may carry as they are."""

# -- our own extensions on what we store -----------------------------------------------------------------------------
RESPONSE_BUNDLE_LINK: Final = ASSENT_SD + "pas-response-bundle"
REQUEST_BUNDLE_LINK: Final = ASSENT_SD + "pas-request-bundle"
SUBMITTER: Final = ASSENT_SD + "pas-submitter"
SUPERSEDED_BY: Final = ASSENT_SD + "superseded-by"
SUPERSEDES: Final = ASSENT_SD + "supersedes"
ALLOWS_SCENARIOS: Final = ASSENT_SD + "allows-scenarios"
DEFAULT_WITHOUT_POLICY: Final = ASSENT_SD + "default-without-policy"

ORIGIN_SYSTEM: Final = f"{ASSENT}/CodeSystem/origin"
FROM_A_REQUEST: Final = "pas-request"
"""Tag of a person or organization that we know only because it came with a request."""

SCENARIO_SYSTEM: Final = f"{ASSENT}/CodeSystem/payer-scenario"
DECISION_REASON_SYSTEM: Final = f"{ASSENT}/CodeSystem/decision-reason"
PAYER_ID_SYSTEM: Final = f"{ASSENT}/payer-id"
AUTHORIZATION_ID_SYSTEM: Final = f"{ASSENT}/authorization-id"
ATTACHMENT_CONTROL_SYSTEM: Final = f"{ASSENT}/attachment-control-number"

# -- code systems ----------------------------------------------------------------------------------------------------
X12: Final = "https://codesystem.x12.org/005010/"
X12_REVIEW_ACTION: Final = X12 + "306"
X12_REJECT_REASON: Final = X12 + "901"
X12_FOLLOWUP: Final = X12 + "889"
X12_SERVICE_TYPE: Final = X12 + "1365"
X12_QUANTITY_UNIT: Final = X12 + "673"
X12_RELATIONSHIP: Final = X12 + "1069"
X12_LEVEL_OF_SERVICE: Final = X12 + "1338"
X12_CERTIFICATION_TYPE: Final = X12 + "1322"
X12_REPORT_TYPE: Final = X12 + "755"
X12_DECISION_REASON: Final = "https://codesystem.x12.org/external/886"

PAS_TEMP: Final = f"{PAS}/CodeSystem/PASTempCodes"
ADJUDICATION: Final = "http://terminology.hl7.org/CodeSystem/adjudication"
RELATED_CLAIM: Final = "http://terminology.hl7.org/CodeSystem/ex-relatedclaimrelationship"
V2_IDENTIFIER_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
DATA_ABSENT_CODES: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
LOINC: Final = "http://loinc.org"
CPT: Final = "http://www.ama-assn.org/go/cpt"
HCPCS: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD10_PROCEDURE: Final = "http://www.cms.gov/Medicare/Coding/ICD10"
NDC: Final = "http://hl7.org/fhir/sid/ndc"
ICD10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"

DIAGNOSIS_SYSTEMS: Final = frozenset(
    {
        ICD10_CM,
        "http://hl7.org/fhir/sid/icd-9-cm",
        "http://terminology.hl7.org/CodeSystem/icd9cm",
        "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software",
        "http://uri.hddaccess.com/cs/apdrg",
        "http://uri.hddaccess.com/cs/aprdrg",
    }
)
PRODUCT_SYSTEMS: Final = frozenset(
    {
        X12_SERVICE_TYPE,
        CPT,
        HCPCS,
        ICD10_PROCEDURE,
        "http://hl7.org/fhir/sid/icd-9-cm",
        "http://terminology.hl7.org/CodeSystem/icd9cm",
        NDC,
    }
)
"""Systems admissible in Claim.item.productOrService; `not-applicable` of data-absent-reason stands for any service."""

# -- review actions (X12 306) ----------------------------------------------------------------------------------------
CERTIFIED: Final = "A1"
CERTIFIED_PARTIAL: Final = "A2"
NOT_CERTIFIED: Final = "A3"
PENDED: Final = "A4"
MODIFIED: Final = "A6"
CANCELLED: Final = "C"
CONTACT_PAYER: Final = "CT"
NO_ACTION: Final = "NA"
REVIEW_ACTIONS: Final = {
    CERTIFIED: "Certified in total",
    CERTIFIED_PARTIAL: "Certified in part",
    NOT_CERTIFIED: "Not Certified",
    PENDED: "Pending",
    MODIFIED: "Modified",
    CANCELLED: "Cancelled",
    CONTACT_PAYER: "Contact payer",
    NO_ACTION: "No action required",
}

CANCEL_TYPE: Final = "3"
"""X12 1322 certification type: cancel."""


def same_system(system: str) -> str:
    """The one spelling that we compare by: older guides wrote X12 systems with http."""
    if system.startswith("http://codesystem.x12.org/"):
        return "https" + system[4:]
    return system
