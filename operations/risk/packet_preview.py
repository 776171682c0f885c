"""Every item of a request, previewed under the policies in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from operations.evidence.collect import collect_evidence, for_item
from operations.evidence.fact import Unread
from operations.packet import Packet
from operations.policy.insurer import followed, stored_insurer
from operations.policy.item_policy import policy_for_item
from operations.policy.json_reading import part
from operations.ports import Context
from operations.risk.item_preview import ItemPreview, preview_item
from profiles.json import Resource
from profiles.outcome import refuse


@dataclass(frozen=True, slots=True)
class PacketPreview:
    """`unread` is what the packet holds, or points at, that could not be read: nothing in it was weighed."""

    items: tuple[ItemPreview, ...]
    unread: tuple[Unread, ...]


async def preview_packet(packet: Packet, context: Context) -> PacketPreview:
    """Every item of a packet, previewed. Raises `FhirError` when the Claim has no item, or a stored policy is broken."""
    items = packet.claim.resource.get("item")
    usable = [
        (index, item) for index, item in enumerate(items if isinstance(items, list) else ()) if isinstance(item, dict)
    ]
    if not usable:
        raise refuse("required-element", "The Claim has no item that could be previewed.", "Claim.item")
    insurer = await stored_insurer(context, _sent_insurer(packet))
    evidence = collect_evidence(packet)
    previews = []
    for index, item in usable:
        found = await policy_for_item(context, packet, insurer, item)
        previews.append(preview_item(packet, for_item(evidence, packet, index), item, found, insurer is not None))
    return PacketPreview(tuple(previews), (*evidence.unread, *_out_of_reach(packet)))


def _out_of_reach(packet: Packet) -> Iterator[Unread]:
    """Supporting information that the Claim points at and that is not in the packet: gone, or not for this caller to see."""
    infos = packet.claim.resource.get("supportingInfo")
    for index, info in enumerate(infos if isinstance(infos, list) else ()):
        reference = part(info, "valueReference", "reference")
        if isinstance(reference, str) and packet.resolve(reference, packet.claim) is None:
            place = f"Claim.supportingInfo[{index}].valueReference"
            yield Unread(packet.claim.reference, place, "What it points at is not here, or not for this caller to see.")


def _sent_insurer(packet: Packet) -> Resource | None:
    """The payer as the request names it: by reference, or by an identifier alone."""
    sent = followed(packet, "insurer")
    if sent is not None:
        return sent.resource
    return {"identifier": [part(packet.claim.resource.get("insurer"), "identifier")]}
