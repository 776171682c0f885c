"""Slices: which items of a repeating element belong to which, in what order, how many (FHIR R4 profiling.html#slicing)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from profiles.conformance import plans, trees
from profiles.conformance.bound_codes import pointer
from profiles.conformance.context import Context, Item, SettledError
from profiles.conformance.discriminators import Test, extension_url, slice_test
from profiles.conformance.nodes import Node
from profiles.fhirpath.model import ancestors
from profiles.json import Json, Resource

Hold = Callable[[Node, Item, Context], None]

_TOLD: Final = 12
"""Names of slices in one sentence."""


def hold_slices(node: Node, items: list[Item], holder: Item, context: Context, hold: Hold) -> None:
    """Sort the items into the slices of a node, and hold each against the one that it belongs to."""
    belongs = _sorted(node, items, context, hold)
    if _is_strict(node):
        _check_rules(node, items, belongs, context)
    for place in sorted(_required(node).union(belongs)):
        if place < 0:
            continue
        slice_ = node.slices[place]
        own = [item for item, at in zip(items, belongs, strict=True) if at == place]
        _check_count(node, slice_, own, holder, context)
        for item in own:
            if slice_.plans.get(item.type) is not plans.NOTHING:
                hold(slice_, item, trees.inside(item, context))
        if slice_.slices:
            hold_slices(slice_, own, holder, context, hold)


def _required(node: Node) -> frozenset[int]:
    """The places of the slices that must be there."""
    if "required" not in node.plans:
        node.plans["required"] = frozenset(place for place, each in enumerate(node.slices) if each.min > 0)
    found: frozenset[int] = node.plans["required"]
    return found


def _is_strict(node: Node) -> bool:
    """Whether the slicing says anything of order, or of what is in no slice."""
    return node.slicing is not None and (node.slicing.get("rules", "open") != "open" or node.slicing.get("ordered") is True)


def _sorted(node: Node, items: list[Item], context: Context, hold: Hold) -> list[int]:
    """The place of each item's slice among the slices, -1 for none."""
    if node.name in ("extension", "modifierExtension"):
        by_url = _by_url(node)
        if by_url is not None:
            return [_place_of(item.value, by_url) for item in items]
    tests = _tests(node, context, hold)
    belongs = []
    for item in items:
        context.work(4 * len(tests))  # each may walk far into the item
        belongs.append(next((place for place, test in enumerate(tests) if test(item, context)), -1))
    return belongs


def _place_of(extension: Json, by_url: dict[object, int]) -> int:
    url = extension.get("url") if type(extension) is dict else None
    return by_url.get(url, -1) if type(url) is str else -1


def _by_url(node: Node) -> dict[object, int] | None:
    """The places of slices by the URL of their extension; None if one has none."""
    if "urls" not in node.plans:
        urls = [extension_url(each) for each in node.slices]
        node.plans["urls"] = None if None in urls else {url: place for place, url in reversed(list(enumerate(urls)))}
    found: dict[object, int] | None = node.plans["urls"]
    return found


def _tests(node: Node, context: Context, hold: Hold) -> list[Test]:
    made = node.plans.get("slices")
    if made is None:
        discriminators = _discriminators(node)
        made = [_test(node, slice_, discriminators, context, hold) for slice_ in node.slices]
        node.plans["slices"] = made
    tests: list[Test] = made
    return tests


def _discriminators(node: Node) -> list[Resource]:
    found = node.slicing.get("discriminator") if node.slicing is not None else None
    told = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    if told or not node.choice:
        return told
    return [{"type": "type", "path": "$this"}]


def _test(node: Node, slice_: Node, discriminators: list[Resource], context: Context, hold: Hold) -> Test:
    told = slice_test(slice_, discriminators, context)
    if told is not None:
        return told
    if node.choice and slice_.types:
        codes = {each.code for each in slice_.types}
        return lambda item, where: not codes.isdisjoint(ancestors(item.type))

    def conforms(item: Item, where: Context) -> bool:
        trial = where.trial(asks=True)
        kept, where.run.done = where.run.done, set()
        try:
            hold(slice_, item, trial)
        except SettledError:
            return False
        finally:
            where.run.done = kept
        return True

    return conforms


def _check_rules(node: Node, items: list[Item], belongs: list[int], context: Context) -> None:
    slicing = node.slicing or {}
    rules = slicing.get("rules", "open")
    others = [item for item, place in zip(items, belongs, strict=True) if place < 0]
    if rules == "closed":
        for item in others:
            fix = ({"op": "remove", "path": pointer(item.path)},)
            context.add(
                "slicing",
                f"The element is none of those that are allowed as {node.id}: {_names(node)}.",
                item.path,
                rule=node.id,
                fix=fix,
            )
    if rules == "openAtEnd" and others:
        first = belongs.index(-1)
        if any(place >= 0 for place in belongs[first:]):
            context.add(
                "slicing",
                f"What is in no slice of {node.id} must stand behind the slices.",
                items[first].path,
                rule=node.id,
            )
    if slicing.get("ordered") is True:
        latest = -1
        for item, place in zip(items, belongs, strict=True):
            if 0 <= place < latest:
                context.add(
                    "slicing",
                    f"The slices stand in another order than the profile's: {_names(node)}.",
                    item.path,
                    rule=node.id,
                )
                return
            latest = max(latest, place)


def _names(node: Node) -> str:
    names = [each.slice_name for each in node.slices]
    return (", ".join(names[:_TOLD]) or "nothing") + (" and more" if len(names) > _TOLD else "")


def _check_count(node: Node, slice_: Node, own: list[Item], holder: Item, context: Context) -> None:
    if len(own) < slice_.min:
        what = f"Too few of the slice {slice_.id} ({len(own)})" if own else f"The slice {slice_.id} is missing"
        text = f"{what}: the profile {slice_.profile} requires {'it' if slice_.min == 1 else f'at least {slice_.min}'}."
        context.add("required-element", text, (holder.path, node.name, -1), rule=slice_.id)
    if slice_.max is not None and len(own) > slice_.max:
        text = f"Too many of the slice {slice_.id} ({len(own)}): the profile {slice_.profile} allows at most {slice_.max}."
        context.add("cardinality", text, own[slice_.max].path, rule=slice_.id)
