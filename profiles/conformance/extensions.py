"""Extensions against their definitions: known or not, where they may stand, modifiers, and their content (FHIR R4 2.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Optional

from profiles import fhirpath
from profiles.conformance import trees
from profiles.conformance.context import Context, Item
from profiles.conformance.discriminators import extension_url
from profiles.conformance.nodes import Tree, TreeError
from profiles.conformance.reading import items_in
from profiles.fhirpath.model import ancestors, is_fhir_type, is_primitive
from profiles.json import Json, Resource
from profiles.structure import resource_types, type_definition
from profiles.validation.run import Path

_LISTS: Final = ("extension", "modifierExtension")
_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_LONGEST: Final = 12
"""Steps of a path that the context of an extension may name."""
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an extension stands: the type there, the paths that lead there, and the URL of an extension around it."""

    type: str
    paths: tuple[str, ...]
    within: str | None = None
    names: frozenset[str] = frozenset()
    """All by which a context may name the element: its paths, its type and what that is a kind of."""


@dataclass(frozen=True, slots=True)
class _Definition:
    """What an extension's definition says of it as a whole. `contexts`: None where it may stand anywhere."""

    modifier: bool
    contexts: tuple[Resource, ...] | None
    elements: frozenset[str]
    """The contexts that are elements by name."""
    invariants: tuple[str, ...]
    """Invariants of what the extension stands in (contextInvariant)."""


Standing = tuple[Optional["Standing"], str | None, str, str | None]
"""How an element was reached: (how its holder was, the holder's type, its own name, its type). Of an extension, its URL, its name and
None; of a resource by itself, None, None, its type and None.

Kept while walking, at the cost of a small tuple; it becomes a Place where there is an extension to be looked at.
"""


@lru_cache(maxsize=4096)
def place_of(standing: Standing) -> Place:
    """The place of an element: by the path from the resource, by that from its data type, choices with [x] and without."""
    above, holder, name, code = standing
    if above is None:
        return _place(name, (name,), None)
    around = place_of(above)
    paths = [path for path in around.paths if path.count(".") < _LONGEST]
    if code is None or holder is None:
        return _place("Extension", ("Extension", *(f"{path}.{name}" for path in paths)), holder)
    found = {f"{path}.{name}" for path in (*paths, holder)}
    within = around.within if holder == "Extension" and name == "value" else None
    return _place(code, tuple(sorted(found | {f"{path}[x]" for path in found})), within)


def _place(type_name: str, paths: tuple[str, ...], within: str | None) -> Place:
    names = frozenset({*paths, *ancestors(type_name), type_name, "Element", "Base"})
    return Place(type_name, paths, within, names)


def check_extension(item: Item, standing: Standing, context: Context, *, modifier: bool) -> None:
    """Check one extension at its place; what its definition says of its content is applied too."""
    url = item.value.get("url")
    if not isinstance(url, str):
        return
    place = place_of(standing)
    where = (item.path, "url", -1)
    if not _ABSOLUTE.fullmatch(url):
        if place.within is None:
            context.add("extension", "The URL of an extension must be absolute.", where)
        else:
            _check_part(url, place.within, where, context)
        return
    try:
        tree = trees.tree(url, context.run)
    except TreeError:
        context.add("profile-unusable", "The definition of the extension cannot be used as it is.", item.path, rule=url)
        return
    if tree is None:
        _unknown(url, item, context)
    elif tree.type_name != "Extension":
        context.add("extension", "The URL is that of a definition which is no extension.", where, rule=url)
    else:
        told = _told(tree)
        if not _may_stand(told, place, item, context):
            context.add("extension", "The extension may not stand here by its definition.", item.path, rule=tree.url)
        for invariant in told.invariants:
            _check_invariant(invariant, place, item, context, rule=tree.url)
        if told.modifier != modifier:
            text = (
                "The extension is a modifier and stands in extension." if told.modifier else "The extension is no modifier."
            )
            context.add("extension", text, item.path, rule=tree.url)
        trees.apply(url, item, context)


def _check_part(url: str, within: str, where: Path, context: Context) -> None:
    """A part of a complex extension by its relative URL must be one that the definition has."""
    try:
        tree = trees.tree(within, context.run)
    except TreeError:
        return
    parts = tree.root.children.get("extension") if tree is not None else None
    if parts is not None and parts.slices and url not in {extension_url(each) for each in parts.slices}:
        context.add("extension", "The extension's definition has no such part.", where, rule=within)


def _unknown(url: str, item: Item, context: Context) -> None:
    core = url.startswith(_CORE) and "/" not in url[len(_CORE) :] and context.run.definitions.knows_core_extensions
    severity = "error" if core else context.run.options.unknown_extension
    context.add("extension-unknown", "The definition of the extension is not known here.", item.path, severity)


def _told(tree: Tree) -> _Definition:
    if "extension" not in tree.root.plans:
        definition = tree.definition
        elements = [*_elements(definition, "snapshot"), *_elements(definition, "differential")]
        contexts: Json = definition.get("context")
        texts: Json = definition.get("contextInvariant")
        told = [each for each in contexts if isinstance(each, dict)] if isinstance(contexts, list) else []
        tree.root.plans["extension"] = _Definition(
            any(each.get("isModifier") is True for each in elements if each.get("path") == "Extension"),
            tuple(told) or None,
            frozenset(str(each.get("expression", "")) for each in told if each.get("type") == "element"),
            tuple(each for each in texts if isinstance(each, str)) if isinstance(texts, list) else (),
        )
    found: _Definition = tree.root.plans["extension"]
    return found


def _elements(definition: Resource, name: str) -> list[Resource]:
    holder = definition.get(name)
    found = holder.get("element") if isinstance(holder, dict) else None
    return [each for each in found[:1] if isinstance(each, dict)] if isinstance(found, list) else []


def _check_invariant(text: str, place: Place, item: Item, context: Context, *, rule: str) -> None:
    """Evaluate an invariant on what holds the extension (`%extension`); one that cannot be is told as a warning."""
    holder = _holders(context).get(id(item.value))
    if holder is None or not is_fhir_type(place.type) or is_primitive(place.type):
        return
    constants = {"extension": fhirpath.Node("Extension", item.value)}
    limits = fhirpath.Limits(steps=context.run.options.steps)
    try:
        held = fhirpath.compile_expression(text, type=place.type, limits=limits).test(
            holder,
            resource=context.resource,
            root=context.root,
            constants=constants,
            services=context.fhirpath_services(),
        )
    except fhirpath.FhirPathError:
        text = "A rule of the extension's definition about its place could not be evaluated."
        context.add("invariant-unchecked", text, item.path, "warning", rule=rule)
        return
    if held is False:
        context.add("extension", "What the extension stands in breaks a rule of its definition.", item.path, rule=rule)


def _holders(context: Context) -> dict[int, Resource]:
    """What holds each extension of the resource, by the extension's id()."""
    known = context.run.extended
    if id(context.resource) not in known:
        found: dict[int, Resource] = {}
        waiting: list[Json] = [context.resource]
        while waiting:
            each = waiting.pop()
            if isinstance(each, dict):
                found.update((id(one), each) for name in _LISTS for one in items_in(each, name))
                waiting += each.values()
            elif isinstance(each, list):
                waiting += each
        known[id(context.resource)] = found
    return known[id(context.resource)]


def _may_stand(told: _Definition, place: Place, item: Item, context: Context) -> bool:
    if told.contexts is None or not told.elements.isdisjoint(place.names):
        return True
    return any(_allows(each, place, item, context) for each in told.contexts)


def _allows(told: Resource, place: Place, item: Item, context: Context) -> bool:
    kind, text = told.get("type"), str(told.get("expression", ""))
    if kind == "extension":
        return place.within is not None and text.partition("#")[0] == place.within
    if kind == "fhirpath":
        return _is_selected(text, item, context)
    if kind != "element" or "#" in text:
        return True  # by a profile's element id: not told by the place alone
    if text in ("CanonicalResource", "MetadataResource"):
        return place.type in canonical_types()
    return text in place.names


@cache
def canonical_types() -> frozenset[str]:
    """The resource types with a canonical URL."""
    definitions = ((name, type_definition(name)) for name in resource_types())
    return frozenset(name for name, each in definitions if each is not None and {"url", "status"} <= each.elements.keys())


def _is_selected(text: str, item: Item, context: Context) -> bool:
    """Whether what holds the extension is among what a FHIRPath selects; true where that cannot be told."""
    try:
        found = fhirpath.compile_expression(text).evaluate(context.resource, services=context.fhirpath_services())
    except fhirpath.FhirPathError:
        return True
    holders = [each for node in found if isinstance(node, fhirpath.Node) for each in (node.value, node.extra)]
    return any(
        one is item.value
        for holder in holders
        if isinstance(holder, dict)
        for name in _LISTS
        for one in items_in(holder, name)
    )
