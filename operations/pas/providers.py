"""Who is authorized to render an item: the Claim's care team, as a Practitioner or an Organization of the request."""

from __future__ import annotations

from operations.packet import Entry, Packet
from operations.pas.claim_view import RequestedItem
from operations.pas.identity import behind
from profiles.json import Resource
from profiles.pas_names import CARE_TEAM_SCOPE
from profiles.reading import child, extension, objects, text, whole


def authorized_provider(item: RequestedItem, packet: Packet) -> str | None:
    """The fullUrl of the item's first care team member, else of the first one for the whole Claim."""
    members = objects(packet.claim.resource.get("careTeam"))
    wanted = {number for number in item.element.get("careTeamSequence", ()) if whole(number) is not None}
    of_item = [each for each in members if each.get("sequence") in wanted]
    of_claim = [each for each in members if extension(each, CARE_TEAM_SCOPE).get("valueBoolean") is True]
    for member in (*of_item, *of_claim):
        found = _person_or_organization(member, packet)
        if found is not None:
            return found.reference
    return None


def _person_or_organization(member: Resource, packet: Packet) -> Entry | None:
    literal = text(child(member, "provider").get("reference"))
    found = packet.resolve(literal, packet.claim) if literal is not None else None
    if found is None:
        return None
    candidates = [found, *reversed(behind(found, packet))]
    return next((each for each in candidates if each.type in ("Practitioner", "Organization")), None)
