"""The synthetic practice: its resources in dependency order, and the prior authorization requests it sends.

Pure functions of a day. The JSON files beside this one hold the content; placeholders.py says how their dates are written.
Requests are only Claims there: the PAS request Bundle around each (conformance: every reference of the Claim, and of what
it references, is in the Bundle, once) is gathered here, so that it cannot miss anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Final
from uuid import UUID, uuid5

from profiles.json import Json, Resource, loads
from server.sample.placeholders import fill

FILES: Final = (
    "payers",
    "practice",
    "practitioners",
    "patients",
    "coverages",
    "conditions",
    "encounters",
    "observations",
    "medications",
    "procedures",
    "orders",
    "documents",
)
"""In dependency order: what a file's resources refer to stands in the same file or an earlier one."""

EHR_BASE: Final = "https://riverbend.example/fhir"
"""Where the practice's own EHR would serve these resources: the base of every fullUrl in its requests."""

REQUEST_BUNDLE_PROFILE: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/profile-pas-request-bundle"
_TRANSACTION_NAMESPACE: Final = UUID("6f1c1b52-5a0e-4d0a-9d0b-0f3a2d1f7c11")


def practice_resources(today: date) -> list[Resource]:
    """Everything that the practice keeps, each with its id, ready to be created in this order."""
    return [resource for name in FILES for resource in _read(name, today)]


def practice_requests(today: date) -> list[Resource]:
    """PAS request Bundles for `Claim/$submit`, in the order in which the practice sends them."""
    known = {_address(resource): resource for resource in practice_resources(today)}
    return [request_bundle(claim, known) for claim in _read("requests", today)]


def request_bundle(claim: Resource, known: dict[str, Resource]) -> Resource:
    """The PAS request Bundle of `claim`: itself first, then all that it leads to, in the order of discovery.

    `known` maps `Type/id` to resources. Raises KeyError when a reference is not among them.
    """
    gathered = {_address(claim): claim}
    waiting = [claim]
    while waiting:
        for reference in references(waiting.pop(0)):
            if reference not in gathered:
                gathered[reference] = known[reference]
                waiting.append(known[reference])
    number = claim["identifier"][0]["value"]
    return {
        "resourceType": "Bundle",
        "id": f"{claim['id']}-bundle",
        "meta": {"profile": [REQUEST_BUNDLE_PROFILE]},
        "identifier": {"system": f"{EHR_BASE}/transaction", "value": str(uuid5(_TRANSACTION_NAMESPACE, number))},
        "type": "collection",
        "timestamp": f"{claim['created']}T09:00:00Z",
        "entry": [{"fullUrl": f"{EHR_BASE}/{address}", "resource": item} for address, item in gathered.items()],
    }


def references(value: Json) -> Iterator[str]:
    """Every relative reference (`Type/id`) in `value`, in document order."""
    if isinstance(value, dict):
        target = value.get("reference")
        if isinstance(target, str):
            yield target
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _read(name: str, today: date) -> list[Resource]:
    content = loads((files("server.sample") / f"{name}.json").read_bytes())
    filled: list[Resource] = fill(content, today)
    return filled


def _address(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
