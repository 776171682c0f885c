"""Who asks whom about what: the identities that make a request the same request (PAS "Absence of Reliable Messaging")."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from operations.packet import Entry, Packet
from operations.pas.rewriting import rewritten
from operations.ports import Context, UniqueKey
from profiles.bundle_index import BundleIndex, Held
from profiles.json import Resource, dumps_sorted
from profiles.pas_names import NPI, PAYER_ID_SYSTEM
from profiles.pas_request import PasRequest
from profiles.reading import Coded, identifiers

_PREFERRED: Final = (PAYER_ID_SYSTEM, NPI)


@dataclass(frozen=True, slots=True)
class RequestIdentity:
    """`requestor` and `insurer` are `system|value` of their most telling identifier; `trace` is the Claim.identifier."""

    requestor: str
    insurer: str
    trace: Coded


def identity_of(packet: Packet) -> RequestIdentity:
    traces = identifiers(packet.claim.resource)
    return RequestIdentity(
        party_key(packet.follow("provider"), packet),
        party_key(packet.follow("insurer"), packet),
        traces[0] if traces else Coded("", ""),
    )


def party_key(party: Entry | None, packet: Packet) -> str:
    """`system|value` of a party, or its address where nothing in the Bundle identifies it."""
    if party is None:
        return ""
    found = party_identifier(party, packet)
    return f"{found.system}|{found.code}" if found is not None else party.reference


def party_identifier(party: Entry, packet: Packet) -> Coded | None:
    """The identifier of an Organization, or of the organization or practitioner behind a PractitionerRole."""
    for each in (party, *behind(party, packet)):
        found = telling_identifier(each.resource)
        if found is not None:
            return found
    return None


def behind(party: Entry, packet: Packet) -> list[Entry]:
    """The organization and the practitioner of a PractitionerRole."""
    if party.type != "PractitionerRole":
        return []
    return [found for element in ("organization", "practitioner") if (found := _follow(party, element, packet)) is not None]


def telling_identifier(resource: Resource) -> Coded | None:
    """Our payer id, else the NPI, else the first identifier that has a value."""
    known = identifiers(resource)
    for system in _PREFERRED:
        for each in known:
            if each.system == system:
                return each
    return known[0] if known else None


def _follow(holder: Entry, element: str, packet: Packet) -> Entry | None:
    target = holder.resource.get(element)
    literal = target.get("reference") if isinstance(target, dict) else None
    return packet.resolve(literal, holder) if isinstance(literal, str) else None


def request_key(identity: RequestIdentity, version: str, scenario: str | None) -> UniqueKey:
    """Held by the response Bundle that answers the request."""
    return ("pas-request", version, identity.requestor, identity.insurer, *identity.trace, scenario or "")


def content_key(key: UniqueKey, digest: str) -> UniqueKey:
    """Held by the response Bundle that answers the request with exactly this content."""
    return ("pas-content", *key[1:], digest)


def trace_key(identity: RequestIdentity, trace: Coded) -> UniqueKey:
    """Held by the ClaimResponse that answered the Claim with this identifier: how an update finds what it updates."""
    return ("pas-trace", identity.requestor, identity.insurer, *trace)


def number_key(number: str, issuer: str = "") -> UniqueKey:
    """Held by the ClaimResponse that gave out a number. Ours are unique; a remote payer's only among its own (`issuer`)."""
    return ("pas-number", issuer, number)


async def number_holder(number: str, issuer: str, context: Context) -> str | None:
    """The ClaimResponse that gave out a number, ours or the payer's."""
    return await context.records.holder(number_key(number)) or await context.records.holder(number_key(number, issuer))


def content_digest(request: PasRequest) -> str:
    """A digest of what the Bundle says, whatever GUIDs, ids and transaction numbers it says it with."""
    index = request.index
    names = {held.full_url: f"entry:{held.place}" for held in index.entries if held.full_url.startswith("urn:uuid:")}
    lines = hashlib.blake2b(digest_size=20)
    for held in index.entries:
        left_out = ("meta", "id") if held.full_url in names else ("meta",)
        said = {name: value for name, value in held.resource.items() if name not in left_out}
        lines.update(names.get(held.full_url, held.full_url).encode())
        lines.update(dumps_sorted(rewritten(said, _by_place(index, held), in_bundles=True)))
    return lines.hexdigest()


def _by_place(index: BundleIndex, holder: Held) -> Callable[[str], str]:
    def name(literal: str) -> str:
        target = index.resolve(literal, holder)
        return literal if target is None or "#" in target.full_url else f"entry:{target.place}"

    return name
