"""The code systems and value sets among the definitions at hand, as content of the terminology engine (terminology/catalogue.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from profiles.conformance import Definitions
from profiles.json import Resource
from terminology.catalogue import Made
from terminology.code_system import CodeSystem
from terminology.compile_code_system import compile_code_system
from terminology.elements import text
from terminology.value_set import ValueSet, read_value_set

Form = TypeVar("Form")


class DefinitionCatalogue:
    """A `Catalogue`. What it compiles is kept with the definition."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def code_systems(self, url: str) -> Sequence[Made[CodeSystem]]:
        return [
            self._offer("code-system", each, compile_code_system)
            for each in self._definitions.versions("CodeSystem", url)
            if each.get("content") != "supplement"
        ]

    def supplements(self, url: str) -> Sequence[Made[Resource]]:
        return [
            self._offer("supplement", each, lambda resource: resource)
            for each in self._definitions.versions("CodeSystem", url)
            if each.get("content") == "supplement"
        ]

    def value_sets(self, url: str) -> Sequence[Made[ValueSet]]:
        return [self._offer("value-set", each, read_value_set) for each in self._definitions.versions("ValueSet", url)]

    def concept_maps(self) -> Iterable[Resource]:
        return ()

    def _offer(self, kind: str, resource: Resource, make: Callable[[Resource], Form]) -> Made[Form]:
        def offer(each: Resource, _: Definitions) -> Made[Form]:
            return Made(text(each, "version"), lambda: make(each), text(each, "content") or "complete")

        return self._definitions.made(kind, resource, offer)
