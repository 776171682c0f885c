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
    """The policy that a Library carries, compiled once for each id, version and content.

    Raises `FhirError` (422), its expressions within the Library, when there is none or it is not usable.
    """
    data = _document_data(library)
    policy = _compiled(data)
    url, version = library.get("url"), library.get("version")
    if version is not None and version != policy.version:
        raise refuse("policy-invalid", "Library.version is not the version of the policy in it.", "Library.version")
    if url is not None and url != policy.url and isinstance(url, str) and url.startswith(LIBRARY_BASE):
        raise refuse("policy-invalid", "Library.url is not that of the policy in it.", "Library.url")
    return policy


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
def _compiled(data: str) -> Policy:
    """Keyed by the content, which holds id and version: an edit without a new version can never meet a stale rule."""
    try:
        document: Json = loads(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        cause = str(error) if isinstance(error, JsonError) else "It is not base64."
        raise refuse("policy-invalid", f"The policy document cannot be read. {cause}", "Library.content.data") from error
    try:
        return read_policy(document)
    except FhirError as error:
        raise FhirError([_within_library(issue) for issue in error.issues], error.status) from error


def _within_library(issue: Issue) -> Issue:
    """The document is no FHIR: the expression names the attachment, the text says where in the document."""
    text = issue.text if issue.expression is None else f"{issue.text} (In the policy: {issue.expression}.)"
    return Issue(issue.code, text, "Library.content.data")
