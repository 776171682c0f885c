"""References against what a profile lets them point at (FHIR R4 references.html, elementdefinition.html#type).

Targets that are at hand (contained, in the Bundle, or found by the caller's resolver) are held against the target profiles; of
others only the type that their address tells is checked.
"""

from __future__ import annotations

from profiles.conformance import trees
from profiles.conformance.context import Context, Item
from profiles.conformance.invariants import Check
from profiles.conformance.nodes import NodeType, short_names
from profiles.fhirpath.model import ancestors
from profiles.json import Resource
from profiles.references import parse_reference


def target_check(types: tuple[NodeType, ...]) -> Check:
    """The check of a Reference (or canonical) element whose types name target profiles."""
    targets = tuple(target for each in types for target in each.targets)
    aggregation = frozenset(mode for each in types for mode in each.aggregation)
    versioning = {each.versioning for each in types}

    def check(item: Item, context: Context) -> None:
        value = item.value
        if isinstance(value, str):
            _check_canonical(value, targets, item, context)
        text = value.get("reference") if isinstance(value, dict) else None
        if not isinstance(text, str):
            return
        if "either" not in versioning:
            _check_versioning(text, "specific" in versioning, item, context)
        found = context.resolve(text)
        if aggregation and context.run.options.aggregation:
            _check_aggregation(text, aggregation, item, context, found is not None)
        if found is None:
            _check_address(text, value.get("type"), targets, item, context)
        elif not any(_is_target(target, found[0], found[1]) for target in trees.likeliest_first(targets, found[0])):
            text = f"The target conforms to none of the profiles that are allowed here ({short_names(targets)})."
            context.add("reference-target", text + _first_fault(targets, found[0], found[1]), item.path)

    return check


def _first_fault(targets: tuple[str, ...], resource: Resource, context: Context) -> str:
    """Where the target goes wrong first, by the profile that it can be meant for."""
    name = resource.get("resourceType")
    if not isinstance(name, str):
        return ""
    meant = [each for each in targets if not trees.is_base(each) and _type_of(each, context) in ancestors(name)]
    place = context.run.places.get(id(resource), (None, name, -1))
    return trees.first_fault(meant, Item(resource, None, name, place), context)


def _is_target(canonical: str, resource: Resource, context: Context) -> bool:
    name = resource.get("resourceType")
    if not isinstance(name, str):
        return False
    if trees.is_base(canonical):
        return trees.base_type(canonical) in ancestors(name)
    place = context.run.places.get(id(resource), (None, name, -1))
    return trees.conforms(canonical, Item(resource, None, name, place), context)


def _check_canonical(text: str, targets: tuple[str, ...], item: Item, context: Context) -> None:
    """A canonical whose resource is at hand: contained, or among the definitions."""
    if text.startswith("#"):
        contained = context.resolve(text)
        found = None if contained is None else contained[0]
    else:
        kinds = [name for name in (_type_of(target, context) for target in targets) if name is not None]
        found = next((each for kind in kinds if (each := context.run.definitions.find(kind, text)) is not None), None)
        found = found or context.run.definitions.any_of(text)
    if found is not None and not any(_is_target(target, found, context) for target in targets):
        text = f"The canonical names a resource of a kind that is not allowed here ({short_names(targets)})."
        context.add("reference-target", text, item.path)


def _check_versioning(text: str, specific: bool, item: Item, context: Context) -> None:
    parsed = parse_reference(text)
    if parsed is None or parsed.kind not in ("relative", "absolute") or parsed.type is None:
        return
    if specific and parsed.version is None:
        context.add("reference-target", "The profile wants a reference to one version of the target.", item.path)
    elif not specific and parsed.version is not None:
        context.add("reference-target", "The profile wants a reference without a version.", item.path)


def _check_address(text: str, told: object, targets: tuple[str, ...], item: Item, context: Context) -> None:
    parsed = parse_reference(text)
    name = parsed.type if parsed is not None and parsed.type is not None else told
    if not isinstance(name, str) or not ancestors(name):
        return
    allowed = [_type_of(target, context) for target in targets]
    if None not in allowed and not any(each in ancestors(name) for each in allowed):
        names = ", ".join(sorted({each for each in allowed if each is not None}))
        context.add("reference-target", f"The profile allows references to these types only: {names}.", item.path)


def _type_of(canonical: str, context: Context) -> str | None:
    if trees.is_base(canonical):
        return trees.base_type(canonical)
    definition = context.run.definitions.structure(canonical)
    name = None if definition is None else definition.get("type")
    return name if isinstance(name, str) else None


def _check_aggregation(text: str, modes: frozenset[str], item: Item, context: Context, here: bool) -> None:
    mode = "contained" if text.startswith("#") else "bundled" if here and context.bundle is not None else "referenced"
    if mode not in modes and not (mode == "bundled" and "referenced" in modes):
        allowed = ", ".join(sorted(modes))
        context.add("reference-target", f"The profile wants the target to be {allowed}; it is {mode}.", item.path)
