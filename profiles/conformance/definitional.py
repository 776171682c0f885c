"""Conformance resources in their own right: profiles that can be built, parameters that agree with what they derive from.

FHIR R4 structuredefinition.html, searchparameter.html, capabilitystatement.html, codesystem.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from profiles.conformance.context import Context, Item
from profiles.conformance.nodes import TreeError, tree_of
from profiles.conformance.reading import places_of
from profiles.definitions.snapshot import SnapshotError, generate, snapshot_of
from profiles.json import Json, Resource


def check_definition(item: Item, context: Context) -> None:
    """The checks of the resource's type, if there are any."""
    check = _CHECKS.get(item.type)
    if check is not None:
        check(item, context)


def _structure(item: Item, context: Context) -> None:
    definition: Resource = item.value
    base, differential = definition.get("baseDefinition"), definition.get("differential")
    known = isinstance(base, str) and context.run.definitions.structure(base) is not None
    try:
        if known and isinstance(differential, dict):
            generate(definition, context.run.definitions.structure)
        elif known:
            tree_of(definition, snapshot_of(definition, context.run.definitions.structure))
    except (SnapshotError, TreeError):
        text = "The differential cannot be laid over its base: an element leads nowhere."
        context.add("profile-unusable", text, (item.path, "differential", -1))
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
        context.add("profile-unusable", "The differential has not the structure of one.", (item.path, "differential", -1))


def _search_parameter(item: Item, context: Context) -> None:
    above = item.value.get("derivedFrom")
    found = context.run.definitions.find("SearchParameter", above) if isinstance(above, str) else None
    if found is not None and found.get("type") != item.value.get("type"):
        text = "The type is another than that of the parameter from which this one is derived."
        context.add("definition-differs", text, (item.path, "type", -1))


def _capabilities(item: Item, context: Context) -> None:
    for rest, at in places_of(item.value, "rest", item.path):
        for resource, where in places_of(rest, "resource", at):
            for parameter, place in places_of(resource, "searchParam", where):
                canonical: Json = parameter.get("definition")
                found = context.run.definitions.find("SearchParameter", canonical) if isinstance(canonical, str) else None
                if found is not None and found.get("type") != parameter.get("type"):
                    text = "The type is another than in the definition of the search parameter."
                    context.add("definition-differs", text, (place, "type", -1))


def _code_system(item: Item, context: Context) -> None:
    for name, key in (("property", "code"), ("property", "uri"), ("concept", "code")):
        seen: set[str] = set()
        for each, where in places_of(item.value, name, item.path):
            value = each.get(key)
            if isinstance(value, str) and value in seen:
                context.add("definition-differs", "The code or URI is defined twice.", (where, key, -1))
            seen.add(str(value))


_CHECKS: Final[Mapping[str, Callable[[Item, Context], None]]] = {
    "StructureDefinition": _structure,
    "SearchParameter": _search_parameter,
    "CapabilityStatement": _capabilities,
    "CodeSystem": _code_system,
}
