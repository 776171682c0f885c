"""The rules of a PAS response Bundle, checked on everything that goes out and on what remote payers send.

PAS 2.2.1 profile-pas-response-bundle, spec-30 to -34; the ClaimResponse's rules are in claim_response_rules.py, those of what
stands beside it in attachment_rules.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from operations.pas.attachment_rules import communication_faults, task_faults
from operations.pas.claim_response_rules import claim_response_faults
from operations.pas.response_fault import Fault
from profiles.bundle_index import BundleIndex, Held, literals, references
from profiles.json import Json, Resource
from profiles.reading import child, identifier, numbered, objects, text

Kind = Literal["submit", "inquire"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the request makes us expect. `sequences` None: not known (an inquiry). `sent` are the request's entries by fullUrl."""

    version: Literal["2.2.1", "2.0.1"] = "2.2.1"
    kind: Kind = "submit"
    sequences: Sequence[int] | None = None
    sent: Mapping[str, Resource] | None = None


def response_faults(bundle: Json, expected: Expectation) -> list[Fault]:
    """Every rule that the Bundle breaks; none for a Bundle that may go out. Takes any JSON."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        return [Fault("a response is a Bundle", "Bundle")]
    faults = list(_bundle_faults(bundle, expected))
    index = BundleIndex(
        [
            Held(place, url, entry["resource"])
            for place, entry in numbered(bundle.get("entry"))
            if (url := text(entry.get("fullUrl"))) is not None and isinstance(entry.get("resource"), dict)
        ]
    )
    responses = [held for held in index.entries if held.resource.get("resourceType") == "ClaimResponse"]
    if not index.entries or index.entries[0].place != 0 or index.entries[0] not in responses:
        faults.append(Fault("the first entry is the ClaimResponse (spec-30)", "Bundle.entry[0].resource"))
    if len(responses) != 1 and (expected.kind == "submit" or not responses):
        faults.append(Fault("there is exactly one ClaimResponse", "Bundle.entry"))
    for held in responses:
        at = f"Bundle.entry[{held.place}].resource"
        faults += claim_response_faults(held.resource, at, expected.version, expected.kind, expected.sequences)
    faults += _reference_faults(index)
    for held in index.entries:
        at = f"Bundle.entry[{held.place}].resource"
        if held.resource.get("resourceType") == "CommunicationRequest":
            faults += communication_faults(held.resource, at)
        elif held.resource.get("resourceType") == "Task":
            faults += task_faults(held.resource, at)
        if expected.sent is not None and expected.sent.get(held.full_url, held.resource) != held.resource:
            faults.append(Fault("what came in the request is echoed unchanged (spec-33)", at))
    return faults


def _bundle_faults(bundle: Resource, expected: Expectation) -> Iterator[Fault]:
    named = identifier(bundle.get("identifier"))
    if expected.kind == "submit" and (named is None or not named.system):
        yield Fault("the Bundle has an identifier with system and value", "Bundle.identifier")
    if bundle.get("type") != "collection":
        yield Fault("the Bundle's type is collection", "Bundle.type")
    if text(bundle.get("timestamp")) is None:
        yield Fault("the Bundle has a timestamp", "Bundle.timestamp")
    seen: set[str] = set()
    entries = bundle.get("entry")
    for place, entry in enumerate(entries if isinstance(entries, list) else []):
        at = f"Bundle.entry[{place}]"
        if not isinstance(entry, dict):
            yield Fault("an entry is an object", at)
            continue
        url = text(entry.get("fullUrl"))
        if url is None or not url.startswith(("http://", "https://", "urn:uuid:")):
            yield Fault("every entry has a fullUrl", f"{at}.fullUrl")
        elif url in seen:
            yield Fault("every resource is there once (spec-31)", f"{at}.fullUrl")
        seen.add(url or "")
        if not isinstance(entry.get("resource"), dict):
            yield Fault("every entry has a resource", f"{at}.resource")
        if any(name in entry for name in ("search", "request", "response")):
            yield Fault("entries carry no search, request or response", at)


def _reference_faults(index: BundleIndex) -> Iterator[Fault]:
    """Everything that is referred to is there; only the Claim may be left out."""
    for held in index.entries:
        if all(index.resolve(literal, held) is not None for literal in literals(held.resource)):
            continue
        root = f"Bundle.entry[{held.place}].resource"
        for found in references(held.resource, root):
            if index.resolve(found.literal, held) is None and not _is_the_request(
                held, found.path, root, found.literal, index
            ):
                yield Fault("every reference resolves in the Bundle", f"{found.path}.reference")


def _is_the_request(held: Held, path: str, root: str, literal: str, index: BundleIndex) -> bool:
    kind = held.resource.get("resourceType")
    if kind == "ClaimResponse":
        return path == f"{root}.request"
    if kind == "Task" and path == f"{root}.reasonReference":
        requests = [child(each.resource, "request").get("reference") for each in index.entries]
        return literal in requests
    if kind == "Claim":
        return path.startswith(f"{root}.related[")
    return False


def first_response(bundle: Resource) -> Resource:
    """The ClaimResponse of a Bundle, or an empty object."""
    for entry in objects(bundle.get("entry")):
        if child(entry, "resource").get("resourceType") == "ClaimResponse":
            return child(entry, "resource")
    return {}
