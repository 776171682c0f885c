"""Finding a submitted person, organization, coverage or place again in the store, by address or by identifiers.

A candidate is the same only if nothing contradicts it: no identifier system with other values on both sides, no other birth
date. When in doubt a new resource is made: two records can be merged by a person, two persons in one record cannot be told
apart any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from operations.pas.rewriting import rewritten
from operations.ports import Context, UniqueKey
from profiles.bundle_index import RESTFUL, BundleIndex, Held
from profiles.json import Resource, dumps
from profiles.outcome import FhirError
from profiles.reading import child, identifiers, objects, text

MASTER_TYPES: Final = (
    "Organization",
    "Patient",
    "RelatedPerson",
    "Practitioner",
    "Endpoint",
    "Location",
    "Coverage",
    "PractitionerRole",
)
"""Types that outlive a request, in the order in which they depend on each other."""

IDENTIFIED_TYPES: Final = frozenset({"Organization", "Patient", "Practitioner"})
"""Types whose identifiers are one's own; a family shares the numbers of a Coverage."""

UNNUMBERED_TYPES: Final = frozenset({"Organization", "Practitioner", "Location", "Endpoint"})
"""Types that are often told of without any number."""

MOST_CANDIDATES: Final = 20


@dataclass(frozen=True, slots=True)
class Known:
    """`reference` is versioned, or None where the resource has to be created."""

    reference: str | None = None
    stale_holders: Mapping[UniqueKey, str] = field(default_factory=dict)
    """Identity keys whose holder is gone: a creation has to take them over."""
    of_others: frozenset[UniqueKey] = frozenset()
    """Identity keys of somebody else who has the same number: a creation leaves them alone."""


async def find_known(held: Held, index: BundleIndex, known: Mapping[str, str], context: Context) -> Known:
    """Whether the store has this entry already. `known` holds what was found or will be created for other entries."""
    here = await _at_our_address(held, context)
    if here is not None:
        return Known(here)
    kind = held.resource["resourceType"]
    if kind not in MASTER_TYPES:
        return Known()
    for system, value in identifiers(held.resource):
        if not system:
            continue
        found = await candidates(context, kind, {"identifier": f"{escaped(system)}|{escaped(value)}"})
        for candidate in found:
            if not contradicts(held.resource, candidate) and _same_links(held, candidate, index, known):
                return Known(_versioned(candidate))
    if kind == "Coverage":
        return Known(await _coverage(held, index, known, context))
    if kind == "PractitionerRole":
        return Known(await _role(held, index, known, context))
    keys = identity_keys(held, index, known)
    return await _by_key(held, keys, context)


def identity_keys(held: Held, index: BundleIndex, known: Mapping[str, str]) -> list[UniqueKey]:
    """What a resource that we create is known by from then on: its own numbers; without any, all that it says.

    Not a person without numbers: two persons may well be told of in the same words.
    """
    kind = held.resource["resourceType"]
    if kind in IDENTIFIED_TYPES:
        keys: list[UniqueKey] = [
            ("identity", kind, system, value) for system, value in identifiers(held.resource) if system
        ]
        if keys or kind == "Patient":
            return keys
    if kind in UNNUMBERED_TYPES and not identifiers(held.resource):
        return [("same", kind, _digest(held, index, known))]
    return []


def _digest(held: Held, index: BundleIndex, known: Mapping[str, str]) -> str:
    """Of the content without id and meta, with references to what they stand for here."""

    def name(literal: str) -> str:
        target = index.resolve(literal, held)
        return _plain(known.get(target.full_url)) or literal if target is not None else literal

    said = rewritten(held.resource, name)
    kept = {key: said[key] for key in sorted(said) if key not in ("id", "meta", "text")}
    return hashlib.blake2b(dumps(kept), digest_size=16).hexdigest()


async def candidates(context: Context, kind: str, query: Mapping[str, str | Sequence[str]]) -> list[Resource]:
    """What matches, newest first; a search that matches more than a few tells nothing apart and counts as no match."""
    try:
        return await context.records.search(kind, query, MOST_CANDIDATES)
    except FhirError as error:
        if all(issue.code == "search-too-costly" for issue in error.issues):
            return []
        raise


async def _at_our_address(held: Held, context: Context) -> str | None:
    if not held.full_url.startswith(f"{context.base_url}/"):
        return None
    parts = RESTFUL.match(held.full_url)
    if parts is None or parts[1] != context.base_url or parts[2] != held.resource["resourceType"]:
        return None
    stored = await context.records.read(parts[2], parts[3])
    return _versioned(stored) if stored is not None else None


def contradicts(submitted: Resource, stored: Resource) -> bool:
    """True when both name something that cannot be both: another value of one system, another birth date."""
    of_stored: dict[str, set[str]] = {}
    for system, value in identifiers(stored):
        of_stored.setdefault(system, set()).add(value)
    of_submitted: dict[str, set[str]] = {}
    for system, value in identifiers(submitted):
        of_submitted.setdefault(system, set()).add(value)
    for system, values in of_submitted.items():
        if system and system in of_stored and values.isdisjoint(of_stored[system]):
            return True
    born = (text(submitted.get("birthDate")), text(stored.get("birthDate")))
    return None not in born and born[0] != born[1]


def _same_links(held: Held, candidate: Resource, index: BundleIndex, known: Mapping[str, str]) -> bool:
    """A Coverage is somebody's: an equal number with another beneficiary is another coverage."""
    if held.resource["resourceType"] != "Coverage":
        return True
    return _target(held, "beneficiary", index, known) == _plain(text(child(candidate, "beneficiary").get("reference")))


async def _coverage(held: Held, index: BundleIndex, known: Mapping[str, str], context: Context) -> str | None:
    beneficiary = _target(held, "beneficiary", index, known)
    subscriber = text(held.resource.get("subscriberId"))
    if beneficiary is None or subscriber is None:
        return None
    payors = {_resolved(payor, held, index, known) for payor in objects(held.resource.get("payor"))}
    for candidate in await candidates(context, "Coverage", {"beneficiary": beneficiary}):
        stored = {_plain(text(each.get("reference"))) for each in objects(candidate.get("payor"))}
        same = text(candidate.get("subscriberId")) == subscriber and not contradicts(held.resource, candidate)
        if same and payors & stored - {None}:
            return _versioned(candidate)
    return None


async def _role(held: Held, index: BundleIndex, known: Mapping[str, str], context: Context) -> str | None:
    practitioner = _target(held, "practitioner", index, known)
    organization = _target(held, "organization", index, known)
    if practitioner is None or organization is None:
        return None
    for candidate in await candidates(context, "PractitionerRole", {"practitioner": practitioner}):
        if _plain(text(child(candidate, "organization").get("reference"))) == organization:
            return _versioned(candidate)
    return None


async def _by_key(held: Held, keys: Sequence[UniqueKey], context: Context) -> Known:
    """What another request created, or whose key outlived it."""
    stale: dict[UniqueKey, str] = {}
    others: set[UniqueKey] = set()
    for key in keys:
        holder = await context.records.holder(key)
        if holder is None:
            continue
        stored = await context.records.read(*_split(holder))
        if stored is None:
            stale[key] = holder
        elif contradicts(held.resource, stored):
            others.add(key)
        else:
            return Known(_versioned(stored))
    return Known(None, stale, frozenset(others))


def _target(held: Held, element: str, index: BundleIndex, known: Mapping[str, str]) -> str | None:
    return _resolved(child(held.resource, element), held, index, known)


def _resolved(reference: Resource, held: Held, index: BundleIndex, known: Mapping[str, str]) -> str | None:
    literal = text(reference.get("reference"))
    target = index.resolve(literal, held) if literal is not None else None
    return _plain(known.get(target.full_url)) if target is not None else None


def _split(reference: str) -> tuple[str, str]:
    kind, _, logical_id = reference.partition("/")
    return kind, logical_id


def _plain(reference: str | None) -> str | None:
    return reference.partition("/_history/")[0] if reference is not None else None


def _versioned(stored: Resource) -> str:
    version = text(child(stored, "meta").get("versionId")) or "1"
    return f"{stored['resourceType']}/{stored['id']}/_history/{version}"


def escaped(part: str) -> str:
    """FHIR R4 3.1.1.4.0.2: `$ , |` and the backslash are escaped in search values."""
    for special in "\\,|$":
        part = part.replace(special, "\\" + special)
    return part
