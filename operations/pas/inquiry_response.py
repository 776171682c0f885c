"""What an inquiry is answered with: a Bundle per authorization in Parameters, or one Bundle on the 2.0.1 endpoint.

PAS 2.2.1 profile-pas-inquiry-response-bundle, profile-claiminquiryresponse: the answer as it stands, without the payer's
CommunicationRequests; the Tasks stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from operations.pas.answers import review_action
from operations.pas.authorizations import Authorization
from operations.pas.response_rules import Expectation, response_faults
from operations.ports import Context
from profiles.json import Resource
from profiles.outcome import FhirError, Issue
from profiles.pas_names import CLAIM_INQUIRY_RESPONSE, INQUIRY_RESPONSE_BUNDLE, PENDED
from profiles.reading import child, objects


def inquiry_parameters(found: Sequence[Authorization], context: Context) -> Resource:
    """Parameters with one `return` per match; none when nothing matches."""
    returned = [
        {"name": "return", "resource": _checked(_bundle(_entries(each, context), context), context)} for each in found
    ]
    return {"resourceType": "Parameters", "parameter": returned} if returned else {"resourceType": "Parameters"}


def inquiry_single_bundle(found: Sequence[Authorization], context: Context) -> Resource:
    """One Bundle with all matches, the ClaimResponses first; an OperationOutcome says when there are none."""
    if not found:
        nothing = Issue("not-found", "No authorization matches the inquiry.", severity="information")
        outcome = {"resourceType": "OperationOutcome", "issue": [nothing.to_fhir()]}
        return _bundle([{"fullUrl": f"urn:uuid:{uuid4()}", "resource": outcome}], context)
    responses: list[Resource] = []
    others: dict[str, Resource] = {}
    for each in found:
        first, *rest = _entries(each, context)
        responses.append(first)
        for entry in rest:
            others.setdefault(str(entry["fullUrl"]), entry)
    return _checked(_bundle([*responses, *others.values()], context), context)


def _bundle(entries: Sequence[Resource], context: Context) -> Resource:
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [INQUIRY_RESPONSE_BUNDLE]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid4()}"},
        "type": "collection",
        "timestamp": context.now().isoformat(timespec="seconds"),
        "entry": list(entries),
    }


def _entries(authorization: Authorization, context: Context) -> list[Resource]:
    first, *rest = objects(authorization.bundle.get("entry"))
    response = {name: value for name, value in child(first, "resource").items() if name != "communicationRequest"}
    response["meta"] = {"profile": [CLAIM_INQUIRY_RESPONSE]}
    response["outcome"] = _outcome(response, context)
    kept = [each for each in rest if child(each, "resource").get("resourceType") != "CommunicationRequest"]
    return [{"fullUrl": authorization.response_url, "resource": response}, *kept]


def _outcome(response: Resource, context: Context) -> str:
    """`queued` is a word of PAS 2.0.1 only."""
    pended = [review_action(each) == PENDED for each in objects(response.get("item"))]
    if pended and all(pended):
        return "queued" if context.pas_version == "2.0.1" else "complete"
    return str(response.get("outcome"))


def _checked(bundle: Resource, context: Context) -> Resource:
    faults = response_faults(bundle, Expectation(context.pas_version, "inquire"))
    if faults:
        raise FhirError(
            [Issue("pas-response", f"The answer breaks a rule: {each.rule}.", each.expression) for each in faults], 500
        )
    return bundle
