"""transaction (R4 http.html#transaction): all entries in one commit with one audit record, or nothing.

Each attempt finds out which resources the entries mean, refuses overlaps, rewrites references between entries and those by
condition (transaction_conditions.py), checks every entry, and commits. An attempt that lost a race on a condition is made
again from the start; one that lost a race on a resource which an entry names by its id is refused, as a single update is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from profiles import json
from profiles.json import Resource
from profiles.outcome import FhirError, refuse
from profiles.reference_rewriting import rewrite_references
from profiles.references import iter_references, parse_reference
from server.auth.decision import Letter
from server.repository import Prepared, Version, instant
from server.rest.exchange import Exchange, Told, check_type
from server.rest.interactions import conditional, write
from server.rest.interactions.entries import Entry, answered, inside, request_of, response_bundle, without_content
from server.rest.interactions.patch import patched, present, read_patch, turn
from server.rest.interactions.transaction_conditions import (
    Draft,
    entry_criteria,
    entry_lookups,
    refuse_clashes,
    resolve_references,
    written_by,
)
from server.rest.interactions.transaction_reads import read_before
from server.rest.matching import Lookup, claims, in_turn
from server.rest.response import Response
from server.search.criteria import Criteria
from server.store.store import KeyClaim, KeyHeldError, StaleVersionError

_ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
_LETTERS: Final[dict[str, Letter]] = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}


@dataclass(frozen=True, slots=True)
class Change:
    """What one entry came to: `prepared` is None for a conditional create that found `version` there already."""

    version: Version
    status: int
    prepared: Prepared | None = None
    keys: tuple[KeyClaim, ...] = ()
    conditional: bool = False


async def transaction(exchange: Exchange, entries: list[Entry]) -> Response:
    """The answer to a transaction. Raises FhirError with expressions that name the entry."""
    criteria = entry_criteria(exchange, entries)

    async def attempt() -> dict[str, Change]:
        return await _attempt(exchange, entries, criteria)

    before = await read_before(exchange, entries)
    if isinstance(before, Response):
        return before
    patches = [turn(*entry.segments) for entry in entries if entry.method == "PATCH" and len(entry.segments) == 2]
    changes = await in_turn(exchange, [*(one.key for one in criteria.values()), *patches], attempt)
    parts: list[bytes] = []
    for entry, part in zip(entries, _answers(exchange, entries, changes), strict=True):
        part = part or before.get(entry.at)
        if part is None:
            read = request_of(exchange.request, entry)
            part = answered(without_content(read, await exchange.respond(read)))
        parts.append(part)
    return response_bundle("transaction-response", parts)


def _answers(exchange: Exchange, entries: list[Entry], changes: Mapping[str, Change]) -> list[bytes | None]:
    """What is answered to the entries that write, known before the commit; None for reads, which follow it."""
    parts: list[bytes | None] = []
    for entry in entries:
        if entry.at in changes:
            parts.append(_stored(exchange, changes[entry.at]))
        else:
            parts.append(b'{"response":{"status":"204"}}' if entry.method == "DELETE" else None)
    return parts


def _told(exchange: Exchange, entries: list[Entry], changes: Mapping[str, Change]) -> Told | None:
    """For a job to keep with the commit; nobody else needs the answer so early."""
    if exchange.services.keeper is None:
        return None
    parts = _answers(exchange, entries, changes)
    return Told(response_bundle("transaction-response", [part or b"null" for part in parts]), None not in parts)


async def _attempt(exchange: Exchange, entries: list[Entry], criteria: Mapping[str, Criteria]) -> dict[str, Change]:
    lookups = await entry_lookups(exchange, criteria)
    addresses = _addresses(exchange, entries, lookups)
    _refuse_overlap(entries, addresses)
    full_urls = _full_urls(entries, addresses)
    drafts: list[Draft] = []
    for entry in sorted((entry for entry in entries if entry.writes), key=lambda item: _ORDER[item.method]):
        drafts += await _draft(exchange, entry, addresses.get(entry.at), full_urls, lookups.get(entry.at))
    written = written_by(exchange, drafts)
    refuse_clashes(drafts, written)
    references, referred = await resolve_references(exchange, drafts, written)
    changes: dict[str, Change] = {}
    for draft in drafts:
        change = await _change(draft, references)
        if change is not None:
            changes[draft.entry.at] = change
    await _commit(exchange, changes, referred, _told(exchange, entries, changes))
    return changes


async def _commit(exchange: Exchange, by_entry: Mapping[str, Change], referred: list[Version], told: Told | None) -> None:
    noted = len(exchange.trail.entities)
    changes = by_entry.values()
    for version in [*referred, *(change.version for change in changes if change.prepared is None)]:
        exchange.trail.note(f"{version.reference}/_history/{version.version}", version.patients)
    prepared = [change.prepared for change in changes if change.prepared is not None]
    places = [at for at, change in by_entry.items() if change.prepared is not None]
    if not prepared:
        return
    exchange.trail.action = "E"
    try:
        keys = [key for change in changes for key in change.keys]
        await exchange.store_together(prepared, 200, keys, [], told, places=places)
    except (KeyHeldError, StaleVersionError) as error:
        del exchange.trail.entities[noted:]
        mine = {change.prepared.put.key for change in changes if change.prepared is not None and change.conditional}
        if isinstance(error, StaleVersionError) and error.key not in mine:
            text = "A resource was changed by somebody else meanwhile; read it and try again."
            raise refuse("edit-conflict", text) from error
        raise


def _addresses(exchange: Exchange, entries: list[Entry], lookups: Mapping[str, Lookup]) -> dict[str, tuple[str, str]]:
    """entry -> (type, id) that it writes, or that a conditional create found; nothing for a deletion that found nothing."""
    addresses: dict[str, tuple[str, str]] = {}
    for entry in entries:
        if not entry.writes:
            continue
        lookup = lookups.get(entry.at)
        if lookup is None and ((entry.method, len(entry.segments)) not in _SHAPES or entry.query):
            raise refuse("bundle-entry", _SHAPES_TEXT, f"{entry.at}.request.url")
        type_ = entry.segments[0]
        check_type(type_)
        if lookup is not None:
            id_ = _found_id(exchange, entry, lookup)
        else:
            id_ = exchange.services.new_id() if entry.method == "POST" else entry.segments[1]
        if id_ is not None:
            write.check_id(id_)
            addresses[entry.at] = (type_, id_)
    return addresses


_SHAPES: Final = frozenset({("POST", 1), ("PUT", 2), ("PATCH", 2), ("DELETE", 2)})
_SHAPES_TEXT: Final = (
    "Inside a transaction, POST goes to a type, PUT, PATCH and DELETE to a type and id or to a type with search criteria."
)


def _found_id(exchange: Exchange, entry: Entry, lookup: Lookup) -> str | None:
    if lookup.found is not None:
        return lookup.found.id
    if entry.method == "DELETE":
        return None
    if entry.method == "PATCH":
        raise refuse("not-found", "Nothing that you may see matches the criteria.", f"{entry.at}.request.url")
    own = entry.resource.get("id") if entry.method == "PUT" and entry.resource is not None else None
    return own if isinstance(own, str) else exchange.services.new_id()


def _refuse_overlap(entries: list[Entry], addresses: dict[str, tuple[str, str]]) -> None:
    seen: dict[tuple[str, str], str] = {}
    urls: dict[str, str] = {}
    for entry in entries:
        if entry.at in addresses:
            address = addresses[entry.at]
            if address in seen:
                raise refuse("bundle-duplicate", f"{seen[address]} and {entry.at} change the same resource.", entry.at)
            seen[address] = entry.at
        if entry.full_url is not None and entry.method in {"POST", "PUT"}:
            if entry.full_url in urls:
                raise refuse(
                    "bundle-duplicate",
                    f"{urls[entry.full_url]} and {entry.at} have the same fullUrl.",
                    f"{entry.at}.fullUrl",
                )
            urls[entry.full_url] = entry.at


async def _draft(
    exchange: Exchange, entry: Entry, address: tuple[str, str] | None, full_urls: dict[str, str], lookup: Lookup | None
) -> list[Draft]:
    """The entry's change before conditional references are resolved; none for a conditional delete that found nothing."""
    type_ = entry.segments[0]
    try:
        write.refuse_written_by_server(type_)
        access = exchange.authorize(_LETTERS[entry.method], type_)
        part = replace(exchange, access=access, request=request_of(exchange.request, entry))
        if address is None:
            write.check_if_match(part, None)
            return []
        id_ = address[1]
        if entry.method == "DELETE":
            return [Draft(entry, part, type_, id_, None, (), lookup)]
        base = None
        if entry.method == "PATCH":
            change = read_patch(part.request)
            base = await present(part, type_, id_)
            if lookup is not None and lookup.found is not None and lookup.found.version != base.version:
                raise StaleVersionError(base.record.key)
            given = patched(part, base, change)
        else:
            given = entry.resource or {}
        resource, references = _resolved(given, entry.full_url, full_urls)
        if resource["resourceType"] != type_:
            raise refuse("id-mismatch", "The entry's resource is not of the type in its url.", "resource.resourceType")
        if entry.method == "POST":
            resource = {**resource, "id": id_}
        elif resource.get("id", id_ if lookup is not None else None) != id_:
            raise refuse(
                "id-mismatch", "The resource's id must be that in the entry's url, or of what it finds.", "resource.id"
            )
        return [Draft(entry, part, type_, id_, write.check_content(resource), references, lookup, base)]
    except FhirError as error:
        raise inside(error, entry.at) from error


async def _change(draft: Draft, references: Mapping[str, str]) -> Change | None:
    try:
        if draft.resource is None:
            return await _deletion(draft)
        if draft.present is not None:
            return Change(draft.present, 200)
        resource = rewrite_references(draft.resource, references) if draft.references else draft.resource
        part, lookup = draft.part, draft.lookup
        if draft.entry.method == "POST":
            prepared, created = part.repository.prepare(resource, draft.id, None), True
            await write.require_within(part, prepared.version)
        elif draft.base is not None:
            prepared, created = await write.prepare_update(part, resource, draft.id)
            if prepared.version.version != draft.base.version + 1:
                raise StaleVersionError(prepared.put.key)
        elif lookup is not None:
            prepared, created = await conditional.prepare_target(part, resource, lookup, "resource.id", draft.id)
        else:
            prepared, created = await write.prepare_update(part, resource, draft.id)
        keys = tuple(claims(part, lookup, prepared)) if created and lookup is not None else ()
        again = lookup is not None or draft.base is not None
        return Change(prepared.version, 201 if created else 200, prepared, keys, again)
    except FhirError as error:
        raise inside(error, draft.entry.at) from error


async def _deletion(draft: Draft) -> Change | None:
    part = draft.part
    current = await part.repository.read(part.access, draft.id)
    if current is None or current.deleted:
        return None
    await write.require_within(part, current)
    write.check_if_match(part, current)
    if draft.lookup is not None and draft.lookup.found is not None and draft.lookup.found.version != current.version:
        raise StaleVersionError(current.record.key)
    prepared = part.repository.prepare_deletion(current)
    return Change(prepared.version, 204, prepared, (), draft.lookup is not None)


def _full_urls(entries: list[Entry], addresses: dict[str, tuple[str, str]]) -> dict[str, str]:
    """fullUrl -> `Type/id` that the entry's resource is stored under."""
    return {
        entry.full_url: "/".join(addresses[entry.at])
        for entry in entries
        if entry.full_url is not None and entry.method in {"POST", "PUT"}
    }


def _resolved(
    given: Resource, full_url: str | None, full_urls: dict[str, str]
) -> tuple[Resource, tuple[tuple[str, str], ...]]:
    """An entry's resource with references to other entries rewritten (R4 bundle.html#references), and its conditional
    references with their expressions.

    A Bundle that is to be stored stays as it is: its references are between its own entries.
    """
    if given["resourceType"] == "Bundle":
        return given, ()
    mapping = full_urls
    reference = parse_reference(full_url) if full_url is not None else None
    if reference is not None and reference.kind == "absolute" and reference.base is not None:
        base = reference.base + "/"
        mapping = full_urls | {url.removeprefix(base): name for url, name in full_urls.items() if url.startswith(base)}
    resource = rewrite_references(given, mapping)
    conditional_references: list[tuple[str, str]] = []
    for holder, key, expression in iter_references(resource):
        text = holder[key]
        if text.startswith("urn:"):
            raise refuse("reference-unresolved", "The reference names no entry of the transaction.", expression)
        if "?" in text and (found := parse_reference(text)) is not None and found.kind == "conditional":
            conditional_references.append((text, expression))
    return resource, tuple(conditional_references)


def _stored(exchange: Exchange, change: Change) -> bytes:
    version = change.version
    part = {
        "status": str(change.status),
        "location": f"{exchange.request.base.url}/{version.reference}/_history/{version.version}",
        "etag": version.etag,
        "lastModified": instant(version.updated),
    }
    wanted = exchange.request.prefer.get("return") == "representation" and not version.deleted
    resource = b'"resource":' + version.listed + b"," if wanted else b""
    return b"{" + resource + b'"response":' + json.dumps(part) + b"}"
