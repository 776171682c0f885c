"""Who may see an authorization by `$inquire`: who sent it, or who names the member and a provider of it (PAS spec-52, -53)."""

from __future__ import annotations

from operations.packet import Entry, Packet
from operations.pas.identity import behind
from operations.pas.recording import submitter
from operations.pas.redeciding import Standing
from operations.ports import Context
from profiles.pas_names import NPI
from profiles.reading import Coded, child, identifiers, objects, text


def may_see(inquiry: Packet, known: Standing, context: Context) -> bool:
    """The payer must be the same in any case. The member was matched before."""
    if not _same_party(inquiry, known.packet, "insurer"):
        return False
    sent_it = known.authorization.submitter == submitter(context)
    if sent_it and _same_party(inquiry, known.packet, "provider"):
        return True
    return not providers(inquiry).isdisjoint(providers(known.packet))


def _same_party(inquiry: Packet, request: Packet, element: str) -> bool:
    """An identifier in common: senders know payers and organizations by several."""
    mine, theirs = _named(inquiry, element), _named(request, element)
    return not mine.isdisjoint(theirs)


def _named(packet: Packet, element: str) -> set[Coded]:
    party = packet.follow(element)
    if party is None:
        return set()
    return {each for entry in (party, *behind(party, packet)) for each in identifiers(entry.resource)}


def providers(packet: Packet) -> set[str]:
    """NPIs of who ordered and who renders: the requestor and the care team, with the people behind their roles."""
    found: list[Entry] = []
    claim = packet.claim.resource
    for holder in (claim, *objects(claim.get("careTeam"))):
        literal = text(child(holder, "provider").get("reference"))
        entry = packet.resolve(literal, packet.claim) if literal is not None else None
        if entry is not None:
            found += [entry, *behind(entry, packet)]
    return {value for entry in found for system, value in identifiers(entry.resource) if system == NPI}
