"""Extraction paths, compiled to closures that walk a plain resource (the part of FHIRPath that R4's search needs).

The form of a path is told in profiles/tables/search_facts.py. Types come from profiles/structure.py, so that a value leaves
with its FHIR type. Whatever does not have the JSON type of its element is passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from profiles.json import Json, Resource
from profiles.references import parse_reference
from profiles.structure import primitive_types, type_definition


class Value(NamedTuple):
    """A value found for a search parameter. `kind`: its FHIR type (`CodeableConcept`, `date`, ...)."""

    kind: str
    value: Json


Walk = Callable[[Resource, list[Value], Resource], None]
"""Finds values in an object: (the object, where they are appended, the resource that it is part of)."""
_Take = Callable[[Json, list[Value], Resource], None]

_STEP: Final = re.compile(
    r"(?:extension\((?P<url>[^)]+)\)"
    r"|(?P<name>\w+)(?::(?P<cast>\w+))?(?:\[(?:(?P<index>\d+)|(?P<key>\w+)=(?P<equals>[\w-]+))\])?(?:->(?P<target>\w+))?"
    r"(?P<true>\?)?)(?:\.|$)"
)
_NUMBERS: Final[dict[str, tuple[type, ...]]] = {
    "decimal": (int, Decimal),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
}


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    cast: str | None = None
    index: int | None = None
    key: str | None = None
    equals: str | None = None
    target: str | None = None
    true: bool = False


def compile_paths(paths: str, type_name: str) -> tuple[Walk, ...]:
    """One walk for each alternative of `paths`, starting at objects of `type_name`. Raises ValueError for a bad path."""
    return tuple(_compile_alternative(path, type_name) for path in paths.split(" | "))


def path_kinds(paths: str, type_name: str) -> frozenset[str]:
    """The FHIR types of what `paths` finds. Raises ValueError for a bad path."""
    found: set[str] = set()
    for path in paths.split(" | "):
        root = type_name.partition(".")[0] if path.startswith("^") else type_name
        found |= {type_name} if path == "." else _kinds(_steps(path.removeprefix("^")), root)
    return frozenset(found)


def path_heads(paths: str, type_name: str) -> frozenset[str] | None:
    """The properties without any of which `paths` finds nothing; None where something may be found in any case."""
    heads: set[str] = set()
    for path in paths.split(" | "):
        if path == "." or path.startswith("^"):
            return None
        first = _steps(path)[0]
        if first.true:
            return None
        heads |= {name for name, _ in _json_names(first, type_name)}
    return frozenset(heads)


def _kinds(steps: list[_Step], type_name: str) -> set[str]:
    names = _json_names(steps[0], type_name)
    if steps[0].true:
        return {"boolean"}
    if len(steps) == 1:
        return {code for _, code in names}
    return {kind for _, code in names for kind in _kinds(steps[1:], code)}


def _compile_alternative(path: str, type_name: str) -> Walk:
    if path == ".":
        return lambda node, out, root: out.append(Value(type_name, node))
    if path.startswith("^"):
        from_root = _compile(_steps(path[1:]), type_name.partition(".")[0])
        return lambda node, out, root: from_root(root, out, root)
    return _compile(_steps(path), type_name)


def _steps(path: str) -> list[_Step]:
    steps = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"not a search path: {path}")
        position = match.end()
        if match["url"]:
            steps.append(_Step("extension", key="url", equals=match["url"]))
            continue
        index = int(match["index"]) if match["index"] else None
        parts = (match["cast"], index, match["key"], match["equals"], match["target"], bool(match["true"]))
        steps.append(_Step(match["name"], *parts))
    return steps


def _compile(steps: list[_Step], type_name: str) -> Walk:
    """The walk for the rest of a path, from objects of `type_name`."""
    step = steps[0]
    names = _json_names(step, type_name)
    if step.true:
        return _truth([name for name, _ in names])
    walks = [_getter(name, step, _take(step, steps[1:], code)) for name, code in names]
    return walks[0] if len(walks) == 1 else _first_of(walks)


def _json_names(step: _Step, type_name: str) -> list[tuple[str, str]]:
    """(property, type) of the element that a step leads to."""
    definition = type_definition(type_name)
    element = definition.elements.get(step.name) if definition is not None else None
    if element is None:
        raise ValueError(f"{type_name} has no element {step.name}")
    names = [(name, type_.code) for name, type_ in element.json_names() if step.cast in {None, type_.code}]
    if not names:
        raise ValueError(f"{type_name}.{step.name} has no type {step.cast}")
    return names


def _take(step: _Step, rest: list[_Step], type_code: str) -> _Take:
    if rest:
        return _descend(_compile(rest, type_code))
    if type_code in primitive_types():
        return _primitive(type_code)
    return _object(type_code)


def _first_of(walks: list[Walk]) -> Walk:
    def walk(node: Resource, out: list[Value], root: Resource) -> None:
        for one in walks:
            one(node, out, root)

    return walk


def _getter(name: str, step: _Step, take: _Take) -> Walk:
    """Fetch a property and hand its value, or each one of its list, to `take`, if the step's condition holds."""
    accept = _condition(step)
    if accept is not None:
        take = _filtered(accept, take)
    index = step.index

    def walk(node: Resource, out: list[Value], root: Resource) -> None:
        value = node.get(name)
        if value is None:
            return
        if type(value) is not list:
            take(value, out, root)
        elif index is None:
            for item in value:
                take(item, out, root)
        elif index < len(value):
            take(value[index], out, root)

    return walk


def _condition(step: _Step) -> Callable[[Resource, Resource], bool] | None:
    if step.target is not None:
        return partial(_points_at, step.target)
    if step.key is not None:
        key, equals = step.key, step.equals
        return lambda value, root: value.get(key) == equals
    return None


def _filtered(accept: Callable[[Resource, Resource], bool], take: _Take) -> _Take:
    def filtered(value: Json, out: list[Value], root: Resource) -> None:
        if type(value) is dict and accept(value, root):
            take(value, out, root)

    return filtered


def _descend(walk: Walk) -> _Take:
    def take(value: Json, out: list[Value], root: Resource) -> None:
        if type(value) is dict:
            walk(value, out, root)

    return take


def _primitive(kind: str) -> _Take:
    types = _NUMBERS.get(kind)
    if kind == "boolean":

        def take_boolean(value: Json, out: list[Value], root: Resource) -> None:
            if value is True or value is False:
                out.append(Value(kind, value))

        return take_boolean
    if types is None:

        def take(value: Json, out: list[Value], root: Resource) -> None:
            if type(value) is str:
                out.append(Value(kind, value))

        return take

    def take_number(value: Json, out: list[Value], root: Resource) -> None:
        if isinstance(value, types) and not isinstance(value, bool):
            out.append(Value(kind, value))

    return take_number


def _object(kind: str) -> _Take:
    def take(value: Json, out: list[Value], root: Resource) -> None:
        if type(value) is dict:
            out.append(Value(kind, value))

    return take


def _truth(names: list[str]) -> Walk:
    """`deceased?`: whether the element is there in any of its types, and is not false."""

    def walk(node: Resource, out: list[Value], root: Resource) -> None:
        found = [node[name] for name in names if node.get(name) is not None]
        out.append(Value("boolean", bool(found) and found[0] is not False))

    return walk


def _points_at(type_name: str, reference: Resource, root: Resource) -> bool:
    """`where(resolve() is Type)` as far as the reference itself tells: by its address, its `type`, or what is contained."""
    text = reference.get("reference")
    if type(text) is str:
        if text.startswith(f"{type_name}/"):
            return True
        if text.startswith("#"):
            return _contained_type(text[1:], root) == type_name
        parsed = parse_reference(text)
        if parsed is not None and parsed.type is not None:
            return parsed.type == type_name
    named: Json = reference.get("type")
    return isinstance(named, str) and named == type_name


def _contained_type(id_: str, root: Resource) -> str | None:
    contained = root.get("contained")
    for resource in contained if isinstance(contained, list) else []:
        if isinstance(resource, dict) and resource.get("id") == id_:
            name = resource.get("resourceType")
            return name if isinstance(name, str) else None
    return None
