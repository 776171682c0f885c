"""The FHIRPath that R4 itself is written in: its search parameters and its invariants, over the published examples."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from core_package import elements, invariants, search_expressions, type_at
from shared_data import needs_core, needs_examples, paths, read, resources_of

from profiles.fhirpath import FhirPathError, Node, Services, compile_expression
from profiles.json import Resource
from profiles.references import parse_reference
from profiles.search_parameters import search_parameters
from profiles.structure import primitive_types, resource_types

pytestmark = [needs_core, needs_examples]

EXAMPLES = ["conformance/r4-examples/*.json", "pas-examples/*/*.json"]
SAMPLES = [*EXAMPLES, "synthea/*/*.json.gz"]


class ByAddress:
    """Resolves a reference to nothing more than the type that its address names."""

    def resolve(self, reference: str, root: Resource | None) -> Resource | None:
        parsed = parse_reference(reference)
        return None if parsed is None or parsed.type is None else {"resourceType": parsed.type}


SERVICES = Services(resolver=ByAddress())


def resources(patterns: list[str], step: int = 1) -> list[Resource]:
    found = []
    for pattern in patterns:
        for path in paths(pattern, step):
            value = read(path)
            if isinstance(value, dict) and value.get("resourceType") in resource_types():
                found.append(value)
    return found


# -- search parameters ---------------------------------------------------------------------------------------------------


def plain(kind: str, value: Any) -> tuple[str, str]:
    """Something to compare by: numbers regardless of trailing zeros, since a union knows equal values once."""
    return "Resource" if kind in resource_types() else kind, repr(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, _plain(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return Decimal(value).normalize() if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def by_expression(expression: str, resource: Resource) -> set[tuple[str, str]]:
    items = compile_expression(expression, as_filters=True).evaluate(resource, services=SERVICES)
    return {
        plain(item.type, item.value) if isinstance(item, Node) else plain("boolean", item)
        for item in items
        if not (isinstance(item, Node) and item.value is None)
    }


def test_search_parameters_find_what_their_expressions_find() -> None:
    """The walks that a parameter's expression is made into are held against FHIRPath in general, on real resources."""
    expressions: dict[str, dict[str, str]] = {}
    for base, code, expression in search_expressions():
        expressions.setdefault(base, {})[code] = expression
    compared, differences = 0, []
    for bundle in resources(SAMPLES, 16):
        for resource in resources_of(bundle):
            name = resource["resourceType"]
            of_type = expressions.get("Resource", {}) | expressions.get("DomainResource", {}) | expressions.get(name, {})
            for code, parameter in search_parameters(name).items():
                if code not in of_type or parameter.type == "composite":
                    continue
                wanted = by_expression(of_type[code], resource)
                found = {plain(v.kind, v.value) for v in parameter.extract(resource)}
                compared += 1
                if wanted != found:
                    differences.append((name, code, of_type[code], len(wanted), len(found)))
    assert compared > 1_000
    assert differences == []


# -- invariants ----------------------------------------------------------------------------------------------------------

WRONG_IN_R4 = {"cid-0"}
"""ChargeItemDefinition has no `name`, which its invariant speaks of."""


def test_every_invariant_compiles_with_types() -> None:
    rules = {(type_at(path), key, text) for path, rows in invariants().items() for key, text in rows}
    failed = set()
    for kind, key, text in rules:
        if kind is None:
            continue
        try:
            compile_expression(text, type=kind, as_filters=True, strict=True)
        except FhirPathError:
            failed.add(key)
            compile_expression(text, type=kind, as_filters=True)
    assert len(rules) > 1_000
    assert failed == WRONG_IN_R4


BROKEN_EXAMPLES = {"csd-1"}
"""Invariants that HL7's own examples do not fulfil, to the letter of the expression."""


def test_every_invariant_holds_for_the_published_examples() -> None:
    """None fails on any element; warnings (best practice) may be false, and an expression may be empty."""
    evaluated, broken = 0, set()
    rules = invariants()
    for resource in resources(EXAMPLES):
        name = resource["resourceType"]
        for value, kind, path, around in elements(resource, name, name, resource):
            if kind in primitive_types() and not isinstance(value, (str, int)):
                continue
            for key, expression in rules.get(kind, frozenset()) | rules.get(path, frozenset()):
                evaluated += 1
                compiled = compile_expression(expression, type=kind, as_filters=True)
                if compiled.test(value, resource=around, root=resource, services=SERVICES) is False:
                    broken.add(key)
    assert evaluated > 20_000
    assert broken == BROKEN_EXAMPLES | {"dom-6"}
