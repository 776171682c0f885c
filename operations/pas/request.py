"""A PAS request Bundle as a Packet: what policies, evidence and payers look at (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from operations.packet import Entry, Packet
from profiles.bundle_index import BundleIndex, Held
from profiles.json import Resource
from profiles.pas_request import PasRequest
from profiles.reading import numbered, text


def packet_of(request: PasRequest, received: datetime) -> Packet:
    """The packet of a checked request. The prior Claim of an update is not part of it: only the first Claim is judged."""
    left_out = frozenset() if request.prior is None else frozenset({request.prior.place})
    return _packet(request.index, received, left_out)


def packet_from_bundle(bundle: Resource, received: datetime) -> Packet:
    """The packet of a request Bundle; entries without address or resource are passed over. Needs a Claim first."""
    held = [
        Held(place, url, entry["resource"])
        for place, entry in numbered(bundle.get("entry"))
        if (url := text(entry.get("fullUrl"))) is not None
        and isinstance(entry.get("resource"), dict)
        and isinstance(entry["resource"].get("resourceType"), str)
    ]
    others = frozenset(each.place for each in held[1:] if each.resource["resourceType"] == "Claim")
    return _packet(BundleIndex(held), received, others)


def _packet(index: BundleIndex, received: datetime, left_out: Iterable[int]) -> Packet:
    held_by_place = {held.place: held for held in index.entries}
    entries = {held.place: Entry(held.full_url, held.resource) for held in index.entries}
    places = {held.full_url: held.place for held in reversed(index.entries)}

    def resolve(reference: str, holder: Entry) -> Entry | None:
        place = places.get(holder.reference.partition("#")[0])
        if place is None:
            return None
        found = index.resolve(reference, held_by_place[place])
        if found is None:
            return None
        return entries[found.place] if "#" not in found.full_url else Entry(found.full_url, found.resource)

    kept = tuple(entry for place, entry in entries.items() if place not in left_out)
    return Packet(kept[0], kept, resolve, received)
