"""Conformance resources in their own right: profiles that can be built, parameters that agree with what they derive from.

FHIR R4 structuredefinition.html, searchparameter.html, capabilitystatement.html, codesystem.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from profiles.conformance.context import Context, Item
from profiles.conformance.discriminator_paths import check_discriminators
from profiles.conformance.nodes import TreeError, tree_of
from profiles.conformance.reading import items_in, places_of
from profiles.definitions.snapshot import SnapshotError, generate, snapshot_of
from profiles.json import Json, Resource
from profiles.validation.run import Path


def check_definition(item: Item, context: Context) -> None:
    """The checks of the resource's type, if there are any."""
    check = _CHECKS.get(item.type)
    if check is not None:
        check(item, context)


def _structure(item: Item, context: Context) -> None:
    definition: Resource = item.value
    base, differential = definition.get("baseDefinition"), definition.get("differential")
    check_discriminators(definition, item.path, context)
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
    _check_count(item, context)
    types = {str(each.get("code")): each.get("type") for each in items_in(item.value, "property")}
    for concept, where in _concepts(item.value, item.path):
        for each, at in places_of(concept, "property", where):
            wanted = types.get(str(each.get("code")))
            told = next((key for key in each if key.startswith("value")), None)
            if isinstance(wanted, str) and told is not None and told != f"value{wanted[:1].upper()}{wanted[1:]}":
                text = "The property has a value of another type than it is defined with."
                context.add("definition-differs", text, (at, "value", -1))
    _check_supplement(item, context)


def _concepts(holder: Resource, path: Path) -> Iterator[tuple[Resource, Path]]:
    """All concepts of a code system, at any depth, with their places."""
    waiting = list(places_of(holder, "concept", path))
    while waiting:
        each, where = waiting.pop()
        yield each, where
        waiting += places_of(each, "concept", where)


def _check_count(item: Item, context: Context) -> None:
    stated = item.value.get("count")
    if type(stated) is not int or item.value.get("content") != "complete":
        return
    if sum(1 for _ in _concepts(item.value, item.path)) != stated:
        text = "The code system is complete, and has another number of concepts than it states."
        context.add("definition-differs", text, (item.path, "count", -1))


def _check_supplement(item: Item, context: Context) -> None:
    """A supplement adds to codes that the other code system has."""
    supplemented = item.value.get("supplements")
    if not isinstance(supplemented, str) or item.value.get("content") != "supplement":
        return
    system = supplemented.partition("|")[0]
    for concept, where in _concepts(item.value, item.path):
        code = concept.get("code")
        if isinstance(code, str) and context.run.terminology.code_exists(system, code).member is False:
            context.add("code-invalid", "The code system that is supplemented has no such code.", (where, "code", -1))


def _concept_map(item: Item, context: Context) -> None:
    for side, names, member in (
        ("source", ("sourceCanonical", "sourceUri"), "element"),
        ("target", ("targetCanonical", "targetUri"), "target"),
    ):
        value_set = next((item.value[name] for name in names if isinstance(item.value.get(name), str)), None)
        if value_set is None:
            continue
        for group, at in places_of(item.value, "group", item.path):
            elements = list(places_of(group, "element", at))
            found = elements if member == "element" else [t for each, w in elements for t in places_of(each, "target", w)]
            for each, where in found:
                _check_mapped(each, group.get(side), value_set, where, context)


def _check_mapped(each: Resource, system: Json, value_set: str, where: Path, context: Context) -> None:
    code = each.get("code")
    if not isinstance(code, str) or not isinstance(system, str):
        return
    terminology = context.run.terminology
    if terminology.code_exists(system, code).member and terminology.validate_code(value_set, system, code).member is False:
        context.add("code-invalid", "The code is not in the value set that the map is made for.", (where, "code", -1))


_BOOLEAN: Final = frozenset({"notSelectable", "inactive"})


def _value_set(item: Item, context: Context) -> None:
    compose = item.value.get("compose")
    for name in ("include", "exclude") if isinstance(compose, dict) else ():
        for each, at in places_of(compose, name, (item.path, "compose", -1)):
            system = each.get("system")
            code_system = context.run.definitions.find("CodeSystem", system) if isinstance(system, str) else None
            for filter_, where in places_of(each, "filter", at):
                if not _fits_property(filter_, code_system):
                    text = "The filter's value has not the form that its property asks for."
                    context.add("definition-differs", text, (where, "value", -1))


def _fits_property(filter_: Resource, code_system: Resource | None) -> bool:
    name, value = filter_.get("property"), filter_.get("value")
    if not isinstance(name, str) or not isinstance(value, str) or filter_.get("op") != "=":
        return True
    defined = [each for each in items_in(code_system, "property") if each.get("code") == name] if code_system else []
    kind = defined[0].get("type") if defined else "boolean" if name in _BOOLEAN else None
    if kind == "boolean":
        return value in ("true", "false")
    return "#" in value if kind == "Coding" else True


_CHECKS: Final[Mapping[str, Callable[[Item, Context], None]]] = {
    "StructureDefinition": _structure,
    "SearchParameter": _search_parameter,
    "CapabilityStatement": _capabilities,
    "CodeSystem": _code_system,
    "ConceptMap": _concept_map,
    "ValueSet": _value_set,
}
