"""What the CapabilityStatement says of searches: includes both ways, what all types are searched by, compartments (R4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from profiles.compartments import compartment_types
from profiles.json import Resource
from profiles.structure import resource_types
from server.search.catalogue import present
from server.search.registry import followed_parameters, indexed_parameters

_COMPARTMENT: Final = "http://hl7.org/fhir/CompartmentDefinition"
_EVERY: Final = "*"


def include_claims(type_: str) -> Resource:
    """`searchInclude` and `searchRevInclude` of a type."""
    own = [f"{type_}:{code}" for code, parameter in followed_parameters(type_).items() if parameter.type == "reference"]
    return {
        **({"searchInclude": [_EVERY, *sorted(own)]} if own else {}),
        "searchRevInclude": [_EVERY, *sorted((*_referring().get(type_, ()), *_own_referring(type_)))],
    }


def _own_referring(type_: str) -> tuple[str, ...]:
    """The tenant's own parameters by which a type may be referred to."""
    return tuple(
        f"{source}:{code}"
        for source, own in present().by_type.items()
        for code, parameter in own.items()
        if parameter.type == "reference" and type_ in parameter.targets
    )


def own_urls() -> Mapping[tuple[str, str], str]:
    """By type and code, the canonical URLs of the tenant's own parameters that can be searched by."""
    known = present()
    return {
        (type_, parameter.code): url
        for (type_, url), parameter in known.named.items()
        if known.by_type.get(type_, {}).get(parameter.code) is parameter
    }


def system_claims() -> Resource:
    """`searchParam` and `compartment` of the whole."""
    common = [{"name": code, "type": parameter.type} for code, parameter in indexed_parameters("Resource").items()]
    return {
        "searchParam": common,
        "compartment": [f"{_COMPARTMENT}/{name.lower()}" for name in sorted(compartment_types())],
    }


@cache
def _referring() -> Mapping[str, tuple[str, ...]]:
    """By type, the parameters of all types by which it may be referred to."""
    found: dict[str, list[str]] = {}
    for source in sorted(resource_types()):
        for code, parameter in indexed_parameters(source).items():
            for target in parameter.targets if parameter.type == "reference" else ():
                found.setdefault(target, []).append(f"{source}:{code}")
    return {target: tuple(names) for target, names in found.items()}
