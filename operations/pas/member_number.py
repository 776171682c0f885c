"""What counts as a member number: how a request and an inquiry tell the payer whom they are about (PAS 2.2.1 Beneficiary, Coverage).

PAS types it `MB` (HL7 table 0203), and its own examples leave the type out. So an identifier counts that is typed `MB` or not
at all; one that says it is something else (a medical record number, a licence) does not, though its digits be a member's.
"""

from __future__ import annotations

from operations.packet import Entry, Packet
from profiles.json import Resource
from profiles.reading import Coded, child, codings, identifier, objects, text

_MEMBER = "MB"


def member_identifiers(resource: Resource) -> list[Coded]:
    """The identifiers of a Patient or a Coverage that may be a member number."""
    found = []
    for each in objects(resource.get("identifier")):
        types = {coding.code for coding in codings(each.get("type"))}
        known = identifier(each)
        if known is not None and (not types or _MEMBER in types):
            found.append(known)
    return found


def member_numbers(packet: Packet) -> frozenset[str]:
    """What identifies the member: on the patient or on a coverage, whose `subscriberId` counts, too."""
    patient = packet.follow("patient")
    holders = [*coverages(packet), *([patient] if patient is not None else [])]
    found = {each.code for holder in holders for each in member_identifiers(holder.resource)}
    subscribers = {text(each.resource.get("subscriberId")) for each in coverages(packet)}
    return frozenset(found | {each for each in subscribers if each is not None})


def coverages(packet: Packet) -> list[Entry]:
    """The coverages of the Claim, the focal one first."""
    return [*focal_coverages(packet), *_of_insurance(packet, focal=False)]


def focal_coverages(packet: Packet) -> list[Entry]:
    """The coverage under which authorization is asked for. The others are other payers' business."""
    return _of_insurance(packet, focal=True)


def _of_insurance(packet: Packet, *, focal: bool) -> list[Entry]:
    insurance = [each for each in objects(packet.claim.resource.get("insurance")) if (each.get("focal") is True) is focal]
    literals = [text(child(each, "coverage").get("reference")) for each in insurance]
    found = [packet.resolve(literal, packet.claim) for literal in literals if literal is not None]
    return [each for each in found if each is not None]
