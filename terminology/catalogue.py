"""Where content comes from: code systems, supplements, value sets and concept maps by canonical URL.

`Catalogue` is what the engine asks; `MemoryCatalogue` holds what was added to it, compiled at first use; `Layers` puts one
in front of another (a request's `tx-resource`s before the server's content). All of it is synchronous: a server that keeps
content elsewhere brings it into a MemoryCatalogue first, and learns from `Recorded` what was asked for and is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Protocol, TypeVar

from terminology.code_system import CodeSystem
from terminology.compile_code_system import compile_code_system
from terminology.elements import Resource, text
from terminology.value_set import ValueSet, read_value_set

T = TypeVar("T")


class Catalogue(Protocol):
    """Content by URL, without versions: every version that is there, in any order."""

    def code_systems(self, url: str) -> Sequence[CodeSystem]:
        """The versions of a code system (never supplements)."""

    def supplements(self, url: str) -> Sequence[Resource]:
        """The versions of a supplement, by the supplement's own URL."""

    def value_sets(self, url: str) -> Sequence[ValueSet]:
        """The versions of a value set. Raises TerminologyError where its definition is broken."""

    def concept_maps(self) -> Iterable[Resource]:
        """Every concept map."""


class MemoryCatalogue:
    """Content held in memory. A resource of the same URL and version replaces the one before."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._systems: dict[str, dict[str | None, Callable[[], CodeSystem]]] = {}
        self._supplements: dict[str, dict[str | None, Resource]] = {}
        self._value_sets: dict[str, dict[str | None, Callable[[], ValueSet]]] = {}
        self._maps: list[Resource] = []
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Adds a CodeSystem, ValueSet or ConceptMap that has a URL; anything else is passed over."""
        url, version = text(resource, "url"), text(resource, "version")
        if url is None:
            return
        match resource.get("resourceType"):
            case "CodeSystem" if resource.get("content") == "supplement":
                self._supplements.setdefault(url, {})[version] = resource
            case "CodeSystem":
                self.add_system(url, version, lambda: compile_code_system(resource))
            case "ValueSet":
                self._value_sets.setdefault(url, {})[version] = _once(lambda: read_value_set(resource))
            case "ConceptMap":
                self._maps.append(resource)

    def add_system(self, url: str, version: str | None, compile: Callable[[], CodeSystem]) -> None:
        """Adds a code system that is made when it is first asked for."""
        self._systems.setdefault(url, {})[version] = _once(compile)

    def code_systems(self, url: str) -> Sequence[CodeSystem]:
        return [make() for make in self._systems.get(url, {}).values()]

    def supplements(self, url: str) -> Sequence[Resource]:
        return list(self._supplements.get(url, {}).values())

    def value_sets(self, url: str) -> Sequence[ValueSet]:
        return [make() for make in self._value_sets.get(url, {}).values()]

    def concept_maps(self) -> Iterable[Resource]:
        return self._maps


class Layers:
    """Several catalogues as one; where URL and version are the same, the earlier one counts."""

    def __init__(self, *catalogues: Catalogue) -> None:
        self._catalogues = catalogues

    def code_systems(self, url: str) -> Sequence[CodeSystem]:
        return _first(lambda one: one.version, [one for layer in self._catalogues for one in layer.code_systems(url)])

    def supplements(self, url: str) -> Sequence[Resource]:
        return _first(
            lambda one: text(one, "version"), [one for layer in self._catalogues for one in layer.supplements(url)]
        )

    def value_sets(self, url: str) -> Sequence[ValueSet]:
        return _first(lambda one: one.version, [one for layer in self._catalogues for one in layer.value_sets(url)])

    def concept_maps(self) -> Iterable[Resource]:
        for layer in self._catalogues:
            yield from layer.concept_maps()


class Recorded:
    """A catalogue that remembers what was asked of it: `("CodeSystem", url)`, `("ValueSet", url)`, `("ConceptMap", "")`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.asked: set[tuple[str, str]] = set()

    def code_systems(self, url: str) -> Sequence[CodeSystem]:
        self.asked.add(("CodeSystem", url))
        return self._catalogue.code_systems(url)

    def supplements(self, url: str) -> Sequence[Resource]:
        self.asked.add(("CodeSystem", url))
        return self._catalogue.supplements(url)

    def value_sets(self, url: str) -> Sequence[ValueSet]:
        self.asked.add(("ValueSet", url))
        return self._catalogue.value_sets(url)

    def concept_maps(self) -> Iterable[Resource]:
        self.asked.add(("ConceptMap", ""))
        return self._catalogue.concept_maps()


def _first(version: Callable[[T], str | None], items: Iterable[T]) -> list[T]:
    found: dict[str | None, T] = {}
    for item in items:
        found.setdefault(version(item), item)
    return list(found.values())


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """Makes it at the first call; calls from other threads meanwhile wait for it."""
    kept: list[T] = []
    making = Lock()

    def once() -> T:
        if not kept:
            with making:
                if not kept:
                    kept.append(make())
        return kept[0]

    return once
