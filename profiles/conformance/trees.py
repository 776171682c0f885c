"""Applying whole profiles: finding, reading and holding a resource or data type against them, with cycles and cost bounded."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from profiles.conformance import plans
from profiles.conformance.context import MAX_NESTED, Context, EnoughError, Item, Run
from profiles.conformance.definitions import Definitions
from profiles.conformance.invariants import Check
from profiles.conformance.nodes import Tree, TreeError, tree_of
from profiles.definitions.snapshot import TYPES, SnapshotError, snapshot_of
from profiles.fhirpath.model import ancestors, is_fhir_type
from profiles.json import Resource

_LONGEST: Final = 200
"""The canonical of a type of R4 is shorter."""


def tree(canonical: str, run: Run) -> Tree | None:
    """The profile under a canonical, ready to use; None if it is not known. Raises TreeError if it is unusable."""
    if canonical not in run.trees:
        definition = run.definitions.structure(canonical)
        run.trees[canonical] = None if definition is None else run.definitions.made("tree", definition, _made)
    made: Tree | TreeError | None = run.trees[canonical]
    if isinstance(made, TreeError):
        raise TreeError(str(made))
    return made


def _made(definition: Resource, definitions: Definitions) -> Tree | TreeError:
    try:
        return tree_of(definition, snapshot_of(definition, definitions.structure))
    except (SnapshotError, TreeError) as error:
        return TreeError(str(error))
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError):
        return TreeError("The definition has not the structure of a StructureDefinition.")


def apply(canonical: str, item: Item, context: Context) -> None:
    """Hold an element or resource against a profile; findings go to the context, once for each pair."""
    key = (id(item.value), canonical)
    if key in context.run.done or context.depth > MAX_NESTED or is_base(canonical):
        if is_base(canonical) and base_type(canonical) not in ancestors(item.type):
            context.add("type-invalid", f"The element must be a {base_type(canonical)}.", item.path, rule=canonical)
        return
    context.run.done.add(key)
    try:
        found = tree(canonical, context.run)
    except TreeError:
        context.add(
            "profile-unusable", "A profile to check against cannot be used as it is defined.", item.path, rule=canonical
        )
        return
    if found is None:
        severity = context.run.options.unknown_profile
        context.add("profile-unknown", "A profile to check against is not known here.", item.path, severity)
    elif found.type_name not in ancestors(item.type):
        text = f"The profile is for {found.type_name}, and the element is none."
        context.add("type-invalid", text, item.path, rule=canonical)
    else:
        before = len(context.sink)
        plans.hold(found.root, item, context)
        if len(context.sink) == before:
            context.run.verdicts.setdefault(key, True)


def conforms(canonical: str, item: Item, context: Context) -> bool:
    """Whether an element conforms to a profile: no error is found. A pair that is still being looked at is taken to conform."""
    key = (id(item.value), canonical)
    verdicts = context.run.verdicts
    if key not in verdicts:
        verdicts[key] = True
        trial = context.trial()
        outer, context.run.done = context.run.done, set()
        try:
            apply(canonical, item, trial)
        except EnoughError:
            if context.run.exhausted:
                raise
        finally:
            inner, context.run.done = context.run.done, outer
        if not trial.sink:
            outer |= inner  # nothing would be said again
        verdicts[key] = not any(each.severity in ("error", "fatal") for each in trial.sink)
    return verdicts[key]


def conforms_to_one(profiles: tuple[str, ...]) -> Check:
    """The check that an element conforms to a profile, or to at least one of several."""

    def check(item: Item, context: Context) -> None:
        there = inside(item, context)
        if len(profiles) == 1:
            apply(profiles[0], item, there)
        elif not any(conforms(each, item, there) for each in profiles):
            context.add("profile-none", "The element conforms to none of the profiles that are allowed here.", item.path)

    return check


def inside(item: Item, context: Context) -> Context:
    """The context for what lies in an element: its own where the element is a resource inside the one at hand."""
    value = item.value
    if not isinstance(value, dict) or "resourceType" not in value or value is context.resource:
        return context
    if item.path[1] == "contained":
        return context.of_contained(value)
    return context.of_standing(value, context.bundle, context.run.holders.get(id(value)))


def is_base(canonical: str) -> bool:
    """Whether a canonical names a type of R4 itself, whose rules are checked anyway."""
    return len(canonical) <= _LONGEST and _names_type(canonical)


@lru_cache(maxsize=4096)
def _names_type(canonical: str) -> bool:
    url = canonical.partition("|")[0]
    return url.startswith(TYPES) and is_fhir_type(url[len(TYPES) :])


def base_type(canonical: str) -> str:
    return canonical.partition("|")[0][len(TYPES) :]
