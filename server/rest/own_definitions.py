"""The OperationDefinitions of what the server offers, read as resources: where the CapabilityStatement's links lead.

They are stored nowhere, so they are always those of the running version. One that a tenant stored under the same id is shown
instead: it was put there by somebody who may. FHIR R4 operationdefinition.html.
"""

from __future__ import annotations

from collections.abc import Mapping

from operations.definition import Definition
from operations.ports import Operation
from profiles.json import Resource

TYPE = "OperationDefinition"
Operations = Mapping[tuple[str, str, str], Operation]


def own_definition(operations: Operations, id_: str, base_url: str) -> Resource | None:
    """The OperationDefinition of that id, as it is at this base."""
    found = next((each.definition for each in operations.values() if each.definition.id == id_), None)
    return None if found is None else {**found.resource(), "url": link_to(found, base_url)}


def link_to(definition: Definition, base_url: str) -> str:
    """What the CapabilityStatement names it by: one of ours is where it can be read, a guide's is known to its clients by its own name."""
    return address_of(definition, base_url) if definition.is_ours else definition.canonical


def address_of(definition: Definition, base_url: str) -> str:
    """Where it can be read."""
    return f"{base_url}/{TYPE}/{definition.id}"
