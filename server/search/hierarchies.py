"""Which references form hierarchies (R4 search 3.1.1.4.14): those that lead to the same type, and that R4 marks as strict.

The marks are `structuredefinition-hierarchy` = true in R4's own StructureDefinitions. StructureDefinition.baseDefinition has it as
well and is left out: `:below` of canonical references tells versions (3.1.1.4.13).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from profiles.search_parameters import SearchParameter

PARENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "CarePlan": ("part-of", "based-on", "replaces"),
    "Encounter": ("part-of",),
    "Location": ("partof",),
    "Organization": ("partof",),
}
"""Type -> the parameters by which its resources name what is above them, the one that others go by first."""

VERSION: Final = "version"
"""What `:below` of a canonical reference is in a tree: the URL in every version that begins as the one given."""


def leads_up(parameter: SearchParameter) -> bool:
    """Whether a reference parameter leads into a hierarchy, so that it takes `:above` and `:below`."""
    return "Reference" in parameter.kinds and bool(hierarchical(parameter.targets))


def hierarchical(targets: frozenset[str]) -> frozenset[str]:
    """Those of the types that a reference may point at which have a hierarchy; no types are all."""
    return targets & PARENTS.keys() if targets else frozenset(PARENTS)


def parent_code(type_: str, code: str, target: str) -> str:
    """By which parameter of the target to go on from a parameter: by itself, where it is one of those of a hierarchy."""
    codes = PARENTS[target]
    return code if target == type_ and code in codes else codes[0]
