"""A value set's definition, read once: what it includes and excludes, in a form that can be asked about one code.

FHIR R4 ValueSet.compose. Nothing is expanded here; filters are checked when they are read (filters.py), so that a broken
definition is refused before anything is answered by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from terminology.elements import Resource, extension_text, extension_values, flag, rows, text, texts
from terminology.filters import Filter, read_filters
from terminology.versions import canonical_of

SUPPLEMENT: Final = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"
_EXPANSION_PARAMETER: Final = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
_OLD_EXPANSION_PARAMETER: Final = "http://hl7.org/fhir/tools/StructureDefinition/valueset-expansion-parameter"


@dataclass(frozen=True, slots=True)
class Rule:
    """One `include` or `exclude`: a code is in it when it is in everything that the rule names."""

    system: str | None
    version: str | None
    concepts: Mapping[str, Resource] | None
    """Listed codes; None where all codes, or those of the filters, are meant."""
    filters: Sequence[Filter]
    value_sets: Sequence[str]
    folded: Mapping[str, Resource] = field(default_factory=dict)
    """Listed codes that have capitals, by their lower case."""

    def listed(self, code: str, *, case_sensitive: bool) -> Resource | None:
        """The entry of a listed code."""
        concepts = self.concepts or {}
        found = concepts.get(code)
        if found is None and not case_sensitive:
            low = code.lower()
            found = self.folded.get(low) or concepts.get(low)
        return found


@dataclass(frozen=True, slots=True)
class ValueSet:
    """`inactive` False: inactive codes are not in it. `languages`: what it wants displays in, if the caller says nothing."""

    resource: Resource
    includes: Sequence[Rule]
    excludes: Sequence[Rule]
    inactive: bool | None = None
    languages: str | None = None
    supplements: Sequence[str] = ()
    contained: Mapping[str, Resource] = field(default_factory=dict)
    """Contained value sets by their local reference (`#id`)."""

    @property
    def url(self) -> str:
        return text(self.resource, "url") or ""

    @property
    def version(self) -> str | None:
        return text(self.resource, "version")

    @property
    def canonical(self) -> str:
        return canonical_of(self.url, self.version)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.canonical or "(without a URL)"


def read_value_set(resource: Resource) -> ValueSet:
    """Reads a ValueSet. Raises TerminologyError where a filter is broken."""
    compose = resource.get("compose")
    compose = compose if isinstance(compose, dict) else {}
    return ValueSet(
        resource=resource,
        includes=_rules(compose, "include") if compose else _of_expansion(resource),
        excludes=_rules(compose, "exclude"),
        inactive=flag(compose, "inactive"),
        languages=_languages(resource, compose),
        supplements=tuple(value for value in extension_values(resource, SUPPLEMENT) if isinstance(value, str)),
        contained={
            f"#{name}": one
            for one in rows(resource, "contained")
            if one.get("resourceType") == "ValueSet" and (name := text(one, "id")) is not None
        },
    )


def _rules(compose: Resource, name: str) -> tuple[Rule, ...]:
    return tuple(_rule(row, f"ValueSet.compose.{name}[{place}]") for place, row in enumerate(rows(compose, name)))


def _rule(row: Resource, place: str) -> Rule:
    system = text(row, "system")
    listed = rows(row, "concept")
    concepts = {code: one for one in listed if (code := text(one, "code")) is not None}
    return Rule(
        system=system,
        version=text(row, "version"),
        concepts=concepts if listed else None,
        filters=read_filters(rows(row, "filter"), system or "", place),
        value_sets=texts(row, "valueSet"),
        folded={low: one for code, one in concepts.items() if (low := code.lower()) != code},
    )


def _of_expansion(resource: Resource) -> tuple[Rule, ...]:
    """A value set that comes with an expansion alone is what the expansion lists."""
    expansion = resource.get("expansion")
    found: dict[tuple[str, str | None], dict[str, Resource]] = {}
    waiting = rows(expansion, "contains") if isinstance(expansion, dict) else []
    for row in waiting:
        system, code = text(row, "system"), text(row, "code")
        if system is not None and code is not None and row.get("abstract") is not True:
            found.setdefault((system, text(row, "version")), {})[code] = row
        waiting.extend(rows(row, "contains"))
    return tuple(Rule(system, version, concepts, (), ()) for (system, version), concepts in found.items())


def is_all(rule: Rule) -> bool:
    """Whether a rule takes every code of a system."""
    return rule.system is not None and rule.concepts is None and not rule.filters and not rule.value_sets


def _languages(resource: Resource, compose: Resource) -> str | None:
    for holder in (compose, resource):
        for extension in rows(holder, "extension"):
            if (
                extension.get("url") in (_EXPANSION_PARAMETER, _OLD_EXPANSION_PARAMETER)
                and extension_text(extension, "name") == "displayLanguage"
            ):
                return extension_text(extension, "value")
    return text(resource, "language")
