"""The inquiry that we send to a remote payer about a request that it has pended (PAS 2.2.1 profile-claim-inquiry)."""

from __future__ import annotations

from uuid import uuid4

from operations.packet import Entry, Packet
from operations.pas.answers import pended_reference
from operations.pas.redeciding import Standing
from operations.ports import Context
from profiles.bundle_index import references
from profiles.json import Resource
from profiles.pas_names import ADMINISTRATION_REFERENCE_NUMBER, PAS_SD
from profiles.reading import objects

_KEPT = ("status", "type", "use", "patient", "insurer", "provider", "priority", "insurance")


def inquiry_bundle(known: Standing, context: Context) -> Resource:
    """Asks by the reference numbers that the payer gave, for the same member, requestor and payer."""
    now = context.now().isoformat(timespec="seconds")
    packet = known.packet
    claim: Resource = {
        "resourceType": "Claim",
        "id": "inquiry",
        "meta": {"profile": [PAS_SD + "profile-claim-inquiry"]},
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid4()}"}],
        "created": now,
    }
    claim.update({name: packet.claim.resource[name] for name in _KEPT if name in packet.claim.resource})
    claim["item"] = _items(known)
    url = f"{packet.claim.reference.rpartition('/')[0]}/inquiry"
    first = Entry(url if url.startswith("http") else f"urn:uuid:{uuid4()}", claim)
    entries = [first, *_parties(first, packet)]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [PAS_SD + "profile-pas-inquiry-request-bundle"]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid4()}"},
        "type": "collection",
        "timestamp": now,
        "entry": [{"fullUrl": each.reference, "resource": each.resource} for each in entries],
    }


def _items(known: Standing) -> list[Resource]:
    pended = {each.sequence: pended_reference(each.element) for each in known.authorization.answers()}
    items = []
    for item in objects(known.packet.claim.resource.get("item")):
        asked: Resource = {"sequence": item.get("sequence"), "productOrService": item.get("productOrService")}
        number = pended.get(item.get("sequence", 0))
        if number is not None:
            asked["extension"] = [{"url": ADMINISTRATION_REFERENCE_NUMBER, "valueString": number}]
        items.append(asked)
    return items


def _parties(first: Entry, packet: Packet) -> list[Entry]:
    """Patient, payer, requestor and coverages, with what they refer to."""
    reached: dict[str, Entry] = {}
    waiting = [first]
    while waiting:
        holder = waiting.pop(0)
        asking = packet.claim if holder is first else holder
        for found in references(holder.resource, ""):
            target = packet.resolve(found.literal, asking)
            if (
                target is not None
                and target.type != "Claim"
                and target.reference not in reached
                and "#" not in target.reference
            ):
                reached[target.reference] = target
                waiting.append(target)
    return list(reached.values())
