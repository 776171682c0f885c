"""A policy document as a FHIR R4 `Library`, and back (DESIGN section 5).

`Library.useContext` names the payer (code `payer`, ours) and every procedure code (code `focus`), so that
`Library?context=SYSTEM|CODE` finds a policy by either. The document itself is the first `content` of type application/json.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Final

from operations.policy.criteria import Criteria, compile_criteria
from operations.policy.json_reading import objects, part
from operations.policy.policy import LIBRARY_BASE, Policy
from operations.policy.policy_document import read_policy
from profiles.json import Json, JsonError, Resource, dumps, loads
from profiles.outcome import FhirError, Issue, refuse

CONTEXT_TYPE: Final = "https://assent.example/fhir/CodeSystem/policy-context"
_USAGE_CONTEXT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_CONTENT_TYPE: Final = "application/json"


def library_of(document: Resource) -> Resource:
    """The Library that carries a policy document. Raises `FhirError` (422) when the document is not a usable policy."""
    policy = read_policy(document)
    period = {"start": policy.effective_from.isoformat()}
    if policy.effective_to is not None:
        period["end"] = policy.effective_to.isoformat()
    payer = {"system": CONTEXT_TYPE, "code": "payer", "display": "Payer"}
    focus = {"system": _USAGE_CONTEXT_TYPE, "code": "focus", "display": "Clinical Focus"}
    contexts = [_use_context(payer, token.system, token.value) for token in sorted(policy.payers)]
    contexts += [_use_context(focus, token.system, token.value) for token in sorted(policy.codes)]
    return {
        "resourceType": "Library",
        "id": _library_id(policy),
        "url": policy.url,
        "version": policy.version,
        "name": "".join(part.capitalize() for part in policy.id.replace(".", "-").split("-")),
        "title": policy.title,
        "status": "active",
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}],
            "text": "Prior authorization policy",
        },
        "useContext": contexts,
        "effectivePeriod": period,
        "content": [{"contentType": _CONTENT_TYPE, "data": base64.b64encode(dumps(document)).decode()}],
    }


def _library_id(policy: Policy) -> str:
    """Versions of a policy are Libraries of their own with one `url`, so that each stays in force for its dates."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", f"{policy.id}-{policy.version}")[:64]


def _use_context(kind: Resource, system: str, code: str) -> Resource:
    return {"code": kind, "valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def policy_of(library: Resource) -> Policy:
    """The policy that a Library carries, compiled once for each content.

    A document may leave to the Library what the Library says itself: id, version, title, payers and codes (`useContext`),
    dates; criteria alone are enough. What both say must agree. Raises `FhirError` (422) when there is no usable policy.
    """
    policy = _compiled(_document_data(library), dumps(_said_by_library(library)))
    url, version = library.get("url"), library.get("version")
    if isinstance(version, str) and version != policy.version:
        raise refuse("policy-invalid", "Library.version is not the version of the policy in it.", "Library.version")
    if isinstance(url, str) and url.startswith(LIBRARY_BASE) and url != policy.url:
        raise refuse("policy-invalid", "Library.url is not that of the policy in it.", "Library.url")
    return policy


def criteria_of(library: Resource) -> Criteria:
    """The criteria that a Library carries, be it a whole policy or criteria alone. Raises `FhirError` (422)."""
    return _compiled_criteria(_document_data(library))


def _said_by_library(library: Resource) -> Resource:
    url, period = library.get("url"), library.get("effectivePeriod")
    bounds = period if isinstance(period, dict) else {}
    contexts = [_context_coding(entry) for entry in objects(library.get("useContext"))]
    codings = [(kind, system, code) for kind, system, code in contexts if kind and system and code]
    said = {
        "id": url.rpartition("/")[2] if isinstance(url, str) and url.startswith(LIBRARY_BASE) else library.get("id"),
        "version": library.get("version", "1"),
        "title": library.get("title") or library.get("name") or library.get("id"),
        "payer": [{"system": system, "value": code} for kind, system, code in codings if kind == "payer"],
        "codes": [{"system": system, "code": code} for kind, system, code in codings if kind == "focus"],
        "effective_from": str(bounds.get("start", "1900-01-01"))[:10],
        "effective_to": str(bounds["end"])[:10] if isinstance(bounds.get("end"), str) else None,
        "source_id": url or library.get("id"),
        "source_version": library.get("version", "1"),
        "state": "K",
    }
    return {key: value for key, value in said.items() if value}


def _context_coding(entry: Resource) -> tuple[Json, Json, Json]:
    coding = next(iter(objects(part(entry, "valueCodeableConcept", "coding"))), {})
    return part(entry, "code", "code"), coding.get("system"), coding.get("code")


def carries_policy(library: Resource) -> bool:
    """True when a Library has JSON content at all, and so claims to be a policy."""
    content = library.get("content")
    return isinstance(content, list) and any(
        isinstance(entry, dict) and entry.get("contentType") == _CONTENT_TYPE for entry in content
    )


def _document_data(library: Resource) -> str:
    content = library.get("content")
    for entry in content if isinstance(content, list) else ():
        if isinstance(entry, dict) and entry.get("contentType") == _CONTENT_TYPE:
            if isinstance(entry.get("data"), str):
                return str(entry["data"])
            raise refuse("policy-invalid", "The policy must be in the attachment itself, as data.", "Library.content")
    raise refuse("policy-invalid", "The Library has no content of type application/json.", "Library.content")


@lru_cache(maxsize=1024)
def _compiled(data: str, said: bytes) -> Policy:
    """Keyed by the content, which holds id and version: an edit without a new version can never meet a stale rule."""
    document = _decoded(data)
    if isinstance(document, dict):
        document = loads(said) | document
    try:
        return read_policy(document)
    except FhirError as error:
        raise FhirError([_within_library(issue) for issue in error.issues], error.status) from error


@lru_cache(maxsize=1024)
def _compiled_criteria(data: str) -> Criteria:
    try:
        return compile_criteria(_decoded(data))
    except FhirError as error:
        raise FhirError([_within_library(issue) for issue in error.issues], error.status) from error


def _decoded(data: str) -> Json:
    try:
        return loads(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        cause = str(error) if isinstance(error, JsonError) else "It is not base64."
        raise refuse("policy-invalid", f"The policy document cannot be read. {cause}", "Library.content.data") from error


def _within_library(issue: Issue) -> Issue:
    """The document is no FHIR: the expression names the attachment, the text says where in the document."""
    text = issue.text if issue.expression is None else f"{issue.text} (In the policy: {issue.expression}.)"
    return Issue(issue.code, text, "Library.content.data")
