"""`POST /Claim/$inquire`: authorizations found by example (PAS 2.2.1 Claim-inquiry; spec-43 to -53).

The member is always named. Numbers, where given, decide; else dates, codes and decisions do. Who did not send the request
must name the member and an ordering or rendering provider of it; otherwise the answer is as if there were nothing.
"""

from __future__ import annotations

from operations.packet import Packet
from operations.pas.authorizations import current, id_of, linked, read_authorization
from operations.pas.claim_view import quoted_numbers
from operations.pas.definitions import INQUIRE_DEFINITION
from operations.pas.identity import number_holder, party_key
from operations.pas.inquiry_access import may_see
from operations.pas.inquiry_match import matches
from operations.pas.inquiry_response import inquiry_parameters, inquiry_single_bundle
from operations.pas.known_resources import candidates, escaped
from operations.pas.member_number import coverages, member_identifiers
from operations.pas.paths import entry_path
from operations.pas.receiving import receive
from operations.pas.redeciding import Standing, standing
from operations.pas.request import packet_of
from operations.pas.services import PasServices
from operations.ports import Context, Operation, OperationInput, OperationOutput
from profiles.json import Resource
from profiles.outcome import refuse
from profiles.pas_names import RESPONSE_BUNDLE_LINK
from profiles.reading import Coded, child, text


def claim_inquire(services: PasServices) -> Operation:
    """The operation."""

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        if given.resource is None:
            raise refuse("body-missing", "Send a PAS inquiry Bundle as the body.", "Bundle")
        request = await receive(given.resource, "inquire", services, context)
        packet = packet_of(request, context.now())
        found = await _found(packet, context)
        for each in found:
            context.note_entity(f"ClaimResponse/{each.authorization.id}")
        answers = [each.authorization for each in found]
        if context.pas_version == "2.0.1":
            return OperationOutput(inquiry_single_bundle(answers, context))
        return OperationOutput(inquiry_parameters(answers, context))

    return Operation(INQUIRE_DEFINITION, run, "s", reads_itself=True)


async def _found(packet: Packet, context: Context) -> list[Standing]:
    """Authorizations in force that match and that the caller may see, newest first."""
    members = await _members(packet, context)
    numbers = quoted_numbers(packet.claim.resource)
    found = []
    named = await _by_number(packet, members, numbers, context)
    for response_id in dict.fromkeys([*named, *await _of_patients(members, context)]):
        known = await standing(context, response_id)
        if known is None or known.authorization.is_error:
            continue
        if not may_see(packet, known, context):
            continue
        if response_id in named or (_has_number(known, numbers) if numbers else matches(packet, known)):
            found.append(known)
    return found


async def _members(packet: Packet, context: Context) -> frozenset[str]:
    """The stored patients that the inquiry's member numbers name. Raises `FhirError` (400) when it gives none."""
    patient = packet.follow("patient")
    if patient is None:
        raise refuse("pas-patient-missing", "An inquiry names its patient.", "Bundle.entry[0].resource.patient")
    held = [each for found in (patient, *coverages(packet)) for each in member_identifiers(found.resource)]
    if not held:
        at = f"{entry_path(packet, patient)}.identifier"
        raise refuse("pas-patient-missing", "An inquiry names the patient by a member number.", at)
    members: set[str] = set()
    for each in held:
        members |= await _patients_with(each, context)
    return frozenset(members)


async def _patients_with(number: Coded, context: Context) -> set[str]:
    if not number.system:
        return set()
    query = {"identifier": f"{escaped(number.system)}|{escaped(number.code)}"}
    found = await candidates(context, "Patient", query)
    patients = {f"Patient/{each['id']}" for each in found if number in member_identifiers(each)}
    for coverage in await candidates(context, "Coverage", query):
        if number not in member_identifiers(coverage):
            continue
        beneficiary = text(child(coverage, "beneficiary").get("reference"))
        if beneficiary is not None:
            patients.add(beneficiary.partition("/_history/")[0])
    return patients


async def _by_number(packet: Packet, members: frozenset[str], numbers: frozenset[str], context: Context) -> list[str]:
    """ClaimResponses of these members that gave out one of the numbers, or that replaced one that did."""
    insurer = party_key(packet.follow("insurer"), packet)
    found = []
    for number in sorted(numbers):
        holder = await number_holder(number, insurer, context)
        held = await read_authorization(context, id_of(holder)) if holder is not None else None
        if held is not None:
            in_force = await current(context, held)
            if _of_members(in_force.response, members):
                found.append(in_force.id)
    return found


async def _of_patients(members: frozenset[str], context: Context) -> list[str]:
    """ClaimResponses in force of these members, newest first for each."""
    found = []
    for member in sorted(members):
        responses = await context.records.search("ClaimResponse", {"patient": member, "status": "active"})
        found += [str(each["id"]) for each in responses if linked(each, RESPONSE_BUNDLE_LINK)]
    return found


def _of_members(response: Resource, members: frozenset[str]) -> bool:
    patient = text(child(response, "patient").get("reference")) or ""
    return patient.partition("/_history/")[0] in members


def _has_number(known: Standing, numbers: frozenset[str]) -> bool:
    """By a number that it carries, or that the request itself quoted."""
    given_out = {number for each in known.authorization.answers() for number in each.numbers}
    return not numbers.isdisjoint(given_out | quoted_numbers(known.packet.claim.resource))
