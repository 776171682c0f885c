"""Discriminators: by what the slices of an element are told apart (FHIR R4 profiling.html#discriminator).

A path is walked twice: in the definition, to find what a slice fixes there, and in the element, to find what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from profiles.conformance import trees, values
from profiles.conformance.context import Context, Item
from profiles.conformance.elements import items_of
from profiles.conformance.nodes import Node, TreeError
from profiles.definitions.snapshot import TYPES
from profiles.fhirpath.model import ancestors
from profiles.json import Resource

Test = Callable[[Item, Context], bool]

_STEP: Final = re.compile(
    r"extension\('(?P<url>[^']*)'\)|ofType\((?P<type>\w+)\)|(?P<resolve>resolve\(\))|(?P<name>[\w$]+)(?:\[x\])?\.?"
)
_DEEPEST: Final = 8


def slice_test(slice_: Node, discriminators: Sequence[Resource], context: Context) -> Test | None:
    """Whether an item belongs to a slice; None if the definition gives nothing to tell by."""
    tests: list[Test] = []
    for each in discriminators:
        test = _test(slice_, str(each.get("type", "value")), str(each.get("path", "$this")), context)
        if test is None:
            return None
        tests.append(test)
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else lambda item, where: all(test(item, where) for test in tests)


def _test(slice_: Node, kind: str, path: str, context: Context) -> Test | None:
    steps = [match for match in _STEP.finditer(path.replace('"', "'")) if match["name"] != "$this"]
    nodes = _defined([slice_], steps, context)
    if kind == "exists":
        return _exists(nodes, steps)
    if not nodes:
        return None
    if kind == "type":
        return _typed(nodes, steps)
    if kind == "profile":
        return _profiled(nodes, steps)
    return _valued(nodes, steps, context)


def _defined(nodes: list[Node], steps: list[re.Match[str]], context: Context) -> list[Node]:
    """The nodes of the definition that a path leads to."""
    for step in steps:
        if step["url"] is not None:
            nodes = [each for node in nodes for each in _extension_nodes(node, step["url"], context)]
        elif step["resolve"] is not None:
            nodes = [root for node in nodes for root in _roots(node, targets=True, context=context)]
        elif step["name"] is not None:
            nodes = [child for node in nodes for child in _children(node, step["name"], context)]
    return nodes


def _children(node: Node, name: str, context: Context) -> Iterator[Node]:
    holders = [node] if name in node.children else _roots(node, targets=False, context=context)
    for holder in holders:
        child = holder.children.get(name)
        if child is not None:
            yield child
            yield from (each for each in child.slices if each.min > 0)


def _roots(node: Node, *, targets: bool, context: Context) -> list[Node]:
    """The roots of the profiles that a node's types name; of the types themselves where they name none."""
    roots: list[Node] = []
    for each in node.types:
        canonicals = each.targets if targets else (each.profiles or (f"{TYPES}{each.code}",))
        for canonical in canonicals:
            try:
                found = trees.tree(canonical, context.run)
            except TreeError:
                found = None
            if found is not None:
                roots.append(found.root)
    return roots


def _extension_nodes(node: Node, url: str, context: Context) -> Iterator[Node]:
    for child in _children(node, "extension", context):
        for each in (child, *child.slices):
            if extension_url(each) == url:
                yield each
                return


def extension_url(node: Node) -> str | None:
    """The URL of the extension that a slice stands for: of its profile, or fixed in it."""
    for each in node.types:
        if each.profiles:
            return each.profiles[0].partition("|")[0]
    url = node.children.get("url")
    fixed = url.fixed or url.pattern if url is not None else None
    return fixed[0] if fixed is not None and isinstance(fixed[0], str) else None


def _found(item: Item, steps: list[re.Match[str]], context: Context) -> list[Item]:
    """The elements of an item that a path leads to."""
    items = [item]
    for step in steps:
        if step["url"] is not None:
            extensions = [each for one in items for each in items_of(one.value, one.extra, one.type, "extension", one.path)]
            items = [each for each in extensions if isinstance(each.value, dict) and each.value.get("url") == step["url"]]
        elif step["resolve"] is not None:
            items = [target for one in items for target in _resolved(one, context)]
        elif step["type"] is not None:
            items = [one for one in items if one.type == step["type"]]
        elif step["name"] is not None:
            name = step["name"]
            items = [each for one in items for each in items_of(one.value, one.extra, one.type, name, one.path)]
    return items


def _resolved(item: Item, context: Context) -> Iterator[Item]:
    text = item.value.get("reference") if isinstance(item.value, dict) else item.value
    found = context.resolve(text) if isinstance(text, str) else None
    if found is not None:
        name = str(found[0].get("resourceType"))
        yield Item(found[0], None, name, context.run.places.get(id(found[0]), (None, name, -1)))


def _exists(nodes: list[Node], steps: list[re.Match[str]]) -> Test | None:
    if not nodes:
        return None
    wanted = not any(node.max == 0 for node in nodes)
    return lambda item, context: bool(_found(item, steps, context)) == wanted


def _typed(nodes: list[Node], steps: list[re.Match[str]]) -> Test:
    codes = {each.code for node in nodes for each in node.types} | {node.path for node in nodes if not node.types}
    return lambda item, context: any(not codes.isdisjoint(ancestors(each.type)) for each in _found(item, steps, context))


def _profiled(nodes: list[Node], steps: list[re.Match[str]]) -> Test | None:
    canonicals = [profile for node in nodes for each in node.types for profile in (*each.profiles, *each.targets)]
    if not canonicals:
        return None

    def test(item: Item, context: Context) -> bool:
        found = [target for each in _found(item, steps, context) for target in (list(_resolved(each, context)) or [each])]
        return any(
            trees.conforms(canonical, each, trees.inside(each, context)) for each in found for canonical in canonicals
        )

    return test


def _valued(nodes: list[Node], steps: list[re.Match[str]], context: Context) -> Test | None:
    tests = [test for test in (_constant(node, context, 0) for node in nodes) if test is not None]
    if not tests:
        return _exists(nodes, steps) if any(node.max == 0 for node in nodes) else None

    def test(item: Item, where: Context) -> bool:
        found = _found(item, steps, where)
        return all(any(each(one, where) for one in found) for each in tests)

    return test


def _constant(node: Node, context: Context, depth: int) -> Test | None:
    """Whether an item has what a node and those below it fix; None if they fix nothing."""
    if depth > _DEEPEST:
        return None
    tests = list(_own_constant(node))
    for child in node.children.values():
        for each in (child, *(one for one in child.slices if one.min > 0)):
            below = _constant(each, context, depth + 1)
            if below is not None and (each.min > 0 or each is not child):
                tests.append(_some(child.name, below))
    if not tests:
        for type_ in node.types:
            if type_.profiles and type_.code != "Extension":
                roots = _roots(node, targets=False, context=context)
                found = [test for test in (_constant(root, context, depth + 1) for root in roots) if test is not None]
                return found[0] if found else None
        if node.binding is not None and node.binding.strength == "required":
            return _bound(node.binding.value_set)
        return None
    return lambda item, where: all(test(item, where) for test in tests)


def _own_constant(node: Node) -> Iterator[Test]:
    if node.fixed is not None:
        fixed = node.fixed[0]
        yield lambda item, context: values.equals(item.value, fixed)
    if node.pattern is not None:
        fits = values.matcher(node.pattern[0])
        yield lambda item, context: fits(item.value)


def _some(name: str, below: Test) -> Test:
    return lambda item, context: any(
        below(each, context) for each in items_of(item.value, item.extra, item.type, name, item.path)
    )


def _bound(value_set: str) -> Test:
    def test(item: Item, context: Context) -> bool:
        value = item.value
        codings = value.get("coding", []) if isinstance(value, dict) and item.type == "CodeableConcept" else [value]
        for each in codings if isinstance(codings, list) else []:
            system, code = (each.get("system"), each.get("code")) if isinstance(each, dict) else (None, each)
            if not isinstance(system, str):
                system = None
            if isinstance(code, str) and context.run.terminology.validate_code(value_set, system, code).member:
                return True
        return False

    return test
