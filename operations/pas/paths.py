"""Where a part of a request stands, as FHIRPath into the Bundle that was sent."""

from __future__ import annotations

from operations.packet import Entry, Packet
from operations.pas.claim_view import RequestedItem
from profiles.reading import objects


def entry_path(packet: Packet, entry: Entry) -> str:
    """`Bundle.entry[n].resource` of an entry of the packet."""
    for place, each in enumerate(packet.entries):
        if each.reference == entry.reference:
            return f"Bundle.entry[{place}].resource"
    return "Bundle.entry[0].resource"


def item_path(packet: Packet, item: RequestedItem) -> str:
    """`Bundle.entry[0].resource.item[n]` of an item of the Claim."""
    elements = objects(packet.claim.resource.get("item"))
    place = next((index for index, each in enumerate(elements) if each is item.element), 0)
    return f"Bundle.entry[0].resource.item[{place}]"
