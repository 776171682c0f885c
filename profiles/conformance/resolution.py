"""References as R4 itself asks: targets that are at hand must exist and be of a type that may stand there (FHIR R4 2.3, 2.36.4)."""

from __future__ import annotations

from profiles.conformance.context import Context, Item
from profiles.fhirpath.model import ancestors


def check_reference(item: Item, context: Context, targets: frozenset[str]) -> None:
    """Hold a Reference's target, where it is at hand, against the types that may stand there."""
    value = item.value
    text = value.get("reference")
    if not isinstance(text, str):
        return
    found = context.resolve(text)
    if found is None:
        return
    name = found[0].get("resourceType")
    where = (item.path, "reference", -1)
    if not isinstance(name, str):
        return
    if targets and "Resource" not in targets and targets.isdisjoint(ancestors(name)):
        context.add("reference-target", f"The reference may only point at {', '.join(sorted(targets))}.", where)
    told = value.get("type")
    if isinstance(told, str) and told.rpartition("/")[2] != name:
        context.add("reference-target", "The target is of another type than the reference tells.", (item.path, "type", -1))
