"""One entry of an expansion: the code with its display, designations, properties and markers, as the caller wants them.

FHIR R4 `ValueSet.expansion.contains`; properties as R5 has them. Weight, label and order come from the extensions by which
definitions give them (`itemWeight`, `codesystem-label`, `codesystem-conceptOrder` and the value set's own).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from terminology.code_system import CONCEPT_PROPERTIES, PREFERRED, Designation
from terminology.displays import Names, names_of
from terminology.elements import STANDARDS_STATUS, Resource, extension_values, rows
from terminology.enumeration import Entry
from terminology.languages import Languages
from terminology.question import Question

_SD: Final = "http://hl7.org/fhir/StructureDefinition/"
_BY_EXTENSION: Final = (
    ("weight", "itemWeight", (f"{_SD}itemWeight",), "valueDecimal"),
    ("label", "label", (f"{_SD}valueset-label", f"{_SD}codesystem-label"), "valueString"),
    ("order", "order", (f"{_SD}valueset-conceptOrder", f"{_SD}codesystem-conceptOrder"), "valueDecimal"),
)
_CARRIED: Final = frozenset(
    {
        f"{_SD}valueset-deprecated",
        f"{_SD}valueset-concept-definition",
        f"{_SD}rendering-style",
        f"{_SD}rendering-xhtml",
        STANDARDS_STATUS,
    }
)
_OF_DESIGNATIONS: Final = frozenset({STANDARDS_STATUS, f"{_SD}coding-sctdescid", f"{_SD}codesystem-alternate"})
_BCP47: Final = "urn:ietf:bcp:47"


@dataclass(slots=True)
class Showing:
    """How entries are shown; remembers which properties came up (`properties`: code to URI)."""

    languages: Languages | None
    designations: bool
    only: frozenset[str]
    """Designations wanted, as `system|code`; empty: all."""
    wanted: tuple[str, ...]
    several: frozenset[str]
    """URLs of code systems of which more than one version is used: entries then say theirs."""
    properties: dict[str, str | None] = field(default_factory=dict)

    @staticmethod
    def of(question: Question, several: frozenset[str]) -> Showing:
        only = frozenset(question.texts("designation"))
        designations = question.flag("includeDesignations") is True or bool(only)
        return Showing(question.languages, designations, only, tuple(question.texts("property")), several)

    def definitions(self) -> list[Resource]:
        """`expansion.property` of what came up."""
        return [{"code": code} | ({"uri": uri} if uri else {}) for code, uri in sorted(self.properties.items())]


def shown(entry: Entry, showing: Showing) -> Resource:
    """`expansion.contains` for one code."""
    found: Resource = {}
    extensions = _extensions(entry)
    if extensions:
        found["extension"] = extensions
    found["system"] = entry.url
    if entry.system is not None:
        if entry.system.abstract(entry.row):
            found["abstract"] = True
        if entry.system.inactive(entry.row):
            found["inactive"] = True
    if entry.url in showing.several and entry.version is not None:
        found["version"] = entry.version
    found["code"] = entry.code
    names = _names(entry)
    display, used = names.shown(showing.languages)
    if display is not None:
        found["display"] = display
    if showing.designations:
        designations = _designations(names, display, used, showing)
        if designations:
            found["designation"] = designations
    properties = _properties(entry, showing)
    if properties:
        found["property"] = properties
    return found


def _names(entry: Entry) -> Names:
    if entry.system is not None:
        return names_of(entry.system, entry.row, entry.element)
    element = entry.element or {}
    added = [Designation(str(one.get("value", "")), one.get("language")) for one in rows(element, "designation")]
    return Names(element.get("display"), None, added)


def _extensions(entry: Entry) -> list[Resource]:
    found: dict[Any, Resource] = {}
    if entry.system is not None:
        for one in entry.system.rendering(entry.row):
            found[one.get("url")] = one
    if entry.element is not None:
        for one in rows(entry.element, "extension"):
            if one.get("url") in _CARRIED:
                found[one.get("url")] = one
    return list(found.values())


def _designations(names: Names, display: str | None, used: Designation | None, showing: Showing) -> list[Resource]:
    found = []
    if names.display is not None and names.display != display:
        found.append(Designation(names.display, names.language, dict(PREFERRED)))
    found += [one for one in names.designations if one is not used]
    return [_designation(one) for one in found if _asked(one, showing.only)]


def _asked(one: Designation, only: frozenset[str]) -> bool:
    if not only:
        return True
    use = one.use or {}
    return f"{_BCP47}|{one.language}" in only or f"{use.get('system', '')}|{use.get('code', '')}" in only


def _designation(one: Designation) -> Resource:
    extensions = [extension for extension in one.extensions if extension.get("url") in _OF_DESIGNATIONS]
    found: Resource = {"extension": extensions} if extensions else {}
    if one.language is not None:
        found["language"] = one.language
    if one.use is not None:
        found["use"] = one.use
    return found | {"value": one.value}


def _properties(entry: Entry, showing: Showing) -> list[Resource]:
    system, row = entry.system, entry.row
    found: list[Resource] = []

    def add(code: str, uri: str | None, value_name: str, value: Any) -> None:
        showing.properties[code] = uri
        found.append({"code": code, value_name: value})

    for code, name, urls, value_name in _BY_EXTENSION:
        value = _by_extension(entry, urls)
        if value is not None:
            add(code, CONCEPT_PROPERTIES + name, value_name, value)
    if system is None:
        return found
    status = system.status(row)
    if status is not None and status != "active":
        add("status", f"{CONCEPT_PROPERTIES}status", "valueCode", status)
    for code in showing.wanted:
        if code == "definition":
            if row in system.definitions:
                add(code, f"{CONCEPT_PROPERTIES}definition", "valueString", system.definitions[row])
        elif code != "status":
            definition = system.property_definitions.get(code)
            for one in system.properties.get(row, ()):
                if one.code == code:
                    add(code, definition.uri if definition else None, one.value_name, one.value)
    return found


def _by_extension(entry: Entry, urls: tuple[str, ...]) -> Any:
    """The value that the value set gives, or else the code system."""
    holders = [entry.element] if entry.element is not None else []
    if entry.system is not None and entry.row in entry.system.extensions:
        holders.append({"extension": list(entry.system.extensions[entry.row])})
    for holder in holders:
        for url in urls:
            for value in extension_values(holder, url):
                return value
    return None
