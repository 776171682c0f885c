"""A compiled code system: columns by position, a dictionary from code to position, parents and children.

FHIR R4 CodeSystem; the properties that the base specification knows by URI (`concept-properties`): status, inactive,
notSelectable, parent, child. A hundred thousand codes take tens of megabytes less this way than as nested resources, and a
check of one code touches one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from terminology.elements import Resource, is_true, withdrawn_or_deprecated
from terminology.versions import canonical_of

CONCEPT_PROPERTIES: Final = "http://hl7.org/fhir/concept-properties#"
PREFERRED: Final[Resource] = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
    "display": "Preferred For Language",
}
_DEEP: Final = 64
_MOST_BELOW: Final = 24
_INACTIVE_STATUSES: Final = frozenset({"retired", "inactive"})


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a concept: its code, the JSON name of its value (`valueCode`), the value."""

    code: str
    value_name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Designation:
    """Another name of a concept. `source`: the supplement that adds it."""

    value: str
    language: str | None = None
    use: Resource | None = None
    extensions: Sequence[Resource] = ()
    source: str | None = None

    @property
    def outdated(self) -> str | None:
        """`deprecated` or `withdrawn`, where it is marked as that."""
        return withdrawn_or_deprecated({"extension": list(self.extensions)}) if self.extensions else None


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    code: str
    uri: str | None
    type: str | None


@dataclass(frozen=True, slots=True, eq=False)
class CodeSystem:
    """Content of one version of a code system; equal to itself alone. Rows stand in the order of the definition, parents before children."""

    url: str
    version: str | None
    head: Resource
    """The resource without its concepts."""
    content: str
    case_sensitive: bool
    language: str | None
    codes: Sequence[str]
    displays: Sequence[str | None]
    index: Mapping[str, int]
    folded: Mapping[str, int]
    """Code in lower case to position; empty where case matters."""
    parents: Mapping[int, Sequence[int]]
    children: Mapping[int, Sequence[int]]
    definitions: Mapping[int, str] = field(default_factory=dict)
    designations: Mapping[int, Sequence[Designation]] = field(default_factory=dict)
    properties: Mapping[int, Sequence[Property]] = field(default_factory=dict)
    extensions: Mapping[int, Sequence[Resource]] = field(default_factory=dict)
    property_definitions: Mapping[str, PropertyDefinition] = field(default_factory=dict)
    supplements: Sequence[str] = ()
    """The canonicals of the supplements that were worked in."""
    _below: dict[int, frozenset[int]] = field(default_factory=dict, repr=False)
    """What lies below some rows of a deep hierarchy."""

    @property
    def canonical(self) -> str:
        return canonical_of(self.url, self.version)

    def find(self, code: str) -> int | None:
        """The position of a code, with or without regard to case as the system says."""
        row = self.index.get(code)
        return self.folded.get(code.lower()) if row is None and not self.case_sensitive else row

    def values(self, row: int, name: str) -> Iterator[Any]:
        """The values of a property, by the code that the system gives it."""
        for item in self.properties.get(row, ()):
            if item.code == name:
                yield item.value

    def property_named(self, standard: str) -> str:
        """The code under which the system has a property of the specification (its URI decides, then its name)."""
        uri = CONCEPT_PROPERTIES + standard
        for definition in self.property_definitions.values():
            if definition.uri == uri:
                return definition.code
        return standard

    def status(self, row: int) -> str | None:
        """The value of the status property, or the standards status of the concept."""
        found = next((value for value in self.values(row, self.property_named("status")) if isinstance(value, str)), None)
        return found or withdrawn_or_deprecated({"extension": list(self.extensions.get(row, ()))})

    def inactive(self, row: int) -> bool:
        """Whether a concept is no longer to be used."""
        if row not in self.properties:
            return False
        flags = self.values(row, self.property_named("inactive"))
        if any(value is True or value == "true" for value in flags):
            return True
        statuses = self.values(row, self.property_named("status"))
        return any(value in _INACTIVE_STATUSES for value in statuses if isinstance(value, str))

    def abstract(self, row: int) -> bool:
        """Whether a concept only groups others."""
        if row not in self.properties:
            return False
        return any(value is True or value == "true" for value in self.values(row, self.property_named("notSelectable")))

    def ancestors(self, row: int) -> Iterator[int]:
        """Every row above a row, nearest first, each once; a cycle in the definition ends it."""
        seen = {row}
        waiting = list(self.parents.get(row, ()))
        for above in waiting:
            if above not in seen:
                seen.add(above)
                yield above
                waiting.extend(self.parents.get(above, ()))

    def descendants(self, row: int) -> Iterator[int]:
        """Every row below a row, each once."""
        seen = {row}
        waiting = list(self.children.get(row, ()))
        for below in waiting:
            if below not in seen:
                seen.add(below)
                yield below
                waiting.extend(self.children.get(below, ()))

    def is_a(self, row: int, above: int) -> bool:
        """Whether a row is another or lies below it."""
        if row == above:
            return True
        for steps, step in enumerate(self.ancestors(row)):
            if step == above:
                return True
            if steps > _DEEP:  # then all below are found once, so that many rows cost no more than that
                return row in self._all_below(above)
        return False

    def _all_below(self, above: int) -> frozenset[int]:
        found = self._below.get(above)
        if found is None:
            if len(self._below) >= _MOST_BELOW:
                self._below.clear()
            found = self._below[above] = frozenset(self.descendants(above))
        return found

    def rendering(self, row: int) -> list[Resource]:
        """The extensions of a concept that say how to show it."""
        return [
            one
            for one in self.extensions.get(row, ())
            if str(one.get("url", "")).rsplit("/", 1)[-1].startswith("rendering-")
        ]


def standing(resource: Resource) -> str | None:
    """What is to be known before relying on a definition: deprecated, withdrawn, retired, experimental or draft."""
    marked = withdrawn_or_deprecated(resource)
    if marked is not None:
        return marked
    if resource.get("status") == "retired":
        return "retired"
    if resource.get("experimental") is True:
        return "experimental"
    return "draft" if resource.get("status") == "draft" else None


def deprecated_here(element: Resource) -> bool:
    """Whether an entry of a value set is marked as on its way out."""
    return is_true(element, "http://hl7.org/fhir/StructureDefinition/valueset-deprecated") or (
        withdrawn_or_deprecated(element) == "deprecated"
    )
