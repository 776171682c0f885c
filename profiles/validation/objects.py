"""From a type of R4 to a closure that checks an object of it.

A type's members are compiled when a resource first has them, so that a Patient never pays for the fifty types which an
extension's value could have.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Final

from profiles.json import Json, Resource
from profiles.structure import ElementDefinition, TypeDefinition, TypeRef, primitive_types, type_definition, value_set
from profiles.validation import object_members, primitive_members
from profiles.validation.primitive_members import Member, ObjectCheck
from profiles.validation.resources import contained_check, standing_check
from profiles.validation.run import MAX_DEPTH, Path, Run

_NAME: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")


class _Members(dict[str, Member]):
    """Property name to member check, filled as properties are met; unknown ones are never kept."""

    def __init__(self, definition: TypeDefinition) -> None:
        super().__init__()
        self._definition = definition
        if definition.kind == "resource":
            self["resourceType"] = _accept

    def __missing__(self, key: str) -> Member:
        found = self._definition.element(key)
        if found is not None:
            self[key] = member = _member(key, *found)
            return member
        found = self._definition.element(key[1:]) if key[:1] == "_" else None
        if found is not None and _may_have_sibling(*found):
            self[key] = member = _sibling(key[1:], *found)
            return member
        return _unknown(key, self._definition)


def _accept(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
    """resourceType: it chose this check."""


def _member(key: str, element: ElementDefinition, type_: TypeRef) -> Member:
    name = _step_name(element, type_)
    many = element.max is None
    if type_.code in primitive_types():
        kind = primitive_members.primitive_kind(type_.code, element.binding)
        return primitive_members.repeated(name, kind) if many else primitive_members.single(name, kind)
    check = _object_check_for(element, type_)
    return object_members.repeated(name, check) if many else object_members.single(name, check)


def _step_name(element: ElementDefinition, type_: TypeRef) -> str:
    return f"{element.name}.ofType({type_.code})" if element.choice else element.name


def _object_check_for(element: ElementDefinition, type_: TypeRef) -> ObjectCheck:
    if type_.code == "Resource":
        return _contained if element.name == "contained" else resource_check
    check = object_check(type_.code)
    if type_.code == "Reference":
        return object_members.reference_check(check, type_.targets)
    if type_.code == "CodeableConcept" and element.binding is not None:
        codes = value_set(element.binding)
        return check if codes is None else object_members.concept_check(check, codes)
    return check


def _may_have_sibling(element: ElementDefinition, type_: TypeRef) -> bool:
    return type_.code in primitive_types() and type_.code != "xhtml" and not element.attribute


def _sibling(key: str, element: ElementDefinition, type_: TypeRef) -> Member:
    check = object_check("Element")
    if element.max is None:
        return primitive_members.repeated_sibling(key, check)
    return primitive_members.single_sibling(key, _step_name(element, type_), check)


def _unknown(key: str, definition: TypeDefinition) -> Member:
    def member(value: Json, holder: Resource, path: Path, run: Run, depth: int) -> None:
        named = _NAME.fullmatch(key) is not None
        known = [name for e in definition.elements.values() for name, _ in e.json_names()]
        close = get_close_matches(key, known, n=1) if named else []
        hint = f" Did you mean {close[0]}?" if close else ""
        text = f"{definition.name} has no such element.{hint}"
        run.add("unknown-element", text, (path, key, -1) if named else path)

    return member


@cache
def object_check(type_name: str) -> ObjectCheck:
    """The check for objects of a type that R4 has. It takes any JSON object and recurses no deeper than MAX_DEPTH."""
    definition = type_definition(type_name)
    if definition is None:
        raise KeyError(type_name)
    members = _Members(definition)
    required = tuple(e.name for e in definition.elements.values() if e.min > 0 and not e.choice)
    choices = _choices(definition)
    needs_content = definition.kind != "resource" and type_name != "Element"  # beside a value, an id is enough
    rule = object_members.extension_rule if type_name == "Extension" else None

    def check(value: Resource, path: Path, run: Run, depth: int) -> None:
        if depth > MAX_DEPTH:
            run.add("structure", f"Objects are nested deeper than {MAX_DEPTH} levels.", path)
            return
        for key, item in value.items():
            members[key](item, value, path, run, depth)
        for name in required:
            if name not in value and f"_{name}" not in value:
                run.add("required-element", f"{type_name} must have {name}.", (path, name, -1))
        if choices is not None:
            choices.check(value, path, run)
        if rule is not None:
            rule(value, path, run)
        if len(value) < 2 and (not value or (needs_content and "id" in value)):
            run.add("structure", "The element is empty; leave it out.", path)

    return check


resource_check: Final = standing_check(object_check)
_contained: Final = contained_check(object_check)


class _Choices:
    """The choice elements of a type: at most one type each, and exactly one where it is required."""

    __slots__ = ("_element_of", "_required", "_type_name")

    def __init__(self, definition: TypeDefinition) -> None:
        choices = [e for e in definition.elements.values() if e.choice]
        self._element_of = {prefix + n: e.name for e in choices for n, _ in e.json_names() for prefix in ("", "_")}
        self._required = frozenset(e.name for e in choices if e.min > 0)
        self._type_name = definition.name

    def __bool__(self) -> bool:
        return bool(self._element_of)

    def check(self, value: Resource, path: Path, run: Run) -> None:
        element_of = self._element_of
        found = [key for key in value if key in element_of]
        if len(found) > 1:
            self._check_exclusive(found, path, run)
        if self._required:
            present = {element_of[key] for key in found}
            for name in self._required - present:
                run.add("required-element", f"{self._type_name} must have {name}[x].", (path, name, -1))

    def _check_exclusive(self, found: list[str], path: Path, run: Run) -> None:
        seen: dict[str, str] = {}
        for key in found:
            name, plain = self._element_of[key], key.removeprefix("_")
            if seen.setdefault(name, plain) != plain:
                run.add("choice", f"{name}[x] may have one type only.", (path, name, -1))


def _choices(definition: TypeDefinition) -> _Choices | None:
    choices = _Choices(definition)
    return choices if choices else None
