"""Applying whole profiles: finding, reading and holding a resource or data type against them, with cycles and cost bounded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from profiles.conformance import plans
from profiles.conformance.context import MAX_NESTED, Context, EnoughError, Item, Pair, Run, SettledError, Trial
from profiles.conformance.definitions import Definitions
from profiles.conformance.findings import Finding
from profiles.conformance.invariants import Check
from profiles.conformance.nodes import Tree, TreeError, short_name, short_names, tree_of
from profiles.definitions.snapshot import TYPES, SnapshotError, snapshot_of
from profiles.fhirpath.model import ancestors, is_fhir_type
from profiles.json import Json, Resource

_EXPLAINED: Final = 2
"""How deep inside other checks a fault is looked for: what is told there is a part of another reason."""
_MOST_TRIED: Final = 4
"""Profiles that a resource is held against once more to tell where it goes wrong."""
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
    run = context.run
    if is_base(canonical):
        if base_type(canonical) not in ancestors(item.type):
            context.add("type-invalid", f"The element must be a {base_type(canonical)}.", item.path, rule=canonical)
        return
    key = _pair(canonical, item, run)
    if key in run.done or context.depth > MAX_NESTED:
        return
    run.done.add(key)
    kept = run.trials.get(key)
    if kept is not None and kept.path == item.path:
        run.done |= kept.done
        context.repeat(kept.findings)
        return
    undecided, before = key not in run.verdicts, len(context.sink)
    run.verdicts.setdefault(key, True)
    try:
        _apply(canonical, item, context)
    except SettledError:
        if undecided:
            run.verdicts[key] = False
        raise
    if undecided:
        run.verdicts[key] = not _has_errors(context.sink[before:])


def _apply(canonical: str, item: Item, context: Context) -> None:
    try:
        found = tree(canonical, context.run)
    except TreeError as error:
        text = f"The profile {short_name(canonical)} cannot be used as it is defined. {error}"
        context.add("profile-unusable", text, item.path, rule=canonical)
        return
    if found is None:
        severity = context.run.options.unknown_profile
        text = "The profile is not known here, so nothing was checked by it: install its package, or store it."
        context.add("profile-unknown", text, item.path, severity, rule=canonical)
    elif found.type_name not in ancestors(item.type):
        text = f"The profile {short_name(canonical)} is for {found.type_name}, and the element is none."
        context.add("type-invalid", text, item.path, rule=canonical)
    else:
        plans.hold(found.root, item, context)


def _pair(canonical: str, item: Item, run: Run) -> Pair:
    """A value and a profile, whatever canonicals the profile is known by (with its version, and without)."""
    found = _usable(canonical, run)
    return id(item.value), canonical if found is None else id(found)


def _usable(canonical: str, run: Run) -> Tree | None:
    """The profile, where it is known and can be used."""
    try:
        return tree(canonical, run)
    except TreeError:
        return None


def _has_errors(findings: list[Finding]) -> bool:
    return any(each.severity in ("error", "fatal") for each in findings)


def _try(canonical: str, item: Item, trial: Context) -> set[Pair]:
    """Hold an element against a profile as if nothing had been held before; the pairs that were looked at."""
    run = trial.run
    outer, run.done = run.done, set()
    try:
        apply(canonical, item, trial)
    except SettledError:
        pass  # the error is in the trial's sink
    except EnoughError:
        if run.exhausted:
            raise
    finally:
        inner, run.done = run.done, outer
    return inner


def conforms(canonical: str, item: Item, context: Context) -> bool:
    """Whether an element conforms to a profile: no error is found. A pair that is still being looked at is taken to conform."""
    run = context.run
    found = _usable(canonical, run)
    if found is not None and found.type_name not in ancestors(item.type):
        return False
    key: Pair = id(item.value), canonical if found is None else id(found)
    verdicts = run.verdicts
    if key not in verdicts:
        verdicts[key] = True
        trial = context.trial(asks=True)
        inner = _try(canonical, item, trial)
        verdicts[key] = not _has_errors(trial.sink)
        if verdicts[key]:
            run.trials[key] = Trial(item.path, trial.sink, inner)
    return verdicts[key]


def conforms_to_one(profiles: tuple[str, ...]) -> Check:
    """The check that an element conforms to a profile, or to at least one of several."""

    def check(item: Item, context: Context) -> None:
        there = inside(item, context)
        if len(profiles) == 1:
            apply(profiles[0], item, there)
        elif not any(conforms(each, item, there) for each in likeliest_first(profiles, item.value)):
            text = f"The element conforms to none of the profiles that are allowed here ({short_names(profiles)})."
            explained = context.run.options.explained
            context.add("profile-none", text + (first_fault(profiles, item, there) if explained else ""), item.path)

    return check


def first_fault(profiles: Sequence[str], item: Item, context: Context) -> str:
    """A sentence on where an element goes wrong first, by the profile that it departs least from; or nothing."""
    if context.depth > _EXPLAINED or context.asks:
        return ""
    tried = [(each, _faults(each, item, context)) for each in likeliest_first(profiles, item.value)[:_MOST_TRIED]]
    if not tried or not all(faults for _, faults in tried):
        return ""
    nearest, faults = min(tried, key=lambda each: len(each[1]))
    rule = f", by {faults[0].rule}" if faults[0].rule is not None else ""
    by = f" by {short_name(nearest)}" if len(tried) > 1 else ""
    return f" The first fault{by}: {faults[0].expression}{rule}."


def _faults(canonical: str, item: Item, context: Context) -> list[Finding]:
    """The errors that holding an element against a profile finds, without any of it being told."""
    trial = context.trial(asks=False)
    trial.depth = max(trial.depth, _EXPLAINED + 1)  # explains nothing in turn
    _try(canonical, item, trial)
    return [each for each in trial.sink if each.severity == "error"]


def likeliest_first(profiles: Sequence[str], value: Json) -> list[str]:
    """The profiles with those in front that a resource itself claims: one that is met settles the question."""
    meta = value.get("meta") if type(value) is dict else None
    claimed = meta.get("profile") if type(meta) is dict else None
    if type(claimed) is not list:
        return list(profiles)
    bare = [each.partition("|")[0] for each in claimed if type(each) is str]
    return sorted(profiles, key=lambda each: each.partition("|")[0] not in bare)


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
