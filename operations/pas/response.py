"""The PAS response Bundle: the ClaimResponse first, then all that it refers to, each once, at the request's own addresses.

PAS 2.2.1 profile-pas-response-bundle; spec-30, -31, -33. The Claim may dangle and is left out, except on the 2.0.1 endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from operations.packet import Entry, Packet
from operations.pas.claim_response import Frame
from operations.pas.information_request import InformationRequest
from operations.pas.rewriting import rewritten
from profiles.bundle_index import literals
from profiles.json import Resource
from profiles.pas_names import RESPONSE_BUNDLE
from profiles.reading import child

_OF_THE_STORE = ("versionId", "lastUpdated")


def response_bundle(
    frame: Frame,
    response: Resource,
    asked: InformationRequest,
    message_id: str,
    now: datetime,
    others: Sequence[Entry] = (),
) -> Resource:
    """The Bundle that answers. `message_id` is a UUID of its own; `others` may be referred to beside the request's entries."""
    made = [Entry(f"{frame.base_url}/{each['resourceType']}/{each['id']}", each) for each in asked.communications]
    made += [Entry(f"{frame.base_url}/Task/{task['id']}", task) for task in asked.tasks]
    first = Entry(frame.response_url, response)
    echoed = _reached([first, *made], frame.packet, others, with_claim=frame.version == "2.0.1")
    return {
        "resourceType": "Bundle",
        "id": frame.bundle_id,
        "meta": {"profile": [RESPONSE_BUNDLE]},
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{message_id}"},
        "type": "collection",
        "timestamp": now.isoformat(timespec="seconds"),
        "entry": [{"fullUrl": each.reference, "resource": each.resource} for each in (first, *made, *echoed)],
    }


def _reached(start: Sequence[Entry], packet: Packet, others: Sequence[Entry], *, with_claim: bool) -> list[Entry]:
    """Everything of the request that `start` refers to, and what that refers to, in the order of discovery."""
    known = {entry.reference: entry for entry in reversed([*packet.entries, *others])}
    reached = {entry.reference: entry for entry in start}
    waiting = list(start)
    while waiting:
        holder = waiting.pop(0)
        for literal in sorted(literals(holder.resource)):
            target = known.get(literal) or packet.resolve(literal, holder)
            if target is None or target.reference.partition("#")[0] in reached:
                continue
            if target.type == "Claim" and not with_claim:
                continue
            reached[target.reference] = target
            waiting.append(target)
    return list(reached.values())[len(start) :]


def as_sent(stored: Resource) -> Resource:
    """A stored Bundle as it was sent: without what the store says about its version."""
    meta = {name: value for name, value in child(stored, "meta").items() if name not in _OF_THE_STORE}
    sent: Resource = {"resourceType": "Bundle", "id": stored.get("id"), "meta": meta}
    sent.update((name, value) for name, value in stored.items() if name not in sent)
    return sent


def stored_form(resource: Resource, local: dict[str, str], base_url: str, extensions: Iterable[Resource] = ()) -> Resource:
    """A resource of the response with references into our store, and what we remember beside it."""

    def name(literal: str) -> str:
        return local.get(literal) or literal.removeprefix(f"{base_url}/")

    kept = rewritten(resource, name)
    added = list(extensions)
    if not added:
        return kept
    ordered: Resource = {}
    for key in ("resourceType", "id", "meta"):
        if key in kept:
            ordered[key] = kept[key]
    ordered["extension"] = [*kept.get("extension", []), *added]
    ordered.update((key, value) for key, value in kept.items() if key not in ordered)
    return ordered
