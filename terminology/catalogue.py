"""Where content comes from: code systems, supplements, value sets and concept maps by canonical URL.

`Catalogue` is what the engine asks; it offers every version that is there, and the one that is taken is made ready then.
`MemoryCatalogue` holds what was added to it; `Layers` puts one in front of another (a request's `tx-resource`s before the
server's content). All of it is synchronous: how a server brings content here that it keeps elsewhere is
operations/terminology/content.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar

from terminology.code_system import CodeSystem
from terminology.compile_code_system import compile_code_system
from terminology.elements import Resource, text
from terminology.value_set import ValueSet, read_value_set

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Offer(Protocol[T_co]):
    """One version of a definition. `content` is that of a code system (`complete`, `not-present`)."""

    @property
    def version(self) -> str | None: ...
    @property
    def content(self) -> str: ...
    @property
    def is_ready(self) -> bool:
        """Whether taking it costs nothing."""

    def take(self) -> T_co:
        """The definition itself, made ready at the first call. Raises TerminologyError where it is broken."""


class Catalogue(Protocol):
    """Content by URL, without versions: every version that is there, in any order, each once."""

    def code_systems(self, url: str) -> Sequence[Offer[CodeSystem]]:
        """The versions of a code system (never supplements)."""

    def supplements(self, url: str) -> Sequence[Offer[Resource]]:
        """The versions of a supplement, by the supplement's own URL."""

    def value_sets(self, url: str) -> Sequence[Offer[ValueSet]]:
        """The versions of a value set."""

    def concept_maps(self) -> Iterable[Resource]:
        """Every concept map."""


class Made(Generic[T]):
    """An `Offer` that is made when it is first taken; callers from other threads meanwhile wait for it."""

    __slots__ = ("_kept", "_make", "_making", "content", "version")

    def __init__(self, version: str | None, make: Callable[[], T], content: str = "complete") -> None:
        self.version = version
        self.content = content
        self._make: Callable[[], T] | None = make
        self._kept: list[T] = []
        self._making = Lock()

    @property
    def is_ready(self) -> bool:
        return bool(self._kept)

    def take(self) -> T:
        if not self._kept:
            with self._making:
                if self._make is not None:
                    self._kept.append(self._make())
                    self._make = None  # and with it what it was made from
        return self._kept[0]


class MemoryCatalogue:
    """Content held in memory. A resource of the same URL and version replaces the one before."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._systems: dict[str, dict[str | None, Made[CodeSystem]]] = {}
        self._supplements: dict[str, dict[str | None, Made[Resource]]] = {}
        self._value_sets: dict[str, dict[str | None, Made[ValueSet]]] = {}
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
                self._supplements.setdefault(url, {})[version] = Made(version, lambda: resource, "supplement")
            case "CodeSystem":
                content = text(resource, "content") or "complete"
                self.add_system(url, version, lambda: compile_code_system(resource), content)
            case "ValueSet":
                self._value_sets.setdefault(url, {})[version] = Made(version, lambda: read_value_set(resource))
            case "ConceptMap":
                self._maps.append(resource)

    def add_system(
        self, url: str, version: str | None, compile: Callable[[], CodeSystem], content: str = "complete"
    ) -> None:
        """Adds a code system that is made when it is first taken."""
        self._systems.setdefault(url, {})[version] = Made(version, compile, content)

    def code_systems(self, url: str) -> Sequence[Made[CodeSystem]]:
        return list(self._systems.get(url, {}).values())

    def supplements(self, url: str) -> Sequence[Made[Resource]]:
        return list(self._supplements.get(url, {}).values())

    def value_sets(self, url: str) -> Sequence[Made[ValueSet]]:
        return list(self._value_sets.get(url, {}).values())

    def concept_maps(self) -> Iterable[Resource]:
        return self._maps


class Layers:
    """Several catalogues as one; where URL and version are the same, the earlier one counts."""

    def __init__(self, *catalogues: Catalogue) -> None:
        self._catalogues = catalogues

    def code_systems(self, url: str) -> Sequence[Offer[CodeSystem]]:
        return first_of_each([one for layer in self._catalogues for one in layer.code_systems(url)])

    def supplements(self, url: str) -> Sequence[Offer[Resource]]:
        return first_of_each([one for layer in self._catalogues for one in layer.supplements(url)])

    def value_sets(self, url: str) -> Sequence[Offer[ValueSet]]:
        return first_of_each([one for layer in self._catalogues for one in layer.value_sets(url)])

    def concept_maps(self) -> Iterable[Resource]:
        for layer in self._catalogues:
            yield from layer.concept_maps()


def first_of_each(offers: Sequence[Offer[T]]) -> Sequence[Offer[T]]:
    """Each version once: the first that is offered of it."""
    if len(offers) < 2:
        return offers
    found: dict[str | None, Offer[T]] = {}
    for offer in offers:
        found.setdefault(offer.version, offer)
    return list(found.values())
