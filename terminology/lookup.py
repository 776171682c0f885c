"""`CodeSystem/$lookup`: what is known of one code.

FHIR R4 `codesystem-operation-lookup.html`, with `useSupplement`, `abstract` and the rest of R5's. Without `property`, all
properties are given; the standard ones are `inactive`, `parent` and `child`.
"""

from __future__ import annotations

from typing import Any

from terminology import messages
from terminology.catalogue import Catalogue
from terminology.code_system import PREFERRED, CodeSystem, Designation
from terminology.displays import names_of
from terminology.elements import Resource, text
from terminology.issues import TerminologyError
from terminology.question import Question
from terminology.session import Session


def lookup(catalogue: Catalogue, question: Question) -> Resource:
    """What is known, as Parameters. Raises TerminologyError: the code system or the code is not here (404)."""
    session = Session(catalogue, question)
    session.need_supplements(())
    system, row = asked_concept(session)
    wanted = frozenset(question.texts("property"))
    names = names_of(system, row)
    display, _ = names.shown(question.languages)
    found: list[Resource] = [{"name": "name", "valueString": text(system.head, "name") or system.url}]
    if system.version is not None:
        found.append({"name": "version", "valueString": system.version})
    found.append({"name": "display", "valueString": display or system.codes[row]})
    if row in system.definitions and (not wanted or wanted & {"*", "definition"}):
        found.append({"name": "definition", "valueString": system.definitions[row]})
    found += [
        {"name": "abstract", "valueBoolean": system.abstract(row)},
        {"name": "code", "valueCode": system.codes[row]},
        {"name": "system", "valueUri": system.url},
    ]
    if not wanted or wanted & {"*", "designation"} or question.languages is not None:
        own = [Designation(names.display, names.language, dict(PREFERRED))] if names.display and names.language else []
        found += [_designation(one) for one in (*own, *names.designations)]
    found += _properties(system, row, wanted)
    found += [{"name": "used-supplement", "valueCanonical": one} for one in system.supplements]
    return {"resourceType": "Parameters", "parameter": found}


def asked_concept(session: Session) -> tuple[CodeSystem, int]:
    """The code that a question names, by `coding` or by `system` and `code`. Raises TerminologyError."""
    question = session.question
    coding = question.object("coding") or {}
    url = text(coding, "system") or question.text("system")
    code = text(coding, "code") or question.text("code")
    version = text(coding, "version") or question.text("version")
    if url is None or code is None:
        raise messages.bad_request("Say which code is meant: coding, or system and code.", type="required")
    return concept(session, url, version, code)


def concept(session: Session, url: str, version: str | None, code: str) -> tuple[CodeSystem, int]:
    """A code system and the row of a code in it. Raises TerminologyError (404)."""
    choice = session.choose(url, version)
    if choice.system is None:
        versions = session.versions(url)
        if version is not None and versions:
            raise TerminologyError(messages.unknown_version(url, version, versions, "system"), 404)
        raise TerminologyError(messages.unknown_system(url, "system"), 404)
    row = choice.system.find(code)
    if row is None:
        raise TerminologyError(messages.unknown_code(code, url, choice.system.version, "code"), 404)
    return choice.system, row


def _designation(one: Designation) -> Resource:
    part: list[Resource] = []
    if one.language is not None:
        part.append({"name": "language", "valueCode": one.language})
    if one.use is not None:
        part.append({"name": "use", "valueCoding": one.use})
    if one.source is not None:
        part.append({"name": "source", "valueCanonical": one.source})
    return {"name": "designation", "part": [*part, {"name": "value", "valueString": one.value}]}


def _properties(system: CodeSystem, row: int, wanted: frozenset[str]) -> list[Resource]:
    everything = not wanted or "*" in wanted
    found: list[Resource] = []

    def add(code: str, value_name: str, value: Any, description: str | None = None) -> None:
        if everything or code in wanted:
            about = [{"name": "description", "valueString": description}] if description else []
            found.append(
                {
                    "name": "property",
                    "part": [{"name": "code", "valueCode": code}, *about, {"name": "value", value_name: value}],
                }
            )

    for name, neighbours in (("parent", system.parents), ("child", system.children)):
        for other in neighbours.get(row, ()):
            add(name, "valueCode", system.codes[other], system.displays[other])
    standard = system.property_named("inactive")
    add("inactive", "valueBoolean", system.inactive(row))
    for item in system.properties.get(row, ()):
        if item.code not in ("parent", "child", standard):
            add(item.code, item.value_name, item.value)
    return found
