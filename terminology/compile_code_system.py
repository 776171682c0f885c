"""From a CodeSystem resource, with the supplements to be worked in, to its compiled form.

FHIR R4 CodeSystem: nested concepts, and `parent` and `child` properties where the hierarchy is not by nesting. Concepts
nested as deep as JSON allows are walked without recursion; a code that comes twice counts once, where it came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from terminology.code_system import CodeSystem, Designation, Property, PropertyDefinition
from terminology.elements import Resource, rows, text, value_of
from terminology.versions import canonical_of


def compile_code_system(resource: Resource) -> CodeSystem:
    """The compiled form. Whatever in the resource does not have its R4 shape is left out."""
    columns = _Columns()
    for concept, parent in _walk(resource):
        columns.add(concept, parent)
    definitions = {
        code: PropertyDefinition(code, text(row, "uri"), text(row, "type"))
        for row in rows(resource, "property")
        if (code := text(row, "code")) is not None
    }
    columns.link_by_property(definitions.values())
    sensitive = resource.get("caseSensitive") is True or "caseSensitive" not in resource
    return CodeSystem(
        url=text(resource, "url") or "",
        version=text(resource, "version"),
        head={name: value for name, value in resource.items() if name not in ("concept", "text", "contained")},
        content=text(resource, "content") or "complete",
        case_sensitive=sensitive,
        language=text(resource, "language"),
        codes=columns.codes,
        displays=columns.displays,
        index=columns.index,
        folded={} if sensitive else {code.lower(): row for code, row in reversed(columns.index.items())},
        parents=columns.parents,
        children=columns.children,
        definitions=columns.definitions,
        designations=columns.designations,
        properties=columns.properties,
        extensions=columns.extensions,
        property_definitions=definitions,
    )


def supplemented(system: CodeSystem, supplements: Sequence[Resource]) -> CodeSystem:
    """The system with what the supplements add: designations, properties, extensions. Codes they do not share stay out."""
    designations = dict(system.designations)
    properties = dict(system.properties)
    extensions = dict(system.extensions)
    definitions = dict(system.property_definitions)
    names = []
    for supplement in supplements:
        source = canonical_of(text(supplement, "url") or "", text(supplement, "version"))
        names.append(source)
        for row in rows(supplement, "property"):
            code = text(row, "code")
            if code is not None:
                definitions.setdefault(code, PropertyDefinition(code, text(row, "uri"), text(row, "type")))
        for concept, _ in _walk(supplement):
            place = system.find(text(concept, "code") or "")
            if place is None:
                continue
            designations[place] = (*designations.get(place, ()), *_designations(concept, source))
            properties[place] = (*properties.get(place, ()), *_properties(concept))
            extensions[place] = (*extensions.get(place, ()), *rows(concept, "extension"))
    return replace(
        system,
        designations=designations,
        properties=properties,
        extensions=extensions,
        property_definitions=definitions,
        supplements=(*system.supplements, *names),
    )


class _Columns:
    """The columns while they grow."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.displays: list[str | None] = []
        self.index: dict[str, int] = {}
        self.parents: dict[int, list[int]] = {}
        self.children: dict[int, list[int]] = {}
        self.definitions: dict[int, str] = {}
        self.designations: dict[int, tuple[Designation, ...]] = {}
        self.properties: dict[int, tuple[Property, ...]] = {}
        self.extensions: dict[int, Sequence[Resource]] = {}

    def add(self, concept: Resource, parent: str | None) -> None:
        code = text(concept, "code")
        if code is None:
            return
        row = self.index.get(code)
        if row is None:
            row = self.index[code] = len(self.codes)
            self.codes.append(code)
            self.displays.append(text(concept, "display"))
            self._details(row, concept)
        if parent is not None:
            self._link(row, self.index[parent])

    def _details(self, row: int, concept: Resource) -> None:
        definition = text(concept, "definition")
        if definition is not None:
            self.definitions[row] = definition
        if "designation" in concept and (designations := tuple(_designations(concept, None))):
            self.designations[row] = designations
        if "property" in concept and (properties := tuple(_properties(concept))):
            self.properties[row] = properties
        if "extension" in concept and (extensions := rows(concept, "extension")):
            self.extensions[row] = extensions

    def _link(self, row: int, parent: int) -> None:
        above = self.parents.setdefault(row, [])
        if parent not in above and parent != row:
            above.append(parent)
            self.children.setdefault(parent, []).append(row)

    def link_by_property(self, definitions: Iterable[PropertyDefinition]) -> None:
        """Adds what the properties parent and child (or subsumedBy) say."""
        upwards = {"parent", "subsumedBy"} | {one.code for one in definitions if str(one.uri).endswith("#parent")}
        downwards = {"child"} | {one.code for one in definitions if str(one.uri).endswith("#child")}
        for row, items in self.properties.items():
            for item in items:
                other = self.index.get(item.value) if isinstance(item.value, str) else None
                if other is not None and item.code in upwards:
                    self._link(row, other)
                elif other is not None and item.code in downwards:
                    self._link(other, row)


def _walk(resource: Resource) -> Iterator[tuple[Resource, str | None]]:
    """Every concept before those below it, in the order of the resource, with the code of the one above."""
    waiting: list[tuple[Resource, str | None]] = [(concept, None) for concept in reversed(rows(resource, "concept"))]
    while waiting:
        concept, parent = waiting.pop()
        yield concept, parent
        code = text(concept, "code") or parent
        if "concept" in concept:
            waiting.extend((below, code) for below in reversed(rows(concept, "concept")))


def _designations(concept: Resource, source: str | None) -> Iterator[Designation]:
    for row in rows(concept, "designation"):
        value = text(row, "value")
        if value is not None:
            use = row.get("use")
            extensions = tuple(rows(row, "extension"))
            yield Designation(value, text(row, "language"), use if isinstance(use, dict) else None, extensions, source)


def _properties(concept: Resource) -> Iterator[Property]:
    for row in rows(concept, "property"):
        code = text(row, "code")
        found: tuple[str, Any] | None = value_of(row)
        if code is not None and found is not None:
            yield Property(code, *found)
