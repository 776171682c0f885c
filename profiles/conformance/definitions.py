"""The conformance resources that a validation may use, by canonical URL and version (FHIR R4 references.html#canonical).

Layers: one made with `above` sees everything of the layer above and adds its own, so that tests, tenants and packages do not
touch each other. Types of R4 itself are always there, made from our tables (profiles/definitions/r4.py). A layer may have a
source, which is asked for what was not added when it is first wanted (profiles/library).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from profiles.conformance.packages import read_package
from profiles.conformance.reading import items_in
from profiles.definitions.r4 import base_definition
from profiles.json import Json, Resource

Made = TypeVar("Made")
Source = Callable[[str, str], Sequence[Resource]]
"""All versions of a definition, by its kind and URL, the preferred one first; the same objects at every call."""

_LONGEST: Final = 300
_MOST: Final = 8192
"""Canonicals that are remembered, found or not; longer ones are sought each time."""
_KINDS: Final = frozenset(
    {
        "StructureDefinition",
        "ValueSet",
        "CodeSystem",
        "Questionnaire",
        "SearchParameter",
        "ConceptMap",
        "ImplementationGuide",
    }
)


class Definitions:
    """A registry. `add` and `load_package` fill it; afterwards it is only read, by any number of threads."""

    def __init__(self, above: Definitions | None = None, *, source: Source | None = None) -> None:
        self._above = above
        self._source = source
        self._by_url: dict[tuple[str, str], list[Resource]] = {}
        self._own: set[int] = set()
        self._made: dict[tuple[object, int], Any] = {}
        self._added = 0
        self._globals: dict[str, tuple[str, ...]] = {}
        self._found: dict[tuple[int, str, str], Resource | None] = {}

    def add(self, resource: Json) -> bool:
        """Take a conformance resource in; false if it is none that has a canonical URL. The last one added is preferred."""
        if not isinstance(resource, dict):
            return False
        kind, url = resource.get("resourceType"), resource.get("url")
        if not isinstance(kind, str) or kind not in _KINDS or not isinstance(url, str):
            return False
        self._by_url.setdefault((kind, url), []).insert(0, resource)
        self._own.add(id(resource))
        self._added += 1
        if kind == "ImplementationGuide":
            for each in items_in(resource, "global"):
                named, profile = each.get("type"), each.get("profile")
                if isinstance(named, str) and isinstance(profile, str):
                    self._globals[named] = (*self._globals.get(named, ()), profile)
        return True

    def global_profiles(self, type_name: str) -> Sequence[str]:
        """The profiles that ImplementationGuides which were added ask of every resource of a type (`global`)."""
        above = self._above.global_profiles(type_name) if self._above is not None else ()
        own = self._globals.get(type_name, ())
        return (*above, *own) if own else above

    def load_package(self, data: bytes) -> int:
        """Take in a FHIR package (.tgz); how many resources it brought. Raises PackageError."""
        return sum(self.add(resource) for resource in read_package(data))

    def find(self, kind: str, canonical: str) -> Resource | None:
        """The resource under `url` or `url|version`; without a version the one that was added last."""
        if len(canonical) > _LONGEST:
            return self._sought(kind, canonical)
        key = (self._edition(), kind, canonical)
        try:
            return self._found[key]
        except KeyError:
            found = self._sought(kind, canonical)
        if found is not None or self._source is None or self._above is None:  # over others, a source notes what is missed
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[key] = found
        return found

    def _edition(self) -> int:
        """How many resources were added so far, here and above: what was found before is not asked for again until one is."""
        return self._added if self._above is None else self._added + self._above._edition()

    def _sought(self, kind: str, canonical: str) -> Resource | None:
        url, _, version = canonical.partition("#")[0].partition("|")
        for resource in self._versions(kind, url):
            if not version or _fits(str(resource.get("version", "")), version):
                return resource
        return self._above.find(kind, canonical) if self._above is not None else None

    def any_of(self, canonical: str) -> Resource | None:
        """The resource under a canonical, of whatever kind."""
        return next((found for kind in sorted(_KINDS) if (found := self.find(kind, canonical)) is not None), None)

    def versions(self, kind: str, url: str) -> list[Resource]:
        """Everything under a URL: this layer's first, and of each layer the preferred version first."""
        above = self._above.versions(kind, url) if self._above is not None else []
        return [*self._versions(kind, url), *above]

    def _versions(self, kind: str, url: str) -> Sequence[Resource]:
        """What this layer itself has under a URL, the preferred version first. What was added comes before the source's."""
        added = self._by_url.get((kind, url), ())
        if self._source is None:
            return added
        given = self._source(kind, url)
        self._own.update(id(each) for each in given)
        return [*added, *given] if added else given

    def structure(self, canonical: str) -> Resource | None:
        """The StructureDefinition under a canonical URL; R4's own types are known without a package."""
        return self.find("StructureDefinition", canonical) or base_definition(canonical)

    @property
    def knows_core_extensions(self) -> bool:
        """Whether R4's package was loaded, so that an extension of its own which is not found does not exist.

        What a source has does not count: the library has R4's extensions, and later editions of them are none the worse.
        """
        loaded = ("StructureDefinition", "http://hl7.org/fhir/StructureDefinition/patient-birthPlace") in self._by_url
        return loaded or (self._above is not None and self._above.knows_core_extensions)

    def made(self, kind: object, resource: Resource, make: Callable[[Resource, Definitions], Made]) -> Made:
        """What `make` makes of a resource and the layer that has it, made once for as long as that layer lives.

        So what a layer keeps rests on its own definitions and those above it, never on those of the layer that asked first.
        """
        if self._above is not None and id(resource) not in self._own:
            return self._above.made(kind, resource, make)
        key = (kind, id(resource))
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = (resource, make(resource, self))  # the resource is kept, so that its id stays its own
        made: Made = found[1]
        return made


def _fits(version: str, wanted: str) -> bool:
    return version == wanted or version.startswith(f"{wanted}.")
