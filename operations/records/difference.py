"""What makes one resource of another, as operations of a FHIRPath Patch (FHIR R4 fhirpatch.html).

Applied in their order to the first, they give the second. Elements that repeat are compared from both ends: what begins and ends alike
stays, so that one item put between others is one `insert`. Order of members in an object is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from profiles.json import Json, Resource
from profiles.outcome import refuse
from profiles.structure import ElementDefinition, TypeRef, primitive_types, type_definition

MOST: Final = 500
"""Operations of one patch, as of those that are taken (profiles/fhirpath_patch)."""

_PROTECTED: Final = frozenset({"id", "resourceType"})
_OF_THE_SERVER: Final = frozenset({"versionId", "lastUpdated", "source"})
_RESOURCES: Final = frozenset({"Resource", "DomainResource"})

Pair = tuple[Json, Json]
"""A value, and what stands beside a primitive (`_birthDate`)."""


@dataclass(slots=True)
class _Patch:
    operations: list[Resource] = field(default_factory=list)

    def add(self, type_: str, path: str, *parts: Resource) -> None:
        if len(self.operations) == MOST:
            raise refuse("patch-too-costly", f"The two differ in more than {MOST} places.")
        listed = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}, *parts]
        self.operations.append({"name": "operation", "part": listed})


def difference(before: Resource, after: Resource, *, with_meta: bool) -> list[Resource]:
    """The `operation` parameters. `with_meta`: also of profiles, labels and tags; ids and versions never count.

    Raises FhirError (422) where there are more than a patch may have.
    """
    patch, type_ = _Patch(), before["resourceType"]
    one, other = (_comparable(each, with_meta) for each in (before, after))
    _object(patch, type_, type_, one, other)
    return patch.operations


def _comparable(resource: Resource, with_meta: bool) -> Resource:
    kept = {name: value for name, value in resource.items() if name not in _PROTECTED and name != "meta"}
    if with_meta and (meta := {k: v for k, v in resource.get("meta", {}).items() if k not in _OF_THE_SERVER}):
        kept["meta"] = meta
    return kept


def _object(patch: _Patch, path: str, type_name: str, before: Resource, after: Resource) -> None:
    """Two objects of the same type. Deletions first: an element of another type takes the place of one that went."""
    definition = type_definition(type_name)
    elements = definition.elements.values() if definition is not None else ()
    later: list[tuple[ElementDefinition, str, TypeRef]] = []
    for element in elements:
        for name, type_ in element.json_names():
            if _pairs(element, before, name) == _pairs(element, after, name):
                continue
            if element.max == 1 and not _pairs(element, after, name):
                patch.add("delete", f"{path}.{element.name}")
            else:
                later.append((element, name, type_))
    for element, name, type_ in later:
        pairs = _pairs(element, before, name), _pairs(element, after, name)
        if element.max == 1:
            _single(patch, path, element, type_, pairs[0], pairs[1])
        else:
            _list(patch, path, element, type_, pairs[0], pairs[1])


def _pairs(element: ElementDefinition, holder: Resource, name: str) -> list[Pair]:
    """The values under a JSON name, each with what stands beside it."""
    values, beside = holder.get(name), holder.get(f"_{name}")
    if element.max == 1:
        return [] if values is None and beside is None else [(values, beside)]
    listed = values if isinstance(values, list) else []
    besides = beside if isinstance(beside, list) else []
    length = max(len(listed), len(besides))
    return list(zip(_filled(listed, length), _filled(besides, length), strict=True))


def _filled(values: list[Json], length: int) -> list[Json]:
    return values + [None] * (length - len(values))


def _single(
    patch: _Patch, path: str, element: ElementDefinition, type_: TypeRef, before: list[Pair], after: list[Pair]
) -> None:
    value = _value("value", element, type_, after[0])
    if not before:
        patch.add("add", path, {"name": "name", "valueString": element.name}, value)
    elif _is_alike(type_, before[0], after[0]):
        _object(patch, f"{path}.{element.name}", type_.code, before[0][0], after[0][0])
    else:
        patch.add("replace", f"{path}.{element.name}", value)


def _is_alike(type_: TypeRef, before: Pair, after: Pair) -> bool:
    """Whether the two can be compared element by element: neither primitives nor resources, whose types may differ."""
    simple = type_.code in primitive_types() or type_.code in _RESOURCES or type_.code == "Extension"
    return not simple and isinstance(before[0], dict) and isinstance(after[0], dict)


def _list(
    patch: _Patch, path: str, element: ElementDefinition, type_: TypeRef, before: list[Pair], after: list[Pair]
) -> None:
    at = f"{path}.{element.name}"
    start = _common(before, after)
    end = min(_common(before[::-1], after[::-1]), len(before) - start, len(after) - start)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    both = min(len(old), len(new))
    for number in range(both):
        if old[number] == new[number]:
            continue
        place = f"{at}[{start + number}]"
        if _is_alike(type_, old[number], new[number]):
            _object(patch, place, type_.code, old[number][0], new[number][0])
        else:
            patch.add("replace", place, _value("value", element, type_, new[number]))
    for number in range(len(old) - 1, both - 1, -1):
        patch.add("delete", f"{at}[{start + number}]")
    for number in range(both, len(new)):
        value = _value("value", element, type_, new[number])
        if not before and number == 0:
            patch.add("add", path, {"name": "name", "valueString": element.name}, value)
        else:
            patch.add("insert", at, {"name": "index", "valueInteger": start + number}, value)


def _common(one: Sequence[Pair], other: Sequence[Pair]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _value(name: str, element: ElementDefinition, type_: TypeRef, pair: Pair) -> Resource:
    """A part that holds the value: of a type that has no `value[x]`, as parts for its elements."""
    value, beside = pair
    if type_.code in _RESOURCES:
        return {"name": name, "resource": value}
    definition = type_definition(type_.code)
    if definition is not None and definition.kind == "backbone" and isinstance(value, dict):
        return {"name": name, "part": list(_parts(type_.code, value))}
    suffix = type_.code[0].upper() + type_.code[1:]
    made: Resource = {"name": name}
    if value is not None:
        made[f"value{suffix}"] = value
    if beside is not None:
        made[f"_value{suffix}"] = beside
    return made


def _parts(type_name: str, value: Resource) -> Iterator[Resource]:
    definition = type_definition(type_name)
    for element in definition.elements.values() if definition is not None else ():
        for name, type_ in element.json_names():
            for pair in _pairs(element, value, name):
                yield _value(element.name, element, type_, pair)
