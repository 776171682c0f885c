"""Clinical resources that the same sender sent before are used again: a second request does not double an encounter.

PAS 2.2.1 spec-17: the same instance may come in several Bundles, under one address. The same is what came from the same
requestor at the same fullUrl and says the same to the letter, apart from what a store notes about its version. What says
something else is another resource: the earlier request keeps what it was decided on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from operations.pas.rewriting import rewritten
from operations.ports import Context, UniqueKey
from profiles.bundle_index import BundleIndex, Held, literals
from profiles.json import dumps_sorted
from profiles.reading import child

_OF_THE_STORE: Final = ("versionId", "lastUpdated")


@dataclass(frozen=True, slots=True)
class SentBefore:
    """`references` are versioned, by fullUrl; `keys` those of the resources that have to be stored, by fullUrl."""

    references: Mapping[str, str]
    keys: Mapping[str, UniqueKey]
    replaces: Mapping[UniqueKey, str] = field(default_factory=dict)


async def sent_before(
    clinical: Sequence[Held], index: BundleIndex, known: Mapping[str, str], requestor: str, context: Context
) -> SentBefore:
    """Which entries of `clinical` are stored already. `known` are the references of people, organizations and the Claim."""
    keys = {held.full_url: _key(held, index, known, requestor) for held in clinical}
    holders = {}
    found = {}
    for url, key in keys.items():
        holder = await context.records.holder(key)
        if holder is None:
            continue
        holders[key] = holder
        kind, _, logical_id = holder.partition("/")
        if await context.records.read(kind, logical_id) is not None:
            found[url] = f"{holder}/_history/1"
    _without_those_that_lead_elsewhere(found, clinical, index)
    anew = {url: key for url, key in keys.items() if url not in found}
    return SentBefore(found, anew, {key: holders[key] for key in anew.values() if key in holders})


def _without_those_that_lead_elsewhere(found: dict[str, str], clinical: Sequence[Held], index: BundleIndex) -> None:
    """What refers to a resource that is stored anew, or to the Claim, cannot be the stored one, which refers to the old."""
    of_request = {held.full_url for held in clinical} | {
        held.full_url for held in index.entries if held.resource["resourceType"] == "Claim"
    }
    links = {held.full_url: _links(held, index) & of_request for held in clinical if held.full_url in found}
    while left := [url for url in found if any(target not in found for target in links[url])]:
        for url in left:
            del found[url]


def _links(held: Held, index: BundleIndex) -> set[str]:
    targets = (index.resolve(literal, held) for literal in literals(held.resource))
    return {target.full_url for target in targets if target is not None}


def _key(held: Held, index: BundleIndex, known: Mapping[str, str], requestor: str) -> UniqueKey:
    def name(literal: str) -> str:
        target = index.resolve(literal, held) if not literal.startswith("#") else None
        if target is None:
            return literal
        return known.get(target.full_url, target.full_url).partition("/_history/")[0]

    said = {key: value for key, value in rewritten(held.resource, name).items() if key not in ("id", "meta")}
    said["meta"] = {key: value for key, value in child(held.resource, "meta").items() if key not in _OF_THE_STORE}
    digest = hashlib.blake2b(dumps_sorted(said), digest_size=20).hexdigest()
    return ("pas-resource", requestor, held.full_url, digest)
