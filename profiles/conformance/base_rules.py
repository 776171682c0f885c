"""R4's own rules beyond structure, on every element: invariants, bindings, codes, extensions, references (one walk).

Closures are made for a type when it is first met. Primitives are only looked at where a rule or an extension stands on them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from profiles.conformance import resources
from profiles.conformance.attachments import check_attachment
from profiles.conformance.bound_codes import check_binding, check_coding
from profiles.conformance.context import STEPS_PER_OBJECT, WORK_PER_OBJECT, Context, Item
from profiles.conformance.extensions import Standing, check_extension
from profiles.conformance.invariants import Check, invariant_check
from profiles.conformance.narratives import check_narrative
from profiles.conformance.nodes import Binding, Invariant
from profiles.conformance.plans import base_binding
from profiles.conformance.resolution import check_reference
from profiles.conformance.units import check_unit
from profiles.conformance.uri_rules import check_identifier, check_urn
from profiles.definitions.r4 import origin
from profiles.fhirpath.model import ancestors, is_primitive
from profiles.json import Json
from profiles.structure import ElementDefinition, TypeDefinition, TypeRef, type_definition
from profiles.tables import table
from profiles.validation.run import Path

Member = Callable[[Json, Path, Standing, Context], None]
_OF_TYPES: Final[dict[str, Check]] = {
    "Coding": check_coding,
    "Attachment": check_attachment,
    "Identifier": check_identifier,
    "Quantity": check_unit,
    "Narrative": check_narrative,
}
_LONGEST_URL: Final = 500
_GUARDS: Final = {"dom-4": "contained", "dom-5": "contained"}


class _Rules:
    """What is checked on objects of one type: on the whole, and on each member by its JSON name."""

    def __init__(self, type_name: str, steps: int) -> None:
        self.checks = tuple(_type_checks(type_name, steps))
        self.members: dict[str, Member | None] = {}
        self._definition = type_definition(type_name)
        elements = () if self._definition is None else self._definition.elements.values()
        codes = [e.name for e in elements if e.binding is not None and e.types[0].code == "code"]
        self.codes = tuple((f"_{name}", name) for name in codes)
        """The elements that are codes of a required value set (FHIR R4 4.1.5), after their siblings."""
        self._steps = steps

    def member(self, key: str) -> Member | None:
        """The check of a member; None where there is nothing to check. Unknown members are the structural check's."""
        if self._definition is None:
            return None
        found = self._definition.element(key)
        if found is not None:
            made = self.members[key] = _member(self._definition, *found, self._steps)
            return made
        found = self._definition.element(key[1:]) if key[:1] == "_" else None
        if found is None:
            return None
        made = self.members[key] = _sibling(self._definition, *found)
        return made


@lru_cache(maxsize=2048)
def _rules(type_name: str, steps: int) -> _Rules:
    return _Rules(type_name, steps)


def walk(item: Item, standing: Standing, context: Context) -> None:
    """Check an object and everything in it by R4's rules."""
    _walk(_rules(item.type, context.run.options.steps), item, standing, context)


def _walk(rules: _Rules, item: Item, standing: Standing, context: Context) -> None:
    for check in rules.checks:
        check(item, context)
    members, path = rules.members, item.path
    for key, value in item.value.items():
        member = members[key] if key in members else rules.member(key)
        if member is not None:
            member(value, path, standing, context)
    for sibling, name in rules.codes:
        if sibling in item.value and name not in item.value:
            text = "A code of a required value set must have a value; an extension cannot stand for it."
            context.add("code-invalid", text, (path, name, -1))


def _type_checks(type_name: str, steps: int) -> list[Check]:
    rows = table("constraints")["invariants"]
    checks = [_guarded(row, type_name, steps) for name in ancestors(type_name) for row in rows.get(name, ())]
    found = [each for each in checks if each is not None]
    own = _OF_TYPES.get(type_name)
    return found if own is None else [*found, own]


def _guarded(row: list[str], type_name: str, steps: int) -> Check | None:
    made = invariant_check(Invariant(*row), type_name, steps)
    needs = _GUARDS.get(row[0])
    if made is None or needs is None:
        return made
    whole: Check = made

    def check(item: Item, context: Context) -> None:
        if needs in item.value:
            whole(item, context)

    return check


def _element_checks(definition: TypeDefinition, element: ElementDefinition, type_: TypeRef, steps: int) -> list[Check]:
    path = origin(definition, element)
    checks: list[Check] = []
    if type_definition(type_.code) is None or "." not in type_.code:
        rows = table("constraints")["invariants"].get(path, ())
        found = [invariant_check(Invariant(*row), type_.code, steps) for row in rows]
        checks += [each for each in found if each is not None]
    binding = base_binding(path)
    if binding is not None and type_.code in ("code", "Coding", "CodeableConcept", "Quantity", "string", "uri"):
        weaker = Binding("preferred", binding.value_set, binding.maximum) if _is_structural(element, type_) else binding
        if weaker.strength in ("required", "extensible") or weaker.maximum:
            checks.append(lambda item, context: check_binding(weaker, item, context))
    if type_.code in ("uri", "url", "canonical"):
        checks.append(check_urn)
    if type_.code == "Reference":
        checks.append(lambda item, context: check_reference(item, context, type_.targets))
    if path in table("constraints")["quantities"]:
        checks.append(_no_comparator)
    return checks


def _is_structural(element: ElementDefinition, type_: TypeRef) -> bool:
    """Required bindings of codes and concepts to lists that we have are held by the structural check."""
    known = element.binding is not None and element.binding in table("structure")["valueSets"]
    return known and type_.code in ("code", "CodeableConcept")


def _no_comparator(item: Item, context: Context) -> None:
    if isinstance(item.value, dict) and "comparator" in item.value:
        context.add("invariant", "A simple quantity has no comparator.", item.path, rule="sqty-1")


def _member(definition: TypeDefinition, element: ElementDefinition, type_: TypeRef, steps: int) -> Member | None:
    checks = tuple(_element_checks(definition, element, type_, steps))
    step = f"{element.name}.ofType({type_.code})" if element.choice else element.name
    primitive = is_primitive(type_.code)
    if primitive and not checks:
        return None
    if checks == (check_urn,) and element.max == 1:
        return _uri(step, type_.code)
    inner = _primitive(checks, type_.code) if primitive else _object(definition, element, type_, checks, steps)

    def member(value: Json, path: Path, standing: Standing, context: Context) -> None:
        if type(value) is list:
            for index, each in enumerate(value):
                inner(each, (path, step, index), standing, context)
        else:
            inner(value, (path, step, -1), standing, context)

    return member


def _uri(step: str, code: str) -> Member:
    """One URI: only those with the scheme urn are looked at."""

    def member(value: Json, path: Path, standing: Standing, context: Context) -> None:
        if type(value) is str and value[:4] == "urn:":
            check_urn(Item(value, None, code, (path, step, -1)), context)

    return member


def _primitive(checks: tuple[Check, ...], code: str) -> Member:
    def one(value: Json, where: Path, standing: Standing, context: Context) -> None:
        if value is not None:
            item = Item(value, None, code, where)
            for check in checks:
                check(item, context)

    return one


def _object(
    definition: TypeDefinition, element: ElementDefinition, type_: TypeRef, checks: tuple[Check, ...], steps: int
) -> Member:
    code, name, holder = type_.code, element.name, definition.name
    modifier = name == "modifierExtension"
    rules: _Rules | None = None

    def one(value: Json, where: Path, standing: Standing, context: Context) -> None:
        nonlocal rules
        if type(value) is not dict:
            return
        context.run.left += WORK_PER_OBJECT
        context.run.steps += STEPS_PER_OBJECT
        if code == "Resource":
            resources.enter(value, where, context)
            return
        item = Item(value, None, code, where)
        for check in checks:
            check(item, context)
        if code == "Extension":
            check_extension(item, standing, context, modifier=modifier)
            url = value.get("url")
            standing = (standing, url[:_LONGEST_URL] if isinstance(url, str) else None, name, None)
        else:
            standing = (standing, holder, name, code)
        if rules is None:
            rules = _rules(code, steps)
        _walk(rules, item, standing, context)

    return one


def _sibling(definition: TypeDefinition, element: ElementDefinition, type_: TypeRef) -> Member:
    """The object beside a primitive: extensions on it."""
    code, name, holder = type_.code, element.name, definition.name
    step = f"{name}.ofType({code})" if element.choice else name

    def member(value: Json, path: Path, standing: Standing, context: Context) -> None:
        several = type(value) is list
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            if type(each) is dict:
                item = Item(each, None, "Element", (path, step, index if several else -1))
                walk(item, (standing, holder, name, code), context)

    return member
