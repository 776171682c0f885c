"""Invariants that can be seen to hold on plain JSON: `a.exists() or b.empty()`, `type = 'x' implies c.exists()` and their like.

Most constraints are made of few words, and nearly all of them hold. Those are compiled to closures over dicts which say "holds" or
"not sure"; whatever is not sure, and all that is broken, is answered by the FHIRPath engine (invariants.py), so a finding never
rests on what stands here. A test holds both to each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from profiles.conformance.known_rules import KNOWN, Holds
from profiles.conformance.plain_paths import MIXED, Get, Path, Truth, UnsureError, path_of
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.parser import parse
from profiles.fhirpath.syntax import Call, Chain, Literal, Node, TypeTest
from profiles.fhirpath.values import INTEGER_TYPES, STRING_TYPES
from profiles.json import Json, Resource
from profiles.structure import resource_types


@lru_cache(maxsize=8192)
def holds(text: str, type_name: str) -> Holds | None:
    """Whether an invariant surely holds for an element of a type, and the resource around it; None for one that needs the engine."""
    known = KNOWN.get(blake2b(text.encode(), digest_size=8).hexdigest())
    if known is not None:
        return known
    try:
        test = _truth(parse(text), type_name)
    except (FhirPathError, RecursionError):
        return None
    if test is None:
        return None
    surely: Truth = test

    def check(value: Json, resource: Resource) -> bool:
        try:
            return surely(value, resource) is True
        except UnsureError:
            return False

    return check


def _truth(node: Node, focus: str) -> Truth | None:
    """The closure of a boolean expression; None for what is none of the plain ones."""
    match node:
        case Literal(value=bool(value)):
            return lambda item, resource: value
        case Chain(first=first, rest=rest):
            return _chain(first, rest, focus)
        case Call():
            return _call(node, focus)
        case TypeTest(operator="is", operand=operand, type=name) if name in resource_types():
            path = path_of(operand, focus, _truth)
            return None if path is None or path.type != "Resource" else _is(path.get, name)
    return None


def _is(get: Get, name: str) -> Truth:
    def truth(item: Any, resource: Resource) -> bool | None:
        found = get(item, resource)
        if len(found) > 1:
            raise UnsureError
        return found[0].get("resourceType") == name if found else None

    return truth


# -- operators -----------------------------------------------------------------------------------------------------------


def _chain(first: Node, rest: tuple[tuple[str, Node, int], ...], focus: str) -> Truth | None:
    operators = {operator for operator, _, _ in rest}
    if len(operators) == 1 and operators <= {"or", "and"}:
        return _joined(operators.pop() == "or", [_truth(each, focus) for each in (first, *(node for _, node, _ in rest))])
    if len(rest) != 1:
        return None
    ((operator, second, _),) = rest
    if operator == "implies":
        return _implies(_truth(first, focus), _truth(second, focus))
    if operator == "xor":
        return _xor(_truth(first, focus), _truth(second, focus))
    if operator == "in":
        return _among(_values(first, focus), _constants(second))
    return _compared(operator, first, second, focus)


def _joined(stop: bool, parts: list[Truth | None]) -> Truth | None:
    """`or` (which one true part settles) and `and` (which one false part settles)."""
    if not any(parts):
        return None
    tests = [_unsure if part is None else part for part in parts]

    def truth(item: Any, resource: Resource) -> bool | None:
        empty = unsure = False
        for test in tests:
            try:
                value = test(item, resource)
            except UnsureError:
                unsure = True
                continue
            if value is stop:
                return stop
            empty |= value is None
        if unsure:
            raise UnsureError
        return None if empty else not stop

    return truth


def _unsure(item: Any, resource: Resource) -> bool | None:
    raise UnsureError


def _implies(left: Truth | None, right: Truth | None) -> Truth | None:
    if left is None:
        return None
    when, then = left, right or _unsure

    def truth(item: Any, resource: Resource) -> bool | None:
        value = when(item, resource)
        if value is False:
            return True
        told = then(item, resource)
        return told if value or told else None

    return truth


def _xor(left: Truth | None, right: Truth | None) -> Truth | None:
    if left is None or right is None:
        return None
    one, other = left, right

    def truth(item: Any, resource: Resource) -> bool | None:
        a, b = one(item, resource), other(item, resource)
        return None if a is None or b is None else a is not b

    return truth


_NUMBERS: Final[dict[str, Callable[[int, int], bool]]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


def _compared(operator: str, first: Node, second: Node, focus: str) -> Truth | None:
    a, b = _values(first, focus, mixed=operator == "="), _values(second, focus)
    if a is None or b is None or a[1] != b[1]:
        return None
    left, right = a[0], b[0]
    if operator in ("=", "!="):
        equal = operator == "="

        def same(item: Any, resource: Resource) -> bool | None:
            one, other = left(item, resource), right(item, resource)
            return None if not one or not other else (one == other) is equal

        return same
    compare = _NUMBERS.get(operator)
    if compare is None or a[1] != "whole":
        return None
    holds_for = compare

    def ordered(item: Any, resource: Resource) -> bool | None:
        one, other = left(item, resource), right(item, resource)
        if len(one) > 1 or len(other) > 1:
            raise UnsureError
        return None if not one or not other else holds_for(one[0], other[0])

    return ordered


def _among(value: tuple[Get, str] | None, constants: frozenset[str]) -> Truth | None:
    if value is None or value[1] != "text" or not constants:
        return None
    get = value[0]

    def truth(item: Any, resource: Resource) -> bool | None:
        found = get(item, resource)
        if len(found) > 1:
            raise UnsureError
        return found[0] in constants if found else None

    return truth


def _constants(node: Node) -> frozenset[str]:
    """The texts of `('a' | 'b')`; empty for anything else."""
    parts = (
        (node.first, *(each for operator, each, _ in node.rest if operator == "|")) if isinstance(node, Chain) else (node,)
    )
    texts = [each.value for each in parts if isinstance(each, Literal) and isinstance(each.value, str)]
    return (
        frozenset(texts)
        if len(texts) == len(parts) == 1 + (len(node.rest) if isinstance(node, Chain) else 0)
        else frozenset()
    )


def _values(node: Node, focus: str, *, mixed: bool = False) -> tuple[Get, str] | None:
    """What gives the values to be compared, and their kind: "text", "whole" or "truth". `mixed`: objects beside texts will do."""
    match node:
        case Literal(value=bool(value)):
            return (lambda item, resource: [value]), "truth"
        case Literal(value=str(value)):
            return (lambda item, resource: [value]), "text"
        case Literal(value=int(value)):
            return (lambda item, resource: [value]), "whole"
        case Call(name="count", target=target, arguments=()) if target is not None:
            path = path_of(target, focus, _truth)
            return None if path is None else (_counted(path.get), "whole")
        case Call(name="length", target=target, arguments=()) if target is not None:
            text = _values(target, focus)
            return None if text is None or text[1] != "text" else (_length(text[0]), "whole")
        case Call(name="toString", target=target, arguments=()) if target is not None:
            path = path_of(target, focus, _truth)
            return None if path is None or path.type not in _WRITTEN else (path.get, "text")
        case Chain(first=first, rest=rest) if all(operator == "+" for operator, _, _ in rest):
            return _sum([_values(each, focus) for each in (first, *(each for _, each, _ in rest))])
    test = _truth(node, focus)
    if test is not None:
        return _listed(test), "truth"
    path = path_of(node, focus, _truth)
    if path is None:
        return None
    kind = "text" if mixed and path.type == MIXED else _kind(path)
    return None if kind is None else (path.get, kind)


def _kind(path: Path) -> str | None:
    if path.type in STRING_TYPES:
        return "text"
    return "whole" if path.type in INTEGER_TYPES else "truth" if path.type == "boolean" else None


_WRITTEN: Final = STRING_TYPES | {"date"}
"""What toString() leaves as it is written in JSON."""


def _length(get: Get) -> Get:
    def length(item: Any, resource: Resource) -> list[Any]:
        found = get(item, resource)
        if len(found) > 1 or not all(isinstance(each, str) for each in found):
            raise UnsureError
        return [len(each) for each in found]

    return length


def _counted(get: Get) -> Get:
    return lambda item, resource: [len(get(item, resource))]


def _listed(test: Truth) -> Get:
    def get(item: Any, resource: Resource) -> list[Any]:
        value = test(item, resource)
        return [] if value is None else [value]

    return get


def _sum(parts: list[tuple[Get, str] | None]) -> tuple[Get, str] | None:
    gets = [each[0] for each in parts if each is not None and each[1] == "whole"]
    if len(gets) != len(parts):
        return None

    def get(item: Any, resource: Resource) -> list[Any]:
        found = [each(item, resource) for each in gets]
        if any(len(each) > 1 for each in found):
            raise UnsureError
        return [sum(each[0] for each in found)] if all(found) else []

    return get, "whole"


# -- functions -----------------------------------------------------------------------------------------------------------


def _call(node: Call, focus: str) -> Truth | None:
    match node:
        case Call(name="not", target=target, arguments=()) if target is not None:
            return _not(_truth(target, focus))
        case Call(name="exists" | "empty", arguments=()):
            path = path_of(node.target, focus, _truth)
            return None if path is None else _there(path.get, node.name == "exists")
        case Call(name="exists", arguments=(condition,)):
            return _call(Call(0, Call(0, node.target, "where", (condition,)), "exists", ()), focus)
        case Call(name="all", arguments=(condition,)):
            path = path_of(node.target, focus, _truth)
            test = None if path is None or not path.type else _truth(condition, path.type)
            return None if path is None or test is None else _all(path.get, test)
        case Call(name="hasValue", arguments=()):
            path = path_of(node.target, focus, _truth)
            return None if path is None or _kind(path) is None else _one_there(path.get)
        case Call(name="startsWith" | "contains", arguments=(Literal(value=str(part)),)):
            path = path_of(node.target, focus, _truth)
            return None if path is None or _kind(path) != "text" else _has(path.get, part, node.name == "startsWith")
        case Call(name="matches", arguments=(Literal(value=str(pattern)),)):
            path = path_of(node.target, focus, _truth)
            form = _ONE_CLASS.fullmatch(pattern)
            return None if path is None or form is None or _kind(path) != "text" else _of_form(path.get, form[1])
    return None


_ONE_CLASS: Final = re.compile(r"\^(\[(?:\w-\w|\w)+\](?:\{\d{1,3}(?:,\d{1,3})?\}|\+)?)\$", re.ASCII)
"""Patterns of one class of characters, from the start to the end, which Python's own expressions match in linear time."""


def _of_form(get: Get, pattern: str) -> Truth:
    match = re.compile(pattern).fullmatch

    def truth(item: Any, resource: Resource) -> bool | None:
        found = get(item, resource)
        if len(found) > 1:
            raise UnsureError
        return match(found[0]) is not None if found else None

    return truth


def _not(test: Truth | None) -> Truth | None:
    if test is None:
        return None
    inner = test

    def truth(item: Any, resource: Resource) -> bool | None:
        value = inner(item, resource)
        return None if value is None else not value

    return truth


def _there(get: Get, wanted: bool) -> Truth:
    return lambda item, resource: bool(get(item, resource)) is wanted


def _one_there(get: Get) -> Truth:
    return lambda item, resource: len(get(item, resource)) == 1


def _all(get: Get, test: Truth) -> Truth:
    def truth(item: Any, resource: Resource) -> bool | None:
        for each in get(item, resource):
            if test(each, resource) is not True:
                raise UnsureError
        return True

    return truth


def _has(get: Get, part: str, start: bool) -> Truth:
    def truth(item: Any, resource: Resource) -> bool | None:
        found = get(item, resource)
        if len(found) > 1:
            raise UnsureError
        return None if not found else found[0].startswith(part) if start else part in found[0]

    return truth
