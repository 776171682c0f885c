"""Paths of invariants over plain JSON, for as long as nothing unusual stands in the way (FHIRPath 2.0 chapter 5, FHIR R4 json.html).

`name.given`, `coding.where(system = 'x' and code = 'y')`, `entry.first().resource`: members are reached by their JSON names. Whatever
is unusual (a value of a wrong JSON type, extensions beside a primitive) raises `Unsure`, and the engine answers instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from profiles.fhirpath.model import is_primitive
from profiles.fhirpath.syntax import Call, Literal, Member, Node, Variable
from profiles.fhirpath.values import INTEGER_TYPES, STRING_TYPES
from profiles.json import ExactDecimal, Json, Resource
from profiles.structure import resource_types, type_definition

Get = Callable[[Any, Resource], list[Any]]
"""From the focus, and the resource around, to the items."""
Truth = Callable[[Any, Resource], bool | None]
"""True, false, or None for empty."""
Forms = tuple[tuple[str, str], ...]
Criteria = Callable[[Node, str], Truth | None]
"""What compiles the condition of a where() for items of a type."""


class UnsureError(Exception):
    """Raised while an invariant is looked at: it needs the engine."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path ready to be walked. `type`: the R4 type of its items; empty where they may be of several."""

    get: Get
    type: str
    is_focus: bool = False
    choice: tuple[Get, Forms] | None = None
    """For a choice element: what holds it, and its (JSON name, type)s."""


_OPEN: Final = frozenset({"DomainResource", "Element", "BackboneElement"})
MIXED: Final = "text or object"
"""The type of what is of several types: texts, or objects."""


def path_of(node: Node | None, focus: str, criteria: Criteria) -> Path | None:
    """The path that a tree is, on a focus of a type; None for what is none of the plain ones."""
    match node:
        case None | Variable(name="$this"):
            return Path(lambda value, resource: [value], focus, is_focus=True)
        case Variable(name="%resource"):
            return _around(focus)
        case Member(target=target, name=name):
            if target is None and name == focus and name in resource_types():
                return path_of(None, focus, criteria)
            source = path_of(target, focus, criteria)
            return None if source is None else _step(source, name)
        case Call(target=target, name="where", arguments=(condition,)):
            source = path_of(target, focus, criteria)
            test = None if source is None or not source.type else criteria(condition, source.type)
            return None if source is None or test is None else Path(_filtered(source.get, test), source.type)
        case Call(target=target, name="first", arguments=()):
            source = path_of(target, focus, criteria)
            return None if source is None else Path(_first(source.get), source.type)
        case Call(target=target, name="extension", arguments=(Literal(value=str(url)),)):
            source = path_of(target, focus, criteria)
            extensions = None if source is None else _step(source, "extension")
            return None if extensions is None else Path(_with_url(extensions.get, url), "Extension")
    return None


def _around(focus: str) -> Path | None:
    """%resource, where its type follows from the focus: the focus itself, or what holds an element of `Claim.item`."""
    kind, dot, _ = focus.partition(".")
    if kind not in resource_types():
        return None
    if not dot:
        return Path(lambda value, resource: [value], focus, is_focus=True)

    def get(value: Any, resource: Resource) -> list[Any]:
        if resource.get("resourceType") != kind:
            raise UnsureError
        return [resource]

    return Path(get, kind)


def _step(source: Path, name: str) -> Path | None:
    if source.choice is not None:
        return _after_choice(*source.choice, name)
    definition = type_definition(source.type) if source.type and not is_primitive(source.type) else None
    element = None if definition is None else definition.elements.get(name)
    if element is None:
        return None
    forms = tuple((key, type_.code) for key, type_ in element.json_names())
    if len(forms) > 1:
        return Path(_choices(source.get, forms), "", choice=(source.get, forms))
    ((key, code),) = forms
    of_focus = _of_focus(key, code, many=element.max != 1)
    get = of_focus if source.is_focus else _members(source.get, of_focus)
    return Path(get, "" if code in _OPEN else code)


def _of_focus(key: str, code: str, *, many: bool) -> Get:
    sibling, kinds = f"_{key}", _json_types(code)
    repeated = kinds if many else ()

    def get(value: Any, resource: Resource) -> list[Any]:
        if type(value) is not dict or sibling in value:
            raise UnsureError
        item = value.get(key)
        if item is None:
            return []
        return [item] if type(item) in kinds else _checked(item, repeated)

    return get


def _members(source: Get, of_focus: Get) -> Get:
    def get(value: Any, resource: Resource) -> list[Any]:
        items = source(value, resource)
        if len(items) == 1:
            return of_focus(items[0], resource)
        return [found for each in items for found in of_focus(each, resource)]

    return get


def _checked(items: Json, kinds: tuple[type, ...]) -> list[Any]:
    if type(items) is not list:
        raise UnsureError
    for each in items:
        if type(each) not in kinds:
            raise UnsureError
    return items


def _json_types(code: str) -> tuple[type, ...]:
    if not is_primitive(code):
        return (dict,)
    if code == "decimal":
        return (int, ExactDecimal)
    if code == "boolean":
        return (bool,)
    return (int,) if code in INTEGER_TYPES else (str,)


def _choices(source: Get, forms: Forms) -> Get:
    kinds = {key: _json_types(code) for key, code in forms}
    siblings = frozenset(f"_{key}" for key in kinds)

    def get(value: Any, resource: Resource) -> list[Any]:
        found: list[Any] = []
        for each in source(value, resource):
            if type(each) is not dict or not siblings.isdisjoint(each):
                raise UnsureError
            for key, item in each.items():
                if key in kinds:
                    found += [item] if type(item) in kinds[key] else _checked(None, ())
        return found

    return get


def _after_choice(source: Get, forms: Forms, name: str) -> Path | None:
    """`value.code`: by the type that the choice has; of no type that it may have, nothing."""
    focus = {key: _step(Path(lambda value, resource: [value], code, is_focus=True), name) for key, code in forms}
    steps = {key: path for key, path in focus.items() if path is not None}
    types = {path.type for path in steps.values()}
    if (
        not steps
        or any(path.choice for path in steps.values())
        or any(is_primitive(code) for _, code in forms if name in _OF_ALL)
    ):
        return None
    here = _choices(source, forms)

    def get(value: Any, resource: Resource) -> list[Any]:
        here(value, resource)
        found: list[Any] = []
        for each in source(value, resource):
            for key, item in each.items():
                if key in steps:
                    found += steps[key].get(item, resource)
        return found

    if len(types) == 1:
        return Path(get, types.pop())
    return Path(get, MIXED if all(each in STRING_TYPES or _json_types(each) == (dict,) for each in types if each) else "")


_OF_ALL: Final = frozenset({"extension", "id"})
"""Primitives have these too, beside their value."""


def _filtered(get: Get, test: Truth) -> Get:
    return lambda value, resource: [each for each in get(value, resource) if test(each, resource)]


def _first(get: Get) -> Get:
    return lambda value, resource: get(value, resource)[:1]


def _with_url(get: Get, url: str) -> Get:
    return lambda value, resource: [each for each in get(value, resource) if each.get("url") == url]
