"""`Claim/$preview-risk`: how ready a request is and how likely a denial, before it is sent (DESIGN section 5, docs/risk.md).

Takes a PAS request Bundle, a Claim whose references are in the store, either of them inside Parameters as `resource`, or on
an instance nothing at all. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from operations.evidence.fact import Unread
from operations.packet import Packet
from operations.pas.request import packet_of
from operations.pas.stored_packet import packet_from_store
from operations.policy.fhir_parameters import read_parameters
from operations.policy.insurer import followed
from operations.policy.json_reading import part
from operations.ports import Context, Operation, OperationInput, OperationOutput
from operations.risk.claim_preview_definition import CLAIM_PREVIEW_RISK_DEFINITION
from operations.risk.packet_preview import preview_packet
from operations.risk.preview_parameters import preview_parameters
from profiles.base_validation import validate_resource
from profiles.json import Resource
from profiles.outcome import FhirError, Issue, operation_outcome, refuse
from profiles.pas_request import read_request

_MAY_BE_MISSING: Final = frozenset({"required-element", "cardinality"})


async def preview_claim(given: OperationInput, context: Context) -> OperationOutput:
    """Preview the request in the body, or the stored Claim of the address. Raises `FhirError` for what cannot be read."""
    packet, warnings = await _packet(given, context)
    patient = followed(packet, "patient")
    if patient is not None and not patient.reference.startswith("urn:"):
        context.note_entity(patient.reference)
    preview = await preview_packet(packet, context)
    answer = preview_parameters(preview.items, _subject(packet), context.now())
    if issues := [*warnings, *map(_unread, preview.unread)]:
        answer["parameter"].append({"name": "warnings", "resource": operation_outcome(issues)})
    return OperationOutput(answer)


def _unread(unread: Unread) -> Issue:
    place = "/".join(unread.reference.partition("/_history/")[0].split("/")[-2:])
    text = f"Not weighed: {place}. {unread.reason}"
    return Issue("evidence-unread", text, unread.expression, "warning")


async def _packet(given: OperationInput, context: Context) -> tuple[Packet, Sequence[Issue]]:
    body = _unwrapped(given)
    if given.resource_id is not None:
        if body is not None:
            raise refuse("structure", "On an instance the Claim is the one of the address: send no other.", "Claim")
        claim = await context.records.read("Claim", given.resource_id)
        if claim is None:
            raise refuse("not-found", "There is no such Claim.")
        return await _stored(claim, context), ()
    if body is None:
        raise refuse("body-missing", "Send a PAS request Bundle, a Claim, or Parameters with one of them as 'resource'.")
    kind = body.get("resourceType")
    if kind == "Bundle":
        request = read_request(body)
        return packet_of(request, context.now()), request.warnings
    if kind == "Claim":
        _check_form(body)
        return await _stored(body, context), ()
    raise refuse("structure", "A PAS request Bundle or a Claim is needed here.", "resourceType")


async def _stored(claim: Resource, context: Context) -> Packet:
    """The packet of a Claim whose patient, and insurer if it names one, are in the store."""
    packet = await packet_from_store(claim, context)
    for element in ("patient", "insurer"):
        named = element == "patient" or part(claim.get(element), "reference") is not None
        if named and followed(packet, element) is None:
            raise refuse("reference-unresolved", f"The {element} of the Claim is not in the store.", f"Claim.{element}")
    return packet


def _check_form(claim: Resource) -> None:
    """A Claim that is still being written may lack elements; what it has must have the form of R4."""
    faults = [
        issue
        for issue in validate_resource(claim)
        if issue.severity in ("error", "fatal") and issue.code not in _MAY_BE_MISSING
    ]
    if faults:
        raise FhirError(faults, 400)


def _unwrapped(given: OperationInput) -> Resource | None:
    body = given.resource
    if body is not None and body.get("resourceType") != "Parameters":
        return body
    return next((entry.resource for entry in read_parameters(body, ("resource",), given.query).values()), None)


def _subject(packet: Packet) -> Resource:
    patient = followed(packet, "patient")
    reference = patient.reference if patient else part(packet.claim.resource.get("patient"), "reference")
    return {"reference": reference} if isinstance(reference, str) else {"display": "The patient of the Claim"}


CLAIM_PREVIEW_RISK: Final = Operation(CLAIM_PREVIEW_RISK_DEFINITION, preview_claim, "r", discloses=True)
