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
    "body-too-large": ErrorCode(413, "too-long", "The body is larger than the server takes."),
    "content-type": ErrorCode(415, "not-supported", "The body's Content-Type is not one the server reads."),
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
    "search-too-costly": ErrorCode(400, "too-costly", "The search would read more than the server allows."),
    "bad-cursor": ErrorCode(400, "invalid", "The paging cursor is not one of ours, or belongs to another query."),
    "id-mismatch": ErrorCode(400, "invalid", "The id or type in the body is not that of the address."),
    "id-format": ErrorCode(400, "value", "A resource id is 1 to 64 letters, digits, hyphens or dots."),
    "version-conflict": ErrorCode(412, "conflict", "If-Match names a version that is not the current one."),
    "if-match-format": ErrorCode(400, "value", 'If-Match is not a version ETag such as W/"3".'),
    "edit-conflict": ErrorCode(409, "conflict", "Somebody else changed the same resource meanwhile; try again."),
    "not-supported": ErrorCode(400, "not-supported", "The server does not do what was asked."),
    "read-only-type": ErrorCode(405, "business-rule", "The server writes this type itself; nobody may change it."),
    # -- who may call ------------------------------------------------------------------------------------------------
    "login": ErrorCode(401, "login", "A bearer token is missing, malformed, expired or not ours."),
    "forbidden": ErrorCode(403, "forbidden", "The token does not allow this."),
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
    # -- the server --------------------------------------------------------------------------------------------------
    "internal": ErrorCode(500, "exception", "The server failed; the request id finds it in the log."),
    "unavailable": ErrorCode(503, "transient", "The store or a payer cannot answer now; try again later."),
}
