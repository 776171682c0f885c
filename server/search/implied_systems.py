"""The code systems of plain codes: an element of type `code` names none, its required binding does (R4 search 3.1.1.4.10, `code`).

So `gender=http://hl7.org/fhir/administrative-gender|male` asks for the code `male`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType

from profiles.search_parameters import SearchParameter
from profiles.structure import type_definition, value_set

Asked = tuple[str | None, str]
"""A system (None: any) and a code (empty: any)."""


def without_implied(type_: str, parameter: SearchParameter, asked: Iterable[Asked]) -> list[Asked]:
    """What is asked for, with plain codes where the system is the one that a plain code is of."""
    if parameter.kinds != {"code"}:
        return list(asked)
    systems = _systems(type_, parameter.paths)
    return [found for system, code in asked for found in _plain(system, code, systems)]


def _plain(system: str | None, code: str, systems: Mapping[str, frozenset[str]]) -> Iterator[Asked]:
    known = systems.get(system or "", frozenset())
    if not code and known:
        yield from ((None, one) for one in sorted(known))
    else:
        yield (None if code in known else system), code


@cache
def _systems(type_: str, paths: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """The codes by system of the elements at the paths."""
    found: dict[str, frozenset[str]] = {}
    for path in paths:
        for system, codes in _bound(type_, path).items():
            found[system] = found.get(system, frozenset()) | codes
    return MappingProxyType(found)


def _bound(type_: str, path: str) -> Mapping[str, frozenset[str]]:
    binding: str | None = None
    for name in path.split("."):
        definition = type_definition(type_)
        step = definition.element(name) if definition is not None else None
        if step is None:
            return {}
        binding, type_ = step[0].binding, step[1].code
    return (value_set(binding) if binding is not None else None) or {}
