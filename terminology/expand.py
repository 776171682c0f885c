"""`ValueSet/$expand`: a value set's codes, shown as the caller wants them.

FHIR R4 `valueset-operation-expand.html`: filter, offset and count, activeOnly, excludeNested, includeDesignations,
designation, includeDefinition, displayLanguage, property, and the parameters that pin versions. Properties are in R5's
notation; expansion_r4.py puts them into R4's.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from terminology import messages
from terminology.catalogue import Catalogue
from terminology.code_search import matches_words
from terminology.code_system import CodeSystem, standing
from terminology.elements import Resource, text
from terminology.enumeration import Entry, Enumeration
from terminology.expansion_entry import Showing, shown
from terminology.expansion_hierarchy import nested_by_hierarchy
from terminology.issues import TerminologyError
from terminology.question import Question
from terminology.session import Session
from terminology.validate_code import asked_value_set
from terminology.value_set import ValueSet
from terminology.versions import canonical_of

MOST_CODES: Final = 20_000
"""Codes of an expansion that is asked for whole; with `count` there may be any number behind it."""
_UNCLOSED: Final = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
_UNCLOSED_REASON: Final = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason"
_HEAD: Final = frozenset(
    {"resourceType", "id", "language", "url", "version", "name", "title", "status", "experimental", "date", "publisher"}
)
_NEVER: Final = frozenset({"expansion", "text", "contained"})
_ECHOED: Final = (
    ("activeOnly", "valueBoolean"),
    ("count", "valueInteger"),
    ("default-valueset-version", "valueUri"),
    ("designation", "valueString"),
    ("displayLanguage", "valueCode"),
    ("excludeNested", "valueBoolean"),
    ("filter", "valueString"),
    ("includeDefinition", "valueBoolean"),
    ("includeDesignations", "valueBoolean"),
    ("offset", "valueInteger"),
)


def expand(catalogue: Catalogue, question: Question, now: datetime) -> Resource:
    """The expansion. Raises TerminologyError: unknown or broken definitions, content that is not here, too many codes."""
    session = Session(catalogue, question)
    value_set = asked_value_set(session)
    session.question = question = question.wanting(value_set.languages)
    _check_imports(session, value_set)
    enumeration = Enumeration(session, question.text("filter"))
    entries = enumeration.whole(value_set) or enumeration.entries(value_set)
    several = _with_several_versions(enumeration.used.values())
    entries = _wanted(entries, question)
    offset, count = question.number("offset") or 0, question.number("count")
    if count is None and len(entries) > MOST_CODES:
        words = f"The expansion has {len(entries)} codes, more than {MOST_CODES}: page through it with count and offset."
        raise messages.too_costly(words)
    page = entries if count is None else entries[offset : offset + count]
    showing = Showing.of(question, several)
    nested = question.flag("excludeNested") is not True and count is None and _whole(value_set)
    contains = [shown(entry, showing) for entry in page]
    if nested:
        contains = nested_by_hierarchy(page, contains)
    return _answer(session, value_set, enumeration, showing, contains, len(entries), now)


def _check_imports(session: Session, value_set: ValueSet) -> None:
    """An import that a question pins to a version which is not here is told apart from one that is not here at all."""
    try:
        session.imports(value_set)
    except TerminologyError as error:
        pins = session.question.versions.value_sets
        for url, version in pins.items():
            if error.status == 404 and error.issues[0] == messages.unknown_value_set(canonical_of(url, version)):
                raise TerminologyError(messages.pinned_value_set_missing(url, version), 404) from error
        raise


def _with_several_versions(systems: Iterable[CodeSystem]) -> frozenset[str]:
    urls = [one.url for one in systems]
    return frozenset(url for url in urls if urls.count(url) > 1)


def _wanted(entries: Sequence[Entry], question: Question) -> Sequence[Entry]:
    if question.flag("activeOnly"):
        entries = [one for one in entries if one.system is None or not one.system.inactive(one.row)]
    wanted = question.text("filter")
    return entries if wanted is None else [one for one in entries if one.searched or _matches(one, wanted)]


def _matches(entry: Entry, wanted: str) -> bool:
    names: list[str] = [entry.code]
    if entry.element is not None:
        names.append(text(entry.element, "display") or "")
    if entry.system is not None:
        names.append(entry.system.displays[entry.row] or "")
        names.extend(one.value for one in entry.system.designations.get(entry.row, ()))
    return matches_words(wanted, names)


def _whole(value_set: ValueSet) -> bool:
    """Whether the set is one part of a code system, of which the hierarchy can be shown."""
    rules = value_set.includes
    return len(rules) == 1 and rules[0].system is not None and rules[0].concepts is None


def _answer(
    session: Session,
    value_set: ValueSet,
    enumeration: Enumeration,
    showing: Showing,
    contains: list[Resource],
    total: int,
    now: datetime,
) -> Resource:
    found = {name: value for name, value in value_set.resource.items() if name in _HEAD}
    if session.question.flag("includeDefinition"):
        found = {name: value for name, value in value_set.resource.items() if name not in _NEVER}
    expansion: Resource = {}
    fragments = [one for one in enumeration.used.values() if one.content in ("fragment", "example")]
    if fragments:
        reason = f"Only a part is known of {', '.join(one.url for one in fragments)}."
        expansion["extension"] = [
            {"url": _UNCLOSED, "valueBoolean": True},
            {"url": _UNCLOSED_REASON, "valueString": reason},
        ]
    expansion |= {
        "identifier": uuid.uuid4().urn,
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "total": total,
    }
    if session.question.number("count") is not None or session.question.number("offset") is not None:
        expansion["offset"] = session.question.number("offset") or 0
    expansion["parameter"] = [*_echo(session.question), *_used(session, value_set, enumeration)]
    definitions = showing.definitions()
    if definitions:
        expansion["property"] = definitions
    if contains:
        expansion["contains"] = contains
    return found | {"expansion": expansion}


def _echo(question: Question) -> list[Resource]:
    """The parameters of the question that shaped the answer."""
    found: list[Resource] = []
    for name, value_name in _ECHOED:
        values: Sequence[Any] = question.values.get(name, ())
        if name == "displayLanguage":
            values = [question.languages.text] if question.languages is not None else []
        elif value_name == "valueBoolean":
            values = [flag] if (flag := question.flag(name)) is not None else []
        elif value_name == "valueInteger":
            values = [number] if (number := question.number(name)) is not None else []
        found.extend({"name": name, value_name: value} for value in values)
    return found


def _used(session: Session, value_set: ValueSet, enumeration: Enumeration) -> list[Resource]:
    """What the expansion rests on, and what is to be known of that."""
    systems = list(enumeration.used.values())
    found = [_uri(name, canonical) for name, canonical in sorted(session.used_pins)]
    found += [_uri("used-codesystem", one.canonical) for one in systems]
    found += [_uri("used-codesystem", url) for url in enumeration.unknown]
    found += [_uri("used-valueset", canonical) for canonical in enumeration.sets]
    found += [_uri("used-supplement", canonical) for canonical in sorted(session.used_supplements)]
    found += [_uri("used-fragment", one.canonical) for one in systems if one.content in ("fragment", "example")]
    if enumeration.across_versions:
        found.append({"name": "versionsMatch", "valueBoolean": True})
    own = standing(value_set.resource)
    for one in systems:
        status = standing(one.head)
        if status is not None and not (status == own and status in ("draft", "experimental")):
            found.append(_uri(f"warning-{status}", one.canonical))
    for other in (value_set, *enumeration.sets.values()):
        status = standing(other.resource)
        if status is not None and status not in ("draft", "experimental"):
            found.append(_uri(f"warning-{status}", other.canonical))
    return found


def _uri(name: str, value: str) -> Resource:
    return {"name": name, "valueUri": value}
