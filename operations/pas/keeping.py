"""Storing what came in a PAS request: each resource for itself, documents as Binary, references turned to our own store.

DESIGN section 6: the Claim refers to patient, coverage and practitioners by version, so that later edits never change what
was sent. People and organizations that we know already are used, not doubled (known_resources.py), and never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from operations.pas.known_resources import MASTER_TYPES, Known, find_known, identity_keys
from operations.pas.rewriting import rewritten
from operations.pas.sent_before import sent_before
from operations.ports import Context, UniqueKey, Write
from profiles.bundle_index import Held
from profiles.json import Json, Resource
from profiles.pas_names import FROM_A_REQUEST, ORIGIN_SYSTEM
from profiles.pas_request import PasRequest
from profiles.reading import child, objects, text

_OF_THE_STORE: Final = ("versionId", "lastUpdated")
_OF_ITS_OWN: Final = frozenset({*MASTER_TYPES, "Claim"}) - {"Coverage", "PractitionerRole"}
"""Types that are found again by who they are, or never: each request has its Claim. Coverages and roles may lack a number."""


@dataclass(slots=True)
class Kept:
    """What has to be written, and under which versioned reference each entry of the request is found from then on."""

    writes: list[Write] = field(default_factory=list)
    keys: dict[UniqueKey, str] = field(default_factory=dict)
    replaces: dict[UniqueKey, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    """fullUrl to `Type/id/_history/version`."""

    def local(self, full_url: str) -> str | None:
        """`Type/id` for an entry's fullUrl."""
        found = self.references.get(full_url)
        return found.partition("/_history/")[0] if found is not None else None


async def keep(request: PasRequest, context: Context, requestor: str, prior_claim: str | None = None) -> Kept:
    """Prepare the storing of every entry. `prior_claim` is the stored Claim that the request updates, if we know it."""
    kept = Kept()
    if request.prior is not None and prior_claim is not None:
        kept.references[request.prior.full_url] = prior_claim
    created: list[Held] = []
    unnumbered: list[Held] = []
    clinical: list[Held] = []
    for held in sorted(request.index.entries, key=_dependencies_first):
        if held.full_url in kept.references:
            continue
        known = await find_known(held, request.index, kept.references, context)
        if known.reference is not None:
            kept.references[held.full_url] = known.reference
        elif held.resource["resourceType"] in _OF_ITS_OWN:
            _create(held, kept, created, context)
            _claim_identity(held, known, kept, request)
        else:
            (unnumbered if held.resource["resourceType"] in MASTER_TYPES else clinical).append(held)
    for group in (unnumbered, clinical):
        before = await sent_before(group, request.index, kept.references, requestor, context)
        kept.references.update(before.references)
        kept.replaces.update(before.replaces)
        for held in group:
            if held.full_url in before.keys:
                _create(held, kept, created, context)
                kept.keys[before.keys[held.full_url]] = kept.local(held.full_url) or ""
    for held in created:
        _write(held, request, kept, context)
    return kept


def _create(held: Held, kept: Kept, created: list[Held], context: Context) -> None:
    kept.references[held.full_url] = f"{held.resource['resourceType']}/{context.new_id()}/_history/1"
    created.append(held)


def _dependencies_first(held: Held) -> int:
    kind = held.resource["resourceType"]
    return MASTER_TYPES.index(kind) if kind in MASTER_TYPES else len(MASTER_TYPES)


def _claim_identity(held: Held, known: Known, kept: Kept, request: PasRequest) -> None:
    """Two requests at once must not create the same organization twice: the identifier may have one holder."""
    reference = kept.local(held.full_url) or ""
    for key in identity_keys(held, request.index, kept.references):
        if key not in kept.keys and key not in known.of_others:
            kept.keys[key] = reference
            if key in known.stale_holders:
                kept.replaces[key] = known.stale_holders[key]


def _write(held: Held, request: PasRequest, kept: Kept, context: Context) -> None:
    stored = with_id(rewritten(held.resource, _localizer(held, request, kept, context)), _id_in(kept, held))
    if stored["resourceType"] in MASTER_TYPES:
        _tag_origin(stored)
    if stored["resourceType"] == "DocumentReference":
        stored, binaries = _with_binaries(stored, context)
        kept.writes.extend(Write(binary) for binary in binaries)
    kept.writes.append(Write(stored))


def _tag_origin(stored: Resource) -> None:
    """Somebody's word about an organization does not register it as a payer: the tag tells the two apart."""
    meta = child(stored, "meta")
    tag = {"system": ORIGIN_SYSTEM, "code": FROM_A_REQUEST}
    stored["meta"] = {**meta, "tag": [*objects(meta.get("tag")), tag]}


def _id_in(kept: Kept, held: Held) -> str:
    return kept.references[held.full_url].split("/")[1]


def _localizer(held: Held, request: PasRequest, kept: Kept, context: Context) -> Callable[[str], str]:
    versioned = held.resource["resourceType"] == "Claim"
    own_base = f"{context.base_url}/"

    def local(literal: str) -> str:
        if literal.startswith("#"):
            return literal
        target = request.index.resolve(literal, held)
        if target is not None and target.full_url in kept.references:
            found = kept.references[target.full_url]
            return found if versioned else found.partition("/_history/")[0]
        return literal.removeprefix(own_base)

    return local


def _with_binaries(document: Resource, context: Context) -> tuple[Resource, list[Resource]]:
    """The document with the data of its attachments in Binary resources that it points at, and those."""
    binaries: list[Resource] = []
    contents = document.get("content")
    if not isinstance(contents, list):
        return document, binaries
    pointing = list(contents)
    for index, content in enumerate(contents):
        attachment = content.get("attachment") if isinstance(content, dict) else None
        data = attachment.get("data") if isinstance(attachment, dict) else None
        if not isinstance(attachment, dict) or not isinstance(data, str):
            continue
        binary = {
            "resourceType": "Binary",
            "id": context.new_id(),
            "contentType": text(attachment.get("contentType")) or "application/octet-stream",
            "securityContext": {"reference": f"DocumentReference/{document['id']}"},
            "data": data,
        }
        binaries.append(binary)
        pointing[index] = {**content, "attachment": _pointing_at(attachment, binary["id"], data)}
    return {**document, "content": pointing}, binaries


def _pointing_at(attachment: Resource, binary_id: Json, data: str) -> Resource:
    pointing: Resource = {}
    for name, value in attachment.items():
        if name == "data":
            pointing["url"] = f"Binary/{binary_id}"
        elif name != "url":
            pointing[name] = value
    pointing.setdefault("size", decoded_size(data))
    return pointing


def decoded_size(data: str) -> int:
    """How many bytes base64 text stands for."""
    length = len(data) - sum(data.count(space) for space in " \t\r\n")
    return max(0, length // 4 * 3 - data.rstrip()[-2:].count("="))


def with_id(resource: Resource, id: str) -> Resource:
    """The resource under another id, without what the store says about a version."""
    named: Resource = {"resourceType": resource["resourceType"], "id": id}
    named.update((name, value) for name, value in resource.items() if name not in named)
    meta = named.get("meta")
    if isinstance(meta, dict):
        named["meta"] = {name: value for name, value in meta.items() if name not in _OF_THE_STORE}
        if not named["meta"]:
            del named["meta"]
    return named
