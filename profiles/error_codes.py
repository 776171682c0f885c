"""Every error code of ours: HTTP status, FHIR issue type, and what it means. docs/errors.md is made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorCode:
    status: int
    issue_type: str
    meaning: str


ERROR_CODES: Final[dict[str, ErrorCode]] = {
    # -- the HTTP request ------------------------------------------------------------------------------------------
    "body-missing": ErrorCode(400, "required", "The interaction needs a body and none was sent."),
    "body-not-json": ErrorCode(400, "structure", "The body is not JSON in UTF-8, or is nested too deeply."),
    "body-not-xml": ErrorCode(400, "structure", "The body is not a resource in XML in UTF-8, or is nested too deeply."),
    "request-malformed": ErrorCode(400, "structure", "What was sent is no request of HTTP/1.1."),
    "request-timeout": ErrorCode(408, "timeout", "The request did not arrive in time; nothing of it was done."),
    "headers-too-large": ErrorCode(431, "too-long", "The address and headers are larger than the server takes."),
    "rate-limited": ErrorCode(429, "throttled", "More requests than the caller may make; Retry-After says when to go on."),
    "took-too-long": ErrorCode(503, "timeout", "The answer took too long. What was asked for may still be done."),
    "body-too-large": ErrorCode(413, "too-long", "The body is larger than the server takes."),
    "content-coding": ErrorCode(400, "structure", "The body is not compressed in the way that Content-Encoding says."),
    "content-type": ErrorCode(415, "not-supported", "The body's Content-Type is not one the server reads."),
    "document-type": ErrorCode(415, "not-supported", "Content of this type is not among those that are kept here."),
    "document-disguised": ErrorCode(415, "invalid", "Content is of another kind than its content type says."),
    "range": ErrorCode(416, "value", "The range that is asked for lies outside of the content."),
    "link": ErrorCode(403, "security", "The download link is none of ours, was changed, or is no longer good."),
    "not-acceptable": ErrorCode(406, "not-supported", "None of the asked-for formats can be written."),
    "method-not-allowed": ErrorCode(405, "not-supported", "The method is not defined for this address."),
    "not-found": ErrorCode(404, "not-found", "There is no such resource, or the caller may not see it."),
    "gone": ErrorCode(410, "deleted", "The resource was deleted."),
    "unknown-address": ErrorCode(404, "not-found", "No interaction is defined at this address."),
    "unknown-type": ErrorCode(404, "not-supported", "The resource type is not an R4 type that the server keeps."),
    "unknown-operation": ErrorCode(404, "not-supported", "The operation is not defined here."),
    "unknown-parameter": ErrorCode(400, "invalid", "A search or control parameter is not known for this type."),
    "parameter-value": ErrorCode(400, "value", "A parameter's value has the wrong form."),
    "parameter-modifier": ErrorCode(400, "not-supported", "The modifier is not supported for this parameter."),
    "search-explained": ErrorCode(400, "informational", "How a search was done, for who asked for it (an information)."),
    "search-too-costly": ErrorCode(400, "too-costly", "The search would read more than the server allows."),
    "search-parameter": ErrorCode(422, "business-rule", "A SearchParameter resource cannot be applied as it is written."),
    "bad-cursor": ErrorCode(400, "invalid", "The paging cursor is not one of ours, or belongs to another query."),
    "id-mismatch": ErrorCode(400, "invalid", "The id or type in the body is not that of the address."),
    "id-format": ErrorCode(400, "value", "A resource id is 1 to 64 letters, digits, hyphens or dots."),
    "version-conflict": ErrorCode(412, "conflict", "If-Match names a version that is not the current one."),
    "if-match-format": ErrorCode(400, "value", 'If-Match is not a version ETag such as W/"3".'),
    "condition-criteria": ErrorCode(400, "invalid", "The criteria of a conditional interaction are missing, or are none."),
    "multiple-matches": ErrorCode(412, "multiple-matches", "More than one resource matches where one was meant."),
    "no-match": ErrorCode(412, "not-found", "A conditional reference matches nothing that the caller may see."),
    "id-in-use": ErrorCode(409, "conflict", "A conditional update would create under an id that another resource has."),
    "edit-conflict": ErrorCode(409, "conflict", "Somebody else changed the same resource meanwhile; try again."),
    "patch-format": ErrorCode(400, "structure", "The body is no patch of the format that its Content-Type names."),
    "patch-target": ErrorCode(
        422, "not-found", "An operation of the patch names something that the resource does not have."
    ),
    "patch-test": ErrorCode(422, "conflict", "A test of the patch does not hold for the current version."),
    "patch-protected": ErrorCode(
        422, "business-rule", "A patch may not change resourceType, id, meta.versionId or meta.lastUpdated."
    ),
    "patch-too-costly": ErrorCode(422, "too-costly", "The patch has too many operations, or makes too much."),
    "not-supported": ErrorCode(400, "not-supported", "The server does not do what was asked."),
    "read-only-type": ErrorCode(405, "business-rule", "The server writes this type itself; nobody may change it."),
    # -- who may call ------------------------------------------------------------------------------------------------
    "login": ErrorCode(401, "login", "A bearer token is missing, malformed, expired or not ours."),
    "forbidden": ErrorCode(403, "forbidden", "The token does not allow this."),
    "break-glass-reason": ErrorCode(400, "required", "Who breaks the glass gives a reason."),
    "consent-unsupported": ErrorCode(422, "not-supported", "An active Consent says what cannot be enforced as it stands."),
    "consent-unreadable": ErrorCode(
        503,
        "security",
        "A patient's consent cannot be read, and it is not known whose it is: records of patients are kept back.",
    ),
    "consent-denied": ErrorCode(
        403, "suppressed", "A patient's consent does not allow to disclose this to that recipient."
    ),
    "provenance-header": ErrorCode(400, "structure", "X-Provenance holds a Provenance in JSON, without its target."),
    # -- Bundles -----------------------------------------------------------------------------------------------------
    "bundle-type": ErrorCode(400, "value", "The Bundle's type is not one that this address takes."),
    "bundle-entry": ErrorCode(400, "structure", "A Bundle entry lacks what it needs, or contradicts itself."),
    "bundle-duplicate": ErrorCode(400, "duplicate", "Two entries of the Bundle stand for the same thing."),
    "reference-unresolved": ErrorCode(400, "not-found", "A reference points at nothing."),
    # -- resource content (base R4) ----------------------------------------------------------------------------------
    "structure": ErrorCode(400, "structure", "The content does not have the structure of its type."),
    "unknown-element": ErrorCode(400, "structure", "An element does not exist in this type."),
    "required-element": ErrorCode(400, "required", "A required element is missing."),
    "cardinality": ErrorCode(400, "structure", "An element repeats although it may not, or is no list although it must."),
    "primitive-format": ErrorCode(400, "value", "A primitive value has the wrong JSON type or form."),
    "choice": ErrorCode(400, "structure", "More than one type is given for a choice element."),
    "code-invalid": ErrorCode(400, "code-invalid", "A code is not in the value set that is required here."),
    # -- resource content (rules and profiles, docs/validation.md) ----------------------------------------------------
    "invariant": ErrorCode(422, "invariant", "A rule (invariant) of the definition of a type or profile does not hold."),
    "invariant-unchecked": ErrorCode(422, "informational", "A rule of a definition could not be evaluated (a warning)."),
    "code-unknown": ErrorCode(422, "not-found", "Whether a code is in the value set is not known here (a warning)."),
    "display-invalid": ErrorCode(422, "invalid", "A display is none that the code has."),
    "value-fixed": ErrorCode(422, "value", "A value is not what the profile fixes, or lacks part of its pattern."),
    "value-bounds": ErrorCode(422, "value", "A value is longer, less or greater than the profile allows."),
    "type-invalid": ErrorCode(422, "structure", "An element or resource is of a type that the profile does not allow."),
    "slicing": ErrorCode(422, "structure", "Items do not fit the slices of a profile, or stand in the wrong order."),
    "extension": ErrorCode(422, "extension", "An extension stands where it may not, or is not used as it is defined."),
    "extension-unknown": ErrorCode(422, "extension", "The definition of an extension is not known."),
    "profile-unknown": ErrorCode(422, "not-found", "A profile that is claimed or asked for is not known here."),
    "profile-unusable": ErrorCode(422, "processing", "A profile or extension is defined in a way that cannot be used."),
    "profile-none": ErrorCode(
        422, "structure", "An element conforms to none of several profiles of which one is required."
    ),
    "bundle-rule": ErrorCode(422, "invalid", "A Bundle breaks a rule for its type."),
    "answer-invalid": ErrorCode(422, "business-rule", "A QuestionnaireResponse does not fit its Questionnaire."),
    "questionnaire-unknown": ErrorCode(422, "not-found", "The Questionnaire of a response is not known here (a warning)."),
    "definition-differs": ErrorCode(
        422, "business-rule", "A conformance resource contradicts itself or what it builds on."
    ),
    "valid": ErrorCode(422, "informational", "A validation found nothing wrong (an information)."),
    "definitions-unread": ErrorCode(
        422, "informational", "A validation left out what the caller may not know of (an information)."
    ),
    "validation-limit": ErrorCode(422, "too-costly", "A validation would take more work than is allowed."),
    # -- packages of conformance resources (docs/packages.md) ------------------------------------------------------------
    "package-invalid": ErrorCode(422, "invalid", "The bytes are no FHIR package that can be installed."),
    "package-too-large": ErrorCode(413, "too-costly", "The package holds more than is read."),
    "package-fhir-version": ErrorCode(422, "not-supported", "The package is for another version of FHIR than R4."),
    "package-built-in": ErrorCode(422, "business-rule", "The package claims to be R4 itself, which is built in."),
    "package-differs": ErrorCode(409, "conflict", "Another package of the same name and version is installed."),
    "package-in-use": ErrorCode(
        409, "business-rule", "Something that is stored rests on the package, or it was changed since."
    ),
    "package-dependency": ErrorCode(422, "not-found", "A package that this one builds on is not installed (a warning)."),
    "package-left-out": ErrorCode(422, "incomplete", "Part of the package is not stored (a warning)."),
    "package-not-applied": ErrorCode(422, "informational", "Part of the package is stored and has no effect (a warning)."),
    # -- FHIRPath ----------------------------------------------------------------------------------------------------
    "fhirpath-syntax": ErrorCode(400, "invalid", "The text is no FHIRPath expression."),
    "fhirpath-semantic": ErrorCode(
        400, "invalid", "A FHIRPath expression can never be evaluated: names or types do not fit."
    ),
    "fhirpath-evaluation": ErrorCode(422, "processing", "A FHIRPath expression cannot be evaluated on this content."),
    "fhirpath-limit": ErrorCode(400, "too-costly", "A FHIRPath expression is too long or deep, or takes too many steps."),
    "fhirpath-unsupported": ErrorCode(
        400, "not-supported", "A FHIRPath expression needs a service that is not at hand here."
    ),
    # -- payer policies ----------------------------------------------------------------------------------------------
    "criteria-invalid": ErrorCode(422, "structure", "Policy criteria cannot be read; the expression says where."),
    "criteria-operator": ErrorCode(422, "not-supported", "Policy criteria use an operator that is not registered."),
    "policy-invalid": ErrorCode(422, "structure", "A Library does not carry a usable payer policy."),
    "evidence-unread": ErrorCode(
        422, "incomplete", "Part of a packet could not be read, so it was not weighed (a warning)."
    ),
    "policy-broken": ErrorCode(422, "processing", "A stored policy cannot be used; an administrator must correct it."),
    # -- PAS requests ($submit, $inquire) ----------------------------------------------------------------------------
    "pas-not-a-bundle": ErrorCode(
        400, "structure", "A PAS request is a Bundle, alone or as the Parameters part `resource`."
    ),
    "pas-bundle-type": ErrorCode(400, "value", "A PAS request Bundle has type collection."),
    "pas-bundle-empty": ErrorCode(400, "required", "A PAS request Bundle has at least one entry, the first a Claim."),
    "pas-first-not-claim": ErrorCode(
        400, "structure", "The first entry of a PAS request is the Claim that is asked about."
    ),
    "pas-use": ErrorCode(400, "value", "The Claim's use is not preauthorization."),
    "pas-entry": ErrorCode(400, "structure", "An entry lacks fullUrl or resource, or carries search, request or response."),
    "pas-entry-duplicate": ErrorCode(400, "duplicate", "Two entries have the same fullUrl."),
    "pas-reference-unresolved": ErrorCode(400, "not-found", "A reference resolves to no entry of the Bundle."),
    "pas-patient-missing": ErrorCode(400, "required", "An inquiry names no patient with a member identifier."),
    "pas-claims": ErrorCode(422, "structure", "The Bundle holds Claims other than the request and the one it updates."),
    "pas-element-missing": ErrorCode(422, "required", "An element that the PAS profiles require is missing."),
    "pas-status": ErrorCode(422, "value", "The Claim's status is not active."),
    "pas-related": ErrorCode(422, "structure", "related is not exactly one prior Claim."),
    "pas-sequence": ErrorCode(422, "business-rule", "Sequence numbers repeat, or point at nothing."),
    "pas-insurance": ErrorCode(422, "business-rule", "Not exactly one insurance is focal."),
    "pas-date": ErrorCode(422, "value", "A date that must be a full YYYY-MM-DD is partial."),
    "pas-level-of-service": ErrorCode(422, "invariant", "An immediate appeal carries no level of service."),
    "pas-supporting-info": ErrorCode(422, "structure", "A supportingInfo entry does not fit its category."),
    "pas-modifier-extension": ErrorCode(
        422, "extension", "A modifier extension is not known, so its holder is not understood."
    ),
    "pas-profile": ErrorCode(422, "structure", "Content departs from the PAS profile; a warning where we can go on."),
    "pas-quantity": ErrorCode(422, "invariant", "A quantity departs from the PAS rules for quantities."),
    "pas-coverage": ErrorCode(
        422, "business-rule", "The coverage is not active, does not cover the day of service, or is of another payer."
    ),
    "pas-service-date": ErrorCode(422, "business-rule", "The dates of birth, death and service contradict each other."),
    "pas-timing": ErrorCode(422, "invariant", "A timing says neither a count nor a frequency."),
    "pas-code-system": ErrorCode(422, "code-invalid", "No coding is of a code system that PAS admits here."),
    "pas-duplicate-request": ErrorCode(409, "duplicate", "The Claim.identifier was already used for another request."),
    "pas-payer-refused": ErrorCode(422, "processing", "The remote payer refused the request; its words follow."),
    "pas-response": ErrorCode(500, "processing", "An answer of ours would break the PAS rules, and was held back."),
    "pas-busy": ErrorCode(503, "transient", "The same authorization is being changed by others; try again."),
    "pas-unknown-scenario": ErrorCode(400, "value", "The payer scenario asked for is not one of ours."),
    "pas-scenario-refused": ErrorCode(403, "forbidden", "The payer does not take scenarios."),
    "pas-payer-unavailable": ErrorCode(503, "transient", "The payer cannot answer now; try again later."),
    "reference-format": ErrorCode(400, "value", "A reference is no address of a resource, fragment, urn or search."),
    "reference-target": ErrorCode(400, "structure", "A reference points at a type that may not stand here."),
    # -- the server --------------------------------------------------------------------------------------------------
    "record-damaged": ErrorCode(500, "exception", "What is stored of a resource is damaged; `assent fsck` names it."),
    "internal": ErrorCode(500, "exception", "The server failed; the request id finds it in the log."),
    "storage-full": ErrorCode(507, "no-store", "The store has no room for this; nothing was stored. Try again later."),
    "job-failed": ErrorCode(
        500, "processing", "What was asked for with respond-async could not be done; the text says why."
    ),
    "job-result-size": ErrorCode(
        413, "too-long", "The answer is larger than the server keeps for later; ask for less, or without respond-async."
    ),
    "too-many-listeners": ErrorCode(429, "throttled", "Too many listen to the audit trail already."),
    "subscription-topic": ErrorCode(422, "not-supported", "The Subscription names a topic that is not known here."),
    "subscription-filter": ErrorCode(422, "not-supported", "The Subscription has a filter that its topic does not have."),
    "subscription-channel": ErrorCode(
        422, "not-supported", "The Subscription's channel, or how it is set, is not supported."
    ),
    "subscription-endpoint": ErrorCode(422, "value", "Nothing can be sent to the Subscription's endpoint."),
    "subscription-payload": ErrorCode(422, "not-supported", "The Subscription's payload is not supported for its channel."),
    "subscription-status": ErrorCode(
        422, "business-rule", "A client sets a Subscription to requested or off, and nothing else."
    ),
    "too-many-subscriptions": ErrorCode(429, "throttled", "There are as many Subscriptions as are allowed."),
    "only-later": ErrorCode(400, "required", "The operation is only done later, and Prefer: respond-async is missing."),
    "too-many-jobs": ErrorCode(
        429, "throttled", "More requests with respond-async wait than are allowed; ask again later."
    ),
    "index-rebuilding": ErrorCode(
        503, "transient", "Records are being made findable by new rules; this search would not find all of them yet."
    ),
    "overloaded": ErrorCode(503, "throttled", "More requests are under way than the server takes; try again in a moment."),
    "unavailable": ErrorCode(503, "transient", "The store or a payer cannot answer now; try again later."),
}
