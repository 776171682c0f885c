"""Rules for Bundles by their type, beyond their invariants (FHIR R4 bundle.html, documents.html, messaging.html).

fullUrls must be absolute and, where they are RESTful addresses, those of the resources under them. In documents and messages
what the first entry points at must be in the Bundle; in documents every entry must hang together with the Composition.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from profiles.bundle_index import RESTFUL, BundleIndex, Held, literals, references
from profiles.conformance.context import Context, Item
from profiles.conformance.reading import places_of
from profiles.json import Json, Resource
from profiles.outcome import Severity
from profiles.structure import resource_types
from profiles.validation.run import Path

_WITHOUT_URL: Final = frozenset({"transaction", "batch", "transaction-response", "batch-response", "history", "searchset"})
_ABSOLUTE: Final = re.compile(r"(?:https?://\S+|urn:(?:uuid|oid):\S+|[A-Za-z][A-Za-z0-9+.-]*:\S+)")


def check_bundle(item: Item, context: Context) -> None:
    """Check a Bundle's entries: their addresses, and how they refer to each other."""
    bundle: Resource = item.value
    kind = bundle.get("type")
    for entry, where in places_of(bundle, "entry", item.path):
        _check_address(entry, kind, where, context)
    index = context.bundle
    if index is None:
        return
    if kind in ("document", "message"):
        _check_first(index, item.path, context)
    for held in index.entries:
        _check_named_types(index, held, item.path, context)
    several = {url for url, count in Counter(held.full_url for held in index.entries).items() if url and count > 1}
    for held in index.entries if several else ():
        _check_matches(index, held, several, item.path, context, strict=kind == "document")
    if kind == "document" and index.entries:
        _check_reachable(index, item.path, context)


def _check_address(entry: Resource, kind: Json, path: Path, context: Context) -> None:
    url, resource = entry.get("fullUrl"), entry.get("resource")
    if kind == "searchset" and isinstance(resource, dict) and _needs_id(resource):
        context.add("bundle-rule", "A resource in a search set needs an id.", path)
    where: Path = (path, "fullUrl", -1)
    if not isinstance(url, str):
        if (not isinstance(kind, str) or kind not in _WITHOUT_URL) and isinstance(resource, dict):
            context.add("bundle-rule", "An entry needs a fullUrl, but for batches, transactions and their responses.", path)
        return
    if not _ABSOLUTE.fullmatch(url):
        context.add("bundle-rule", "A fullUrl must be an absolute address.", where)
    elif isinstance(resource, dict) and kind not in ("transaction", "batch"):
        _check_restful(url, resource, where, context)


def _needs_id(resource: Resource) -> bool:
    return resource.get("resourceType") != "OperationOutcome" and "id" not in resource


def _check_restful(url: str, resource: Resource, where: Path, context: Context) -> None:
    match = RESTFUL.match(url)
    if match is None or match[2] not in resource_types():
        return
    if "id" not in resource:
        context.add("bundle-rule", "The fullUrl is a RESTful address, but the resource has no id.", where)
    elif (match[2], match[3]) != (resource.get("resourceType"), resource["id"]):
        context.add("bundle-rule", "The fullUrl is the address of another resource than the one under it.", where)


def _check_first(index: BundleIndex, path: Path, context: Context) -> None:
    """What a Composition or MessageHeader itself points at must be in the Bundle."""
    if not index.entries:
        return
    first = index.entries[0]
    kind = first.resource.get("resourceType")
    if kind not in ("Composition", "MessageHeader"):
        return
    wanted = _COMPOSITION if kind == "Composition" else _HEADER
    for each in references({key: value for key, value in first.resource.items() if key != "contained"}, ""):
        name = each.path.lstrip(".").partition("[")[0].partition(".")[0]
        if name in wanted and index.resolve(each.literal, first) is None:
            where = ((path, "entry", first.place), f"resource{each.path}", -1)
            context.add("bundle-rule", "What the first entry points at must be in the Bundle.", where)


_COMPOSITION: Final = frozenset({"subject", "encounter", "author", "attester", "custodian", "event", "section"})
_HEADER: Final = frozenset({"focus"})


def _check_named_types(index: BundleIndex, held: Held, path: Path, context: Context) -> None:
    """`Type/x` beside an entry `urn:uuid:x` of another type is meant for it, and wrong."""
    if not held.full_url.startswith("urn:uuid:"):
        return
    for literal in literals(held.resource):
        name, slash, key = literal.partition("/")
        meant = index.by_url.get(f"urn:uuid:{key}") if slash and name in resource_types() else None
        if meant is not None and meant.resource.get("resourceType") != name:
            text = "A reference names another type than the entry has that it is meant for."
            context.add("reference-target", text, ((path, "entry", held.place), "resource", -1))


def _check_matches(
    index: BundleIndex, held: Held, several: set[str], path: Path, context: Context, *, strict: bool
) -> None:
    """A reference must not have two targets in the Bundle."""
    for each in references(held.resource, "resource"):
        if not each.literal.startswith("#") and index.address(each.literal, held.full_url) in several:
            where = ((path, "entry", held.place), each.path, -1)
            severity: Severity = "error" if strict else "warning"
            context.add("bundle-rule", "The reference has more than one target in the Bundle.", where, severity)


def _check_reachable(index: BundleIndex, path: Path, context: Context) -> None:
    """Every entry of a document is linked with the Composition, in one direction or the other."""
    near: dict[int, set[int]] = {held.place: set() for held in index.entries}
    for held in index.entries:
        for literal in literals(held.resource):
            target = None if literal.startswith("#") else index.resolve(literal, held)
            if target is not None and target.place in near:
                near[held.place].add(target.place)
                near[target.place].add(held.place)
    reached = {index.entries[0].place}
    waiting = list(reached)
    while waiting:
        for place in near[waiting.pop()] - reached:
            reached.add(place)
            waiting.append(place)
    for held in index.entries:
        if held.place not in reached:
            where = (path, "entry", held.place)
            context.add("bundle-rule", "The entry is not linked with the document's Composition.", where)
