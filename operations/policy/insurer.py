"""The payer's Organization as we keep it. What it says decides; a copy that came in a request only says which payer is meant."""

from __future__ import annotations

from operations.packet import Entry, Packet
from operations.policy.json_reading import part
from operations.policy.selection import payer_tokens
from operations.policy.stored_policies import any_of
from operations.ports import Context
from profiles.json import Resource


def followed(packet: Packet, element: str) -> Entry | None:
    """What a Reference element of the Claim points at, if it can be found."""
    reference = part(packet.claim.resource.get(element), "reference")
    return packet.resolve(reference, packet.claim) if isinstance(reference, str) else None


async def stored_insurer(context: Context, insurer: Resource | None) -> Resource | None:
    """The stored Organization that shares an identifier with `insurer`; the first by id when there are several."""
    tokens = payer_tokens(insurer)
    if not tokens:
        return None
    found = await context.records.search("Organization", {"identifier": any_of(tokens)})
    sharing = [entry for entry in found if not payer_tokens(entry).isdisjoint(tokens)]
    return min(sharing, key=lambda entry: str(entry.get("id")), default=None)
