"""How much of a resource is validated before it is stored: a level for each type, of the server and of a tenant.

`off`: its structure, which is always checked. `base`: R4's invariants, bindings, references and extensions as well. `profile`: and the
profiles that it claims in meta.profile. docs/validation.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from profiles.structure import resource_types

Level = Literal["off", "base", "profile"]
Levels = Mapping[str, Level]
"""By resource type; under `*` that of all others."""

LEVELS: Final[tuple[Level, ...]] = ("off", "base", "profile")
EVERY: Final = "*"
OFF: Final[Levels] = {EVERY: "off"}


def parse_levels(text: str) -> Levels:
    """`base`, or `base,Claim=profile,Observation=off`. Raises ValueError."""
    levels: dict[str, Level] = {EVERY: "off"}
    for part in text.split(","):
        left, equals, right = part.strip().partition("=")
        type_, level = (left, right) if equals else (EVERY, left)
        if level not in LEVELS or (type_ != EVERY and type_ not in resource_types()):
            raise ValueError(text)
        levels[type_] = level
    return levels


def level_of(type_: str, tenant: Levels, server: Levels) -> Level:
    """What holds for a type: the tenant's own word comes first, and in each the type's before that for all others."""
    for levels in (tenant, server):
        level = levels.get(type_) or levels.get(EVERY)
        if level is not None:
            return level
    return "off"
