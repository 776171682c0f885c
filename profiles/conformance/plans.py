"""From a node of a profile to closures that hold an element against it; what R4's type says anyway is left out.

The base rules (base_rules.py) are run on everything once, so a profile's plan holds only what the profile adds. Plans are made
when an element of a type first meets a node, and kept on the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from profiles.conformance import references, slicing, trees
from profiles.conformance.bound_codes import pointer
from profiles.conformance.context import Context, Item
from profiles.conformance.elements import collector, element_of, keys_of
from profiles.conformance.invariants import Check, invariant_check
from profiles.conformance.nodes import Binding, Node
from profiles.conformance.value_checks import value_checks
from profiles.definitions.r4 import origin
from profiles.fhirpath.model import ancestors, is_primitive
from profiles.structure import ElementDefinition, type_definition
from profiles.tables import table


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node asks of elements of a type: checks for each, and checks by the JSON members that an element has."""

    always: tuple[Check, ...]
    by_member: Mapping[str, Check]
    work: int = 1


NOTHING: Final = Plan((), {})
_ABSTRACT: Final = frozenset({"Element", "BackboneElement", "Resource", "DomainResource"})


def hold(node: Node, item: Item, context: Context) -> None:
    """Hold an element against a node of a profile, and what lies in it against the node's children."""
    plan: Plan | None = node.plans.get(item.type)
    if plan is None:
        plan = node.plans[item.type] = _plan(node, item.type, context.run.options.steps)
    run = context.run
    run.left -= plan.work
    if run.left < 0:
        context.work(0)
    for check in plan.always:
        check(item, context)
    by_member = plan.by_member
    if by_member and type(item.value) is dict:
        for check in dict.fromkeys([by_member[key] for key in item.value if key in by_member]):
            check(item, context)


def _plan(node: Node, type_name: str, steps: int) -> Plan:
    always = [*value_checks(node, type_name), *_types(node, type_name), *_invariants(node, type_name, steps)]
    by_member: dict[str, Check] = {}
    for child in node.children.values():
        if _says_more(child, type_name):
            check, keys = _child(child, type_name), () if is_primitive(type_name) else keys_of(type_name, child.name)
            if keys and not _must_be_there(child):
                by_member.update(dict.fromkeys(keys, check))
            else:
                always.append(check)
    return Plan(tuple(always), by_member, 1 + len(always) // 4) if always or by_member else NOTHING


def _must_be_there(node: Node) -> bool:
    """Whether an element that is not there can be a fault."""
    return node.min > 0 or any(each.min > 0 for each in node.slices)


def _invariants(node: Node, type_name: str, steps: int) -> Iterator[Check]:
    known = known_keys(type_name)
    for invariant in node.invariants:
        if (invariant.key, invariant.expression) not in known and invariant.key not in _base_keys(node.path):
            made = invariant_check(invariant, type_name, steps)
            if made is not None:
                yield made


@cache
def known_keys(type_name: str) -> frozenset[tuple[str, str]]:
    """The invariants that R4 puts on a type: they are run with the base rules."""
    rows = table("constraints")["invariants"]
    return frozenset((row[0], row[2]) for name in ancestors(type_name) for row in rows.get(name, ()))


@lru_cache(maxsize=16_384)
def _base_keys(path: str) -> frozenset[str]:
    return frozenset(row[0] for row in table("constraints")["invariants"].get(path, ()))


def _types(node: Node, type_name: str) -> Iterator[Check]:
    own = [each for each in node.types if each.code == type_name]
    profiles = [profile for each in own for profile in each.profiles]
    if type_name not in ("Extension",) and profiles and all(each.profiles for each in own):
        yield trees.conforms_to_one(tuple(profiles))
    targets = [target for each in own for target in each.targets]
    if type_name in ("Reference", "canonical") and targets:
        yield references.target_check(tuple(own))
    resources = [each for each in node.types if each.profiles and each.code in _ABSTRACT and each.code not in (type_name,)]
    if resources and not own:
        yield trees.conforms_to_one(tuple(profile for each in resources for profile in each.profiles))


def _says_more(node: Node, holder: str) -> bool:
    """Whether a node says anything that R4 does not say of the element already."""
    element = element_of(holder, node.name)
    if element is None or node.slicing is not None or node.slices or node.fixed is not None or node.pattern is not None:
        return True
    if node.min > element.min or (node.max is not None and node.max != element.max):
        return True
    if _bounds(node) or _narrows(node, element):
        return True
    codes = [each.code for each in element.types]
    path = _origin(holder, node.name)
    if node.binding is not None and node.binding != base_binding(path) and node.binding.strength != "example":
        return True
    known = frozenset().union(*(known_keys(code) for code in codes)) if len(codes) < 3 else frozenset()
    if any(
        (i.key, i.expression) not in known and i.key not in _base_keys(path) and i.key != "ele-1" for i in node.invariants
    ):
        return True
    return any(_says_more(child, code) for child in node.children.values() for code in codes)


def _bounds(node: Node) -> bool:
    told = (node.minimum, node.maximum, node.max_length, node.min_length)
    return any(each is not None for each in told) or node.needs_value or bool(node.more_bindings)


def _narrows(node: Node, element: ElementDefinition) -> bool:
    if element.content_reference or not node.types:
        return False
    if any(each.profiles and each.code != "Extension" for each in node.types) or _fewer(node, element):
        return True
    base = {each.code: each.targets for each in element.types}
    for each in node.types:
        known = base.get(each.code, frozenset()) or frozenset({"Resource"})
        if each.aggregation or each.versioning != "either":
            return True
        if each.targets and {t.rpartition("/")[2].removesuffix("|4.0.1") for t in each.targets} != known:
            return True
    return False


def _fewer(node: Node, element: ElementDefinition) -> bool:
    return (element.choice or element.types[0].code == "Resource") and {each.code for each in node.types} != {
        each.code for each in element.types
    }


@lru_cache(maxsize=16_384)
def _origin(holder: str, name: str) -> str:
    definition = type_definition("Element" if is_primitive(holder) else holder)
    element = None if definition is None else definition.elements.get(name)
    return "" if definition is None or element is None else origin(definition, element)


@lru_cache(maxsize=16_384)
def base_binding(path: str) -> Binding | None:
    """The binding that R4 gives an element, by the path under which the tables speak of it."""
    found = table("constraints")["bindings"].get(path)
    return None if found is None else Binding(*found)


def _child(node: Node, holder: str) -> Check:
    """The check of one kind of children: how many, of which types, each by itself, and by slices."""
    element = element_of(holder, node.name)
    low = node.min if element is None or node.min > element.min else 0
    high = node.max if element is None or node.max != element.max else None
    allowed = frozenset(each.code for each in node.types) if node.choice and node.types else frozenset()
    resources = _resource_types(node)
    nested = node.name in ("contained", "resource")
    sliced = bool(node.slices) or node.slicing is not None
    optional = not _must_be_there(node)
    collect, plans = collector(holder, node.name), node.plans

    def check(item: Item, context: Context) -> None:
        found = collect(item.value, item.extra, item.path)
        if not found and optional:
            return
        if len(found) < low:
            _too_few(node, item, context, len(found))
        if high is not None and len(found) > high:
            _too_many(node, found, high, context)
        for each in found:
            if (allowed and each.type not in allowed) or (resources and resources.isdisjoint(ancestors(each.type))):
                _wrong_type(node, each, context)
            elif plans.get(each.type) is not NOTHING:
                hold(node, each, trees.inside(each, context) if nested else context)
        if sliced:
            slicing.hold_slices(node, found, item, context, hold)

    return check


def _resource_types(node: Node) -> frozenset[str]:
    codes = frozenset(each.code for each in node.types)
    definition = type_definition(next(iter(codes))) if codes else None
    whole = definition is None or definition.kind != "resource" or "Resource" in codes
    return frozenset() if whole else codes


def _too_few(node: Node, item: Item, context: Context, count: int) -> None:
    where = (item.path, node.name, -1)
    text = (
        f"{node.id} is missing: the profile {node.profile} requires it."
        if not count
        else f"Too few {node.id} ({count}): the profile {node.profile} requires at least {node.min}."
    )
    constant = node.fixed or node.pattern
    fix: tuple[dict[str, object], ...] = ()
    if constant is not None and not node.choice and count == 0 and node.max == 1:
        fix = ({"op": "add", "path": pointer(where), "value": constant[0]},)
    context.add("required-element", text, where, rule=node.id, fix=fix)


def _too_many(node: Node, found: list[Item], high: int, context: Context) -> None:
    most = f"at most {high} of {node.id}" if high else f"no {node.id}: remove it, or name another profile"
    text = f"The profile {node.profile} allows {most}."
    fix = ({"op": "remove", "path": pointer(found[high].path)},)
    context.add("cardinality", text, found[high].path, rule=node.id, fix=fix)


def _wrong_type(node: Node, item: Item, context: Context) -> None:
    named = ", ".join(sorted({each.code for each in node.types}))
    text = f"{node.id} may have these types only: {named}."
    context.add("type-invalid", text, item.path, rule=node.id)
