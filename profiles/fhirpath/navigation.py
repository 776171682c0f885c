"""Steps from an element to its children, as closures over plain JSON (FHIR R4 2.1.0.1, JSON representation).

A choice element is found under each name it may have (`valueQuantity` is `value`), a repeating primitive in two lists that
belong together (`given`, `_given`), a contained resource by its `resourceType`. Whatever does not have the JSON type of its
element is passed over: saying so is the business of validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from profiles.fhirpath.compiled import EMPTY, Items
from profiles.fhirpath.model import TYPE_INFO, is_primitive
from profiles.fhirpath.values import INTEGER_TYPES, STRING_TYPES, SYSTEM_VALUE, Node
from profiles.json import Json
from profiles.structure import resource_types, type_definition

Get = Callable[[Json], Items]
"""From a bare element to a child's items: raw where the step has one type, else boxed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One child of a type. `raw`: the type of all its items if they are bare JSON; `single`: it does not repeat."""

    get: Get
    types: frozenset[str] | None
    raw: str | None
    single: bool
    exists: Callable[[Json], bool]
    first: Callable[[Json], Any] | None = None
    """The only item or None; for steps that do not repeat."""


@cache
def step(type_name: str, name: str) -> Step | None:
    """The step from a type to a child; None if the type has no such element."""
    if is_primitive(type_name):
        return _PRIMITIVE_STEPS.get(name)
    if type_name == TYPE_INFO:
        return _info_step(name) if name in {"namespace", "name", "baseType"} else None
    definition = type_definition(type_name)
    element = None if definition is None else definition.elements.get(name)
    if element is None:
        return None
    single = element.max == 1
    named = {json_name: type_.code for json_name, type_ in element.json_names()}
    if len(named) > 1:
        return _choice(named)
    ((json_name, code),) = named.items()
    if code in {"Resource", "DomainResource"}:
        return _resources(json_name, single)
    return _primitive(json_name, code, single) if is_primitive(code) else _complex(json_name, code, single)


def _complex(name: str, code: str, single: bool) -> Step:
    def get(node: Json) -> Items:
        value = node.get(name)
        if value is None:
            return EMPTY
        if type(value) is list:
            for item in value:
                if type(item) is not dict:
                    return [item for item in value if type(item) is dict]
            return value
        return [value] if type(value) is dict else EMPTY

    def first(node: Json) -> Any:
        value = node.get(name)
        return value if type(value) is dict else None

    def exists(node: Json) -> bool:
        return bool(get(node)) if type(node.get(name)) is list else type(node.get(name)) is dict

    if not single:
        return Step(get, frozenset({code}), code, False, exists)
    return Step(
        lambda node: [value] if type(value := node.get(name)) is dict else EMPTY,
        frozenset({code}),
        code,
        True,
        exists,
        first,
    )


def _resources(name: str, single: bool) -> Step:
    found = _complex(name, "Resource", single)

    def get(node: Json) -> Items:
        return [resource_node(value) for value in found.get(node)]

    def first(node: Json) -> Any:
        value = node.get(name)
        return resource_node(value) if type(value) is dict else None

    return Step(get, None, None, single, found.exists, first if single else None)


def resource_node(resource: Json) -> Node:
    """A resource as a Node of its own type; of type Resource if it names none that R4 has."""
    name = resource.get("resourceType")
    return Node(name if type(name) is str and name in resource_types() else "Resource", resource)


# -- primitives ----------------------------------------------------------------------------------------------------------


def _accepts(code: str) -> Callable[[Json], bool]:
    if code == "boolean":
        return lambda value: type(value) is bool
    if code == "decimal" or code in INTEGER_TYPES:
        number = SYSTEM_VALUE[code]
        return lambda value: number(value) is not None
    return _is_text


def _is_text(value: Json) -> bool:
    return type(value) is str


def _primitive(name: str, code: str, single: bool) -> Step:
    accepts = _accepts(code)
    extra_name = "_" + name

    def get(node: Json) -> Items:
        value = node.get(name)
        if extra_name in node:
            return _with_extras(code, accepts, value, node[extra_name])
        if value is None:
            return EMPTY
        if type(value) is not list:
            return [value] if accepts(value) else EMPTY
        return value if all(map(accepts, value)) else [item for item in value if accepts(item)]

    def first(node: Json) -> Any:
        value = node.get(name)
        if extra_name in node and (extra := node[extra_name]) and type(extra) is dict:
            return Node(code, value if accepts(value) else None, extra)
        return value if accepts(value) else None

    types = frozenset({code})
    if not single:
        return Step(get, types, code, False, lambda node: bool(get(node)))

    def get_one(node: Json) -> Items:
        value = first(node)
        return EMPTY if value is None else [value]

    return Step(get_one, types, code, True, lambda node: first(node) is not None, first)


def _with_extras(code: str, accepts: Callable[[Json], bool], value: Json, extra: Json) -> Items:
    """Values joined with what stands beside them; a Node where there is something, the bare value where there is not."""
    many = value if type(value) is list else [value]
    extras = extra if type(extra) is list else [extra]
    found: Items = []
    for index in range(max(len(many), len(extras))):
        item = many[index] if index < len(many) and accepts(many[index]) else None
        beside = extras[index] if index < len(extras) and type(extras[index]) is dict else None
        if beside:
            found.append(Node(code, item, beside))
        elif item is not None:
            found.append(item)
    return found


def extra_of(item: Any) -> Json:
    """The object beside a primitive, or an empty one."""
    return item.extra if type(item) is Node and item.extra is not None else {}


def _in_extra(name: str) -> Step:
    inner = _complex("extension", "Extension", False) if name == "extension" else _primitive("id", "string", True)
    first = inner.first

    def get(node: Json) -> Items:
        return inner.get(node.extra) if type(node) is Node and node.extra else EMPTY

    return Step(
        get,
        inner.types,
        inner.raw,
        inner.single,
        lambda node: bool(get(node)),
        None if first is None else lambda node: first(extra_of(node)),
    )


_PRIMITIVE_STEPS: Final = {"extension": _in_extra("extension"), "id": _in_extra("id")}


def _info_step(name: str) -> Step:
    def first(node: Json) -> Any:
        return node.get(name)

    return Step(
        lambda node: [node[name]] if name in node else EMPTY,
        frozenset({"System.String"}),
        None,
        True,
        lambda node: name in node,
        first,
    )


# -- choices -------------------------------------------------------------------------------------------------------------

_FEW: Final = 6


def _choice(named: dict[str, str]) -> Step:
    """`named`: type by JSON name. Two values at once are invalid, but then both are given."""
    make = {name: _choice_node(name, code) for name, code in named.items()}
    beside = {"_" + name: name for name, code in named.items() if is_primitive(code)}

    def few(node: Json) -> Items:
        found = [make[name](node) for name in named if name in node or "_" + name in node]
        return [item for item in found if item is not None] if found else EMPTY

    def many(node: Json) -> Items:
        found = []
        for key in node:
            if key in make:
                found.append(make[key](node))
            elif key in beside and beside[key] not in node:
                found.append(make[beside[key]](node))
        return [item for item in found if item is not None] if found else EMPTY

    get = few if len(named) <= _FEW else many
    return Step(get, frozenset(named.values()), None, True, lambda node: bool(get(node)))


def _choice_node(name: str, code: str) -> Callable[[Json], Node | None]:
    """From the holder to the value under one of the names, as a Node; None if it has not the form of its type."""
    if not is_primitive(code):
        return lambda holder: Node(code, value) if type(value := holder.get(name)) is dict else None
    accepts, extra_name = _accepts(code), "_" + name

    def of_primitive(holder: Json) -> Node | None:
        value, extra = holder.get(name), holder.get(extra_name)
        if extra and type(extra) is dict:
            return Node(code, value if accepts(value) else None, extra)
        return Node(code, value) if accepts(value) else None

    return of_primitive


# -- all children --------------------------------------------------------------------------------------------------------


@cache
def plain_children(type_name: str) -> frozenset[str]:
    """The JSON names of children that are equal only if their JSON is: strings, booleans and integers."""
    definition = type_definition(type_name)
    return frozenset(
        json_name
        for element in (definition.elements.values() if definition is not None else ())
        for json_name, type_ in element.json_names()
        if type_.code in STRING_TYPES or type_.code in INTEGER_TYPES or type_.code == "boolean"
    )


@cache
def child_names(type_name: str) -> dict[str, str]:
    """By JSON name (also `_name` of primitives) the element's own name, for all children of a complex type."""
    definition = type_definition(type_name)
    names: dict[str, str] = {}
    for element in definition.elements.values() if definition is not None else ():
        for json_name, type_ in element.json_names():
            names[json_name] = element.name
            if is_primitive(type_.code) and not element.attribute:
                names["_" + json_name] = element.name
    return names


def children(node: Node) -> Items:
    """All immediate children of an element, boxed, in the order in which the JSON names them."""
    if is_primitive(node.type):
        source, kind = extra_of(node), "Element"
    else:
        source, kind = node.value, node.type
    if type(source) is not dict:
        return EMPTY
    names = child_names(kind)
    found: Items = []
    done: set[str] = set()
    for key in source:
        name = names.get(key)
        if name is not None and name not in done:
            done.add(name)
            found += boxed_children(kind, name, source)
    return found


def boxed_children(type_name: str, name: str, value: Json) -> Items:
    """The items of one child as Nodes (system values stay themselves)."""
    way = step(type_name, name)
    if way is None:
        return EMPTY
    if way.raw is None:
        return way.get(value)
    return [item if type(item) is Node else Node(way.raw, item) for item in way.get(value)]


@cache
def _countable(type_name: str) -> dict[str, Callable[[Json], bool]]:
    """By JSON name, what a value must be to count as a child; without the `_` names."""
    definition = type_definition(type_name)
    tests: dict[str, Callable[[Json], bool]] = {}
    for element in definition.elements.values() if definition is not None else ():
        for json_name, type_ in element.json_names():
            tests[json_name] = _accepts(type_.code) if is_primitive(type_.code) else _is_object
    return tests


def _is_object(value: Json) -> bool:
    return type(value) is dict


def count_children(type_name: str, value: Json) -> int:
    """How many children a complex element has, without making them."""
    tests = _countable(type_name)
    total = 0
    for key, item in value.items():
        if key[:1] == "_":  # extensions of primitives: rare, so counted the long way
            return len(children(Node(type_name, value)))
        test = tests.get(key)
        if test is not None:
            if type(item) is list:
                total += sum(map(test, item))
            elif test(item):
                total += 1
    return total
