"""What a profile says of one value: fixed, pattern, bounds, length, binding (FHIR R4 elementdefinition.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from profiles import json
from profiles.conformance import values
from profiles.conformance.bound_codes import check_binding, pointer
from profiles.conformance.context import Context, Item
from profiles.conformance.invariants import Check
from profiles.conformance.nodes import Binding, Node
from profiles.json import Json

_LONGEST_SHOWN: Final = 200


def value_checks(node: Node, type_name: str) -> Iterator[Check]:
    """The checks of a node on values of a type."""
    if node.fixed is not None and _fits(node.fixed[0], type_name):
        yield _fixed(node.fixed[0], node)
    if node.pattern is not None and _fits(node.pattern[0], type_name):
        yield _pattern(node.pattern[0], node)
    if node.max_length is not None:
        yield _length(node.max_length, node.id)
    if node.min_length is not None:
        yield _least_length(node.min_length, node.id)
    if node.needs_value:
        yield _value_there(node.id)
    if node.minimum is not None:
        yield _bound(node.minimum, node.id, low=True)
    if node.maximum is not None:
        yield _bound(node.maximum, node.id, low=False)
    if node.binding is not None and (node.binding.strength in ("required", "extensible") or node.binding.maximum):
        yield _binding(node.binding)
    for binding in node.more_bindings:
        yield _binding(binding)


def _fits(constant: Json, type_name: str) -> bool:
    """A constant for objects says nothing of primitives, nor the other way round (choices of several types)."""
    return isinstance(constant, dict) == type_name[:1].isupper()


def _shown(wanted: Json) -> str:
    """What a definition asks for, as JSON, where it is short enough for a sentence."""
    text = json.dumps(wanted).decode()
    return f": {text}" if len(text) <= _LONGEST_SHOWN else ", which its definition gives"


def _fixed(wanted: Json, node: Node) -> Check:
    text = f"{node.id} is fixed to another value{_shown(wanted)}."

    def check(item: Item, context: Context) -> None:
        if item.value is not None and not values.equals(item.value, wanted):
            fix = ({"op": "replace", "path": pointer(item.path), "value": wanted},)
            context.add("value-fixed", text, item.path, rule=node.id, fix=fix)

    return check


def _pattern(wanted: Json, node: Node) -> Check:
    fits = values.matcher(wanted)
    text = f"{node.id} lacks a part that is asked for{_shown(wanted)}."

    def check(item: Item, context: Context) -> None:
        if item.value is None or fits(item.value):
            return
        simple = not isinstance(wanted, dict)
        fix = ({"op": "replace", "path": pointer(item.path), "value": wanted},) if simple else ()
        context.add("value-fixed", text, item.path, rule=node.id, fix=fix)

    return check


def _length(most: int, rule: str) -> Check:
    def check(item: Item, context: Context) -> None:
        if isinstance(item.value, str) and len(item.value) > most:
            context.add("value-bounds", f"The value is longer than {most} characters.", item.path, rule=rule)

    return check


def _least_length(least: int, rule: str) -> Check:
    def check(item: Item, context: Context) -> None:
        if isinstance(item.value, str) and len(item.value) < least:
            context.add("value-bounds", f"The value is shorter than {least} characters.", item.path, rule=rule)

    return check


def _value_there(rule: str) -> Check:
    def check(item: Item, context: Context) -> None:
        if item.value is None:
            context.add("required-element", "The profile requires a value here, not only extensions.", item.path, rule=rule)

    return check


def _bound(bound: Json, rule: str, *, low: bool) -> Check:
    moving = isinstance(bound, dict)

    def check(item: Item, context: Context) -> None:
        limit = bound
        if moving and isinstance(item.value, str):
            limit = values.moved_today(bound, context.run.options.today(), 1)
        outside = values.below(item.value, limit) if low else values.below(limit, item.value)
        if limit is not None and outside:
            word = "below the least" if low else "above the greatest"
            context.add("value-bounds", f"The value lies {word} that the profile allows.", item.path, rule=rule)

    return check


def _binding(binding: Binding) -> Check:
    def check(item: Item, context: Context) -> None:
        check_binding(binding, item, context)

    return check
