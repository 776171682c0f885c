"""Finding the policies of a payer for a procedure code in the store: a search on `Library.useContext`."""

from __future__ import annotations

from collections.abc import Iterable

from operations.policy.code_systems import canonical_code, canonical_system
from operations.policy.library.convert import carries_policy, policy_of
from operations.policy.policy import Policy, Token
from operations.policy.selection import payer_tokens
from operations.ports import Context
from profiles.json import Json, Resource
from profiles.outcome import FhirError, Issue


async def policies_for(context: Context, insurer: Resource | None, coding: Json) -> list[Policy]:
    """All stored, active policies of `insurer` (an Organization) for one Coding, whatever their dates and limits.

    Raises `FhirError` (policy-broken, 422) when a stored policy for them cannot be used: to go on as if it did not exist
    could let a request through that the payer wants to see.
    """
    payers, code = payer_tokens(insurer), token_of(coding)
    if not payers or code is None:
        return []
    query = {"context": [any_of(payers), any_of([code])], "status": "active"}
    libraries = await context.records.search("Library", query)
    policies = [_usable(library) for library in libraries if carries_policy(library)]
    return [policy for policy in policies if code in policy.codes and not policy.payers.isdisjoint(payers)]


def token_of(coding: Json) -> Token | None:
    """A Coding as policies name codes, or None when it lacks system or code."""
    if not isinstance(coding, dict):
        return None
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(system, str) or not isinstance(code, str) or not system or not code:
        return None
    system = canonical_system(system)
    return Token(system, canonical_code(system, code))


def _usable(library: Resource) -> Policy:
    try:
        return policy_of(library)
    except FhirError as error:
        text = f"Library/{library.get('id')} cannot be used: " + " ".join(issue.text for issue in error.issues)
        raise FhirError([Issue("policy-broken", text, "Library")], 422) from error


def any_of(tokens: Iterable[Token]) -> str:
    """Tokens as one search value that any of them satisfies."""
    return ",".join(sorted(f"{_escaped(token.system)}|{_escaped(token.value)}" for token in tokens))


def _escaped(part: str) -> str:
    """FHIR R4 3.1.1.4.0.2: `$ , |` and the backslash are escaped in search values."""
    for special in "\\,|$":
        part = part.replace(special, "\\" + special)
    return part
