"""The packet of a stored Claim: what it refers to, and what that refers to, read from the store (DESIGN section 6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from operations.documents.stored_text import with_text
from operations.packet import Entry, Packet
from operations.ports import Context
from profiles.bundle_index import references
from profiles.json import Resource, dumps_sorted
from profiles.reading import child, objects, text

MOST_ENTRIES: Final = 300
"""A packet has a dozen entries; this bounds what one Claim can make us read."""


async def packet_from_store(claim: Resource, context: Context, also: Sequence[Resource] = ()) -> Packet:
    """The packet of `claim` as stored. Versioned references are read at their version; what cannot be read is absent.

    `also` are further stored resources that belong to it. Documents have their data again, from the Binary they point at.
    The Claim's own prior is not followed.
    """
    first = Entry(_address(claim), claim)
    known = {first.reference: first}
    aliases = {_plain(first.reference): first}
    waiting = [first]
    for resource in also:
        entry = Entry(_address(resource), await _with_data(resource, context))
        known.setdefault(entry.reference, entry)
        aliases.setdefault(_plain(entry.reference), entry)
        waiting.append(entry)
    while waiting and len(known) < MOST_ENTRIES:
        holder = waiting.pop(0)
        for found in references(holder.resource, ""):
            literal = found.literal.removeprefix(f"{context.base_url}/")
            if found.path.startswith(".related[") or literal in known or literal in aliases:
                continue
            stored = await _read(literal, context)
            if stored is None or stored.get("resourceType") in ("Claim", "Bundle", "Binary"):
                continue
            entry = Entry(_address(stored), await _with_data(stored, context))
            known[entry.reference] = entry
            aliases.setdefault(_plain(entry.reference), entry)
            waiting.append(entry)

    def resolve(reference: str, holder: Entry) -> Entry | None:
        if reference.startswith("#"):
            return _contained(reference, holder)
        literal = reference.removeprefix(f"{context.base_url}/")
        return known.get(literal) or (aliases.get(literal) if "/_history/" not in literal else None)

    return Packet(first, tuple(known.values()), resolve, _received(claim, context))


def _contained(reference: str, holder: Entry) -> Entry | None:
    if reference == "#":
        return holder
    for each in objects(holder.resource.get("contained")):
        if each.get("id") == reference[1:] and isinstance(each.get("resourceType"), str):
            return Entry(f"{holder.reference}{reference}", each)
    return None


async def _read(literal: str, context: Context) -> Resource | None:
    parts = literal.split("/")
    if len(parts) == 2 and all(parts):
        return await context.records.read(parts[0], parts[1])
    if len(parts) == 4 and parts[2] == "_history" and parts[3].isdigit():
        return await context.records.read_version(parts[0], parts[1], int(parts[3]))
    return None


async def _with_data(resource: Resource, context: Context) -> Resource:
    """A DocumentReference with the data of the Binary resources that it points at; anything else as it is.

    Of what is kept apart because it is large, only texts are brought, as far as they are read.
    """
    if resource.get("resourceType") != "DocumentReference":
        return resource
    contents = []
    for content in objects(resource.get("content")):
        attachment = child(content, "attachment")
        url = (text(attachment.get("url")) or "").removeprefix(f"{context.base_url}/")
        if "data" not in attachment and url.startswith("Binary/"):
            binary = await _read(url, context)
            data = (await with_text(binary, context)).get("data") if binary is not None else None
            if isinstance(data, str):
                content = {**content, "attachment": {**attachment, "data": data}}
        contents.append(content)
    return {**resource, "content": contents}


def _address(resource: Resource) -> str:
    """Of a stored resource its version; of one that was only posted, and has no id, a UUID made of what it says."""
    logical_id, version = text(resource.get("id")), text(child(resource, "meta").get("versionId"))
    if logical_id is None:
        return f"urn:uuid:{uuid5(NAMESPACE_OID, hashlib.blake2b(dumps_sorted(resource)).hexdigest())}"
    plain = f"{resource.get('resourceType')}/{logical_id}"
    return f"{plain}/_history/{version}" if version is not None else plain


def _plain(reference: str) -> str:
    return reference.partition("/_history/")[0]


def _received(claim: Resource, context: Context) -> datetime:
    """When the store took the Claim in, else now."""
    stamped = text(child(claim, "meta").get("lastUpdated"))
    try:
        received = datetime.fromisoformat(stamped) if stamped is not None else context.now()
    except ValueError:
        return context.now()
    return received if received.tzinfo is not None else context.now()
