"""What a JSON document brings: itself, or what is in a Bundle, each under its own id and referring to the others by theirs.

Of a transaction or batch only what stores something under a known id is taken: a POST keeps the id that the resource has, or the
one in its `urn:uuid:` address. Conditions are refused, for what they mean depends on what is stored already: send such a Bundle
to the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from profiles.json import Json, Resource
from profiles.outcome import Issue
from profiles.reference_rewriting import rewrite_references
from profiles.references import iter_references, parse_reference
from server.rest.exchange import is_id

_TAKEN: Final = frozenset({"transaction", "batch", "collection", "searchset", "history"})
_STORING: Final = frozenset({"POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry's number, from 1 (0: the document itself), and what it brings, or why it brings nothing."""

    number: int
    found: Resource | Issue


def entries(document: Json) -> Iterator[Entry]:
    if not isinstance(document, dict) or document.get("resourceType") != "Bundle" or document.get("type") not in _TAKEN:
        yield Entry(0, document if isinstance(document, dict) else Issue("structure", "A resource is a JSON object."))
        return
    listed = document.get("entry")
    found = [_entry(item) for item in listed] if isinstance(listed, list) else []
    addresses = {
        item["fullUrl"]: f"{resource['resourceType']}/{resource['id']}"
        for item, resource in zip(listed or [], found, strict=True)
        if isinstance(resource, dict) and isinstance(item.get("fullUrl"), str)
    }
    for number, resource in enumerate(found, 1):
        yield Entry(number, _linked(resource, addresses) if isinstance(resource, dict) else resource)


def _entry(item: Json) -> Resource | Issue:
    resource = item.get("resource") if isinstance(item, dict) else None
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return Issue("structure", "The entry holds no resource.", "Bundle.entry.resource")
    request = item.get("request")
    if isinstance(request, dict):
        url = request.get("url")
        if request.get("method") not in _STORING or "ifNoneExist" in request or (isinstance(url, str) and "?" in url):
            return Issue("not-supported", "Only entries that store something under a known id are loaded.", "Bundle.entry")
    if "id" not in resource:
        return _named(resource, item.get("fullUrl"))
    return resource


def _named(resource: Resource, address: Json) -> Resource | Issue:
    id_ = address.removeprefix("urn:uuid:") if isinstance(address, str) else ""
    if not is_id(id_):
        return Issue(
            "id-format", "The resource has no id, and no urn:uuid address to take it from.", "Bundle.entry.fullUrl"
        )
    return {"resourceType": resource["resourceType"], "id": id_, **resource}


def _linked(resource: Resource, addresses: dict[str, str]) -> Resource | Issue:
    rewritten = rewrite_references(resource, addresses)
    for holder, key, expression in iter_references(rewritten):
        reference = parse_reference(holder[key])
        if reference is not None and reference.kind == "conditional":
            return Issue(
                "not-supported", "References by a condition are not loaded: send the Bundle to the server.", expression
            )
    return rewritten
