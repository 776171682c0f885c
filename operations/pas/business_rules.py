"""What stops a request although it is well formed, said in the ClaimResponse with an X12 reject reason (PAS 2.2.1, 2 and 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.packet import Entry, Packet
from operations.pas.claim_view import RequestedItem, diagnosis_codings
from operations.payer.determination import BusinessError
from profiles.json import Resource
from profiles.pas_names import DIAGNOSIS_SYSTEMS, same_system
from profiles.reading import child, identifiers, objects, text


def business_errors(packet: Packet, items: Sequence[RequestedItem]) -> tuple[BusinessError, ...]:
    """Everything that the payer cannot do without: a member, codes that it can read. `items` are those to be decided."""
    return (*_member_errors(packet), *_diagnosis_errors(packet), *_product_errors(packet, items))


def entry_path(packet: Packet, entry: Entry) -> str:
    """`Bundle.entry[n].resource` of an entry of the packet."""
    for place, each in enumerate(packet.entries):
        if each.reference == entry.reference:
            return f"Bundle.entry[{place}].resource"
    return "Bundle.entry[0].resource"


def member_numbers(packet: Packet) -> frozenset[str]:
    """What identifies the member: identifiers of the patient and of the coverages, subscriber ids."""
    patient = packet.follow("patient")
    found = {value for _, value in identifiers(patient.resource)} if patient is not None else set()
    for coverage in coverages(packet):
        found |= {value for _, value in identifiers(coverage.resource)}
        subscriber = text(coverage.resource.get("subscriberId"))
        if subscriber is not None:
            found.add(subscriber)
    return frozenset(found)


def coverages(packet: Packet) -> list[Entry]:
    """The coverages of the Claim, the focal one first."""
    insurance = objects(packet.claim.resource.get("insurance"))
    ordered = sorted(insurance, key=lambda each: each.get("focal") is not True)
    literals = [text(child(each, "coverage").get("reference")) for each in ordered]
    found = [packet.resolve(literal, packet.claim) for literal in literals if literal is not None]
    return [each for each in found if each is not None]


def _member_errors(packet: Packet) -> Iterator[BusinessError]:
    if not member_numbers(packet):
        patient = packet.follow("patient")
        path = f"{entry_path(packet, patient)}.identifier" if patient is not None else None
        sentence = "The member cannot be identified: give the member number on the patient or the coverage."
        yield BusinessError("72", "C", "required-element", sentence, path, "2010C-NM109")


def _diagnosis_errors(packet: Packet) -> Iterator[BusinessError]:
    for place, codes in diagnosis_codings(packet.claim.resource):
        if not any(same_system(each.system) in DIAGNOSIS_SYSTEMS for each in codes):
            sentence = "A diagnosis needs a code of ICD-10-CM, ICD-9-CM or a DRG system."
            path = f"Bundle.entry[0].resource.diagnosis[{place}].diagnosisCodeableConcept"
            yield BusinessError("AF", "C", "pas-code-system", sentence, path)


def _product_errors(packet: Packet, items: Sequence[RequestedItem]) -> Iterator[BusinessError]:
    elements: list[Resource] = objects(packet.claim.resource.get("item"))
    for item in items:
        if not item.has_known_system and not item.any_service:
            sentence = "A service needs a code of CPT, HCPCS, ICD-10-PCS, NDC or an X12 service type."
            place = next((index for index, each in enumerate(elements) if each is item.element), 0)
            path = f"Bundle.entry[0].resource.item[{place}].productOrService"
            yield BusinessError("AG", "C", "pas-code-system", sentence, path)
