"""What stops a request although it is well formed, said in the ClaimResponse with an X12 reject reason (PAS 2.2.1, 2 and 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.packet import Packet
from operations.pas.claim_view import RequestedItem, diagnosis_codings
from operations.pas.eligibility import eligibility_errors
from operations.pas.member_number import member_numbers
from operations.pas.paths import entry_path, item_path
from operations.payer.determination import BusinessError
from profiles.pas_names import DIAGNOSIS_SYSTEMS, same_system


def business_errors(packet: Packet, items: Sequence[RequestedItem]) -> tuple[BusinessError, ...]:
    """Everything that the payer cannot do without, and what cannot be. `items` are those to be decided."""
    return (
        *_member_errors(packet),
        *_diagnosis_errors(packet),
        *_product_errors(packet, items),
        *_quantity_errors(packet, items),
        *eligibility_errors(packet, items),
    )


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
    for item in items:
        path = f"{item_path(packet, item)}.productOrService"
        if not item.has_known_system and not item.any_service:
            sentence = "A service needs a code of CPT, HCPCS, ICD-10-PCS, NDC or an X12 service type."
            yield BusinessError("AG", "C", "pas-code-system", sentence, path)
        told = {(same_system(each.system), each.code) for each in item.products}
        if len(told) > len({system for system, _ in told}):
            sentence = "A service has two codes of the same code system; ask for each service in an item of its own."
            yield BusinessError("AG", "C", "pas-code-system", sentence, path)


def _quantity_errors(packet: Packet, items: Sequence[RequestedItem]) -> Iterator[BusinessError]:
    for item in items:
        asked = item.element.get("quantity")
        if asked is None:
            continue
        if item.quantity is None or item.quantity <= 0 or "comparator" in asked:
            sentence = "The quantity of a service must be a number above zero."
            yield BusinessError("33", "C", "pas-quantity", sentence, f"{item_path(packet, item)}.quantity")
