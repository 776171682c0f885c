"""The entries of a PAS request Bundle: form, addresses, the Claim first (PAS 2.2.1 profile-pas-request-bundle; R4 Bundle)."""

from __future__ import annotations

import re
from typing import Final

from profiles.bundle_index import RESTFUL, Held
from profiles.json import Json, Resource
from profiles.outcome import Issue

_UUID: Final = re.compile(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_OF_OTHER_BUNDLES: Final = ("search", "request", "response")


def held_entries(bundle: Resource, issues: list[Issue]) -> list[Held]:
    """The entries that have an address and a resource; what is wrong with the Bundle's form goes to `issues`."""
    if bundle.get("type") != "collection":
        issues.append(Issue("pas-bundle-type", "A PAS request Bundle has type `collection`.", "Bundle.type"))
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        text = "A PAS request Bundle must hold at least one entry, the first a Claim."
        issues.append(Issue("pas-bundle-empty", text, "Bundle.entry"))
        return []
    held: list[Held] = []
    seen: set[str] = set()
    for place, entry in enumerate(entries):
        found = _held(entry, place, issues)
        if found is None:
            continue
        if found.full_url in seen:
            text = "Another entry of the Bundle has the same fullUrl; each resource appears once."
            issues.append(Issue("pas-entry-duplicate", text, f"Bundle.entry[{place}].fullUrl"))
        seen.add(found.full_url)
        held.append(found)
    first = entries[0].get("resource") if isinstance(entries[0], dict) else None
    if not isinstance(first, dict) or first.get("resourceType") != "Claim":
        text = "The first entry must be the Claim that is being submitted; a Claim elsewhere does not count."
        issues.append(Issue("pas-first-not-claim", text, "Bundle.entry[0].resource"))
    return held


def _held(entry: Json, place: int, issues: list[Issue]) -> Held | None:
    at = f"Bundle.entry[{place}]"
    if not isinstance(entry, dict):
        issues.append(Issue("pas-entry", "An entry is an object with fullUrl and resource.", at))
        return None
    issues.extend(
        Issue("pas-entry", f"Entries of a PAS request carry no `{name}`.", f"{at}.{name}")
        for name in _OF_OTHER_BUNDLES
        if name in entry
    )
    url = entry.get("fullUrl")
    if not isinstance(url, str) or not (RESTFUL.match(url) or _UUID.match(url)):
        text = "fullUrl must be the resource's own http(s) address (.../Type/id), or urn:uuid: and a UUID."
        issues.append(Issue("pas-entry", text, f"{at}.fullUrl"))
        url = None
    resource = entry.get("resource")
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        issues.append(Issue("pas-entry", "Every entry holds a resource with a resourceType.", f"{at}.resource"))
        return None
    if url is None:
        return None
    address = RESTFUL.match(url)
    if address is not None and (address[2], address[3]) != (resource["resourceType"], resource.get("id", address[3])):
        issues.append(Issue("pas-entry", "fullUrl names another type or id than the resource has.", f"{at}.fullUrl"))
    return Held(place, url, resource)
