"""Search paths, compiled to closures that walk a plain resource: the fast way of extraction (FHIR R4 SearchParameter.expression).

Types come from profiles/structure.py, so that a value leaves with its FHIR type. Whatever does not have the JSON type of its
element is passed over in silence, as profiles/fhirpath does.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from profiles.json import Json, Resource
from profiles.references import parse_reference
from profiles.search_steps import Condition, Path, PointsAt, Step, beside, fields, start_type
from profiles.structure import primitive_types


class Value(NamedTuple):
    """A value found for a search parameter. `kind`: its FHIR type (`CodeableConcept`, `date`, ...)."""

    kind: str
    value: Json


Walk = Callable[[Resource, list[Value], Resource], None]
"""Finds values in an object: (the object, where they are appended, the resource that it is part of)."""
_Take = Callable[[Json, list[Value], Resource], None]
_Test = Callable[[Resource, Resource], bool]

_NUMBERS: Final[dict[str, tuple[type, ...]]] = {
    "decimal": (int, Decimal),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
}


def compile_path(path: Path, type_name: str) -> Walk:
    """The walk of a path from objects of `type_name`, none of whose steps is without an element."""
    if not path.steps:
        return _whole(start_type(path, type_name), from_resource=path.from_resource)
    walk = _Walks(path.steps).after(0, start_type(path, type_name))
    if path.from_resource:
        return lambda node, out, root: walk(root, out, root)
    return walk


def _whole(kind: str, *, from_resource: bool) -> Walk:
    if from_resource:
        return lambda node, out, root: out.append(Value(kind, root))
    return lambda node, out, root: out.append(Value(kind, node))


class _Walks:
    """The walks of a path's steps, each made once for a type: a value of fifty types twice over is no 2,500 walks."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._steps = steps
        self._made: dict[tuple[int, str], Walk] = {}

    def after(self, position: int, holder: str) -> Walk:
        """The walk of the steps from a position on, for objects of a type."""
        walk = self._made.get((position, holder))
        if walk is None:
            walk = self._made[position, holder] = self._walk(position, holder)
        return walk

    def _walk(self, position: int, holder: str) -> Walk:
        step = self._steps[position]
        ways = fields(step, holder)
        if step.is_true:
            return _truth(ways)
        deeper = position + 1 < len(self._steps)
        walks = [_getter(beside(name, code, deeper=deeper), step, self._take(position, code)) for name, code in ways]
        return walks[0] if len(walks) == 1 else _each_of(walks)

    def _take(self, position: int, code: str) -> _Take:
        if position + 1 < len(self._steps):
            return _descend(self.after(position + 1, code))
        return _primitive(code) if code in primitive_types() else _object(code)


def _each_of(walks: list[Walk]) -> Walk:
    def walk(node: Resource, out: list[Value], root: Resource) -> None:
        for one in walks:
            one(node, out, root)

    return walk


def _getter(name: str, step: Step, take: _Take) -> Walk:
    """Fetch a property and hand its value, or each one of its list, to `take`, if the step's conditions hold."""
    for condition in step.conditions:
        take = _filtered(_test(condition), take)
    index = step.index

    def walk(node: Resource, out: list[Value], root: Resource) -> None:
        value = node.get(name)
        if value is None:
            return
        if type(value) is not list:
            take(value, out, root)
        else:
            for item in value:
                take(item, out, root)

    def walk_to_one(node: Resource, out: list[Value], root: Resource) -> None:
        value = node.get(name)
        items = value if type(value) is list else [value]
        objects = [item for item in items if type(item) is dict]
        if index is not None and index < len(objects):
            take(objects[index], out, root)

    return walk if index is None else walk_to_one


def _test(condition: Condition) -> _Test:
    if isinstance(condition, PointsAt):
        return partial(_points_at, condition.type)
    key, text = condition.key, condition.text
    return lambda value, root: value.get(key) == text


def _filtered(accept: _Test, take: _Take) -> _Take:
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


def _truth(ways: tuple[tuple[str, str], ...]) -> Walk:
    """`x.exists() and x != false`: true as well where only something beside the value is there, such as why a date is not known."""
    takes = [(name, "_" + name, _primitive(code)) for name, code in ways]

    def walk(node: Resource, out: list[Value], root: Resource) -> None:
        found: list[Value] = []
        is_there = False
        for name, name_beside, take in takes:
            take(node.get(name), found, root)
            extra = node.get(name_beside)
            is_there = is_there or (type(extra) is dict and bool(extra))
        out.append(Value("boolean", found[0].value is not False if found else is_there))

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
