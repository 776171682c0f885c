"""`ConceptMap/$translate`: a code's counterparts in other code systems.

FHIR R4 `conceptmap-operation-translate.html`, taking R5's parameter names as well, and maps of either release: `equivalence`
of R4 or `relationship` of R5. Backwards where only a target code is given, or `reverse`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from terminology import messages
from terminology.catalogue import Catalogue
from terminology.elements import Resource, rows, text
from terminology.question import Question
from terminology.session import Session
from terminology.versions import canonical_of, fits, split_canonical, version_key

_TO_R4: Final = {
    "equivalent": "equivalent",
    "source-is-narrower-than-target": "wider",
    "source-is-broader-than-target": "narrower",
    "related-to": "relatedto",
    "not-related-to": "disjoint",
}
_TO_R5: Final = {
    "equivalent": "equivalent",
    "equal": "equivalent",
    "wider": "source-is-narrower-than-target",
    "subsumes": "source-is-narrower-than-target",
    "narrower": "source-is-broader-than-target",
    "specializes": "source-is-broader-than-target",
    "relatedto": "related-to",
    "inexact": "related-to",
    "unmatched": "not-related-to",
    "disjoint": "not-related-to",
}
_NO_MATCH: Final = frozenset({"unmatched", "disjoint"})


@dataclass(frozen=True, slots=True)
class _Asked:
    system: str | None
    code: str
    target_system: str | None
    backwards: bool


def translate(catalogue: Catalogue, question: Question) -> Resource:
    """The matches as Parameters. Raises TerminologyError: nothing to translate, or a map that was named is not here (404)."""
    asked = [one for one in _asked(question) if one.code]
    if not asked:
        raise messages.bad_request("Say what to translate: coding, codeableConcept, or code and system.", type="required")
    maps = list(_maps(Session(catalogue, question).catalogue, question))
    matches = [match for one in asked for each in maps for match in _matches(each, one)]
    matches += [match for one in asked for each in maps for match in _unmapped(each, one)] if not matches else []
    result = any(equivalence not in _NO_MATCH for _, equivalence in matches)
    found: list[Resource] = [{"name": "result", "valueBoolean": result}]
    if not result:
        found.append({"name": "message", "valueString": "No concept map that is here has a counterpart of the code."})
    found += [match for match, _ in matches]
    return {"resourceType": "Parameters", "parameter": found}


def _asked(question: Question) -> Iterator[_Asked]:
    target = question.text("targetSystem", "targetsystem")
    source = question.text("sourceSystem", "system")
    target_code = question.text("targetCode")
    target_coding = question.object("targetCoding")
    if target_coding is not None:
        yield _Asked(text(target_coding, "system"), text(target_coding, "code") or "", source, True)
    elif target_code is not None:
        yield _Asked(target, target_code, source, True)
    else:
        backwards = question.flag("reverse") is True
        concept = question.object("sourceCodeableConcept") or question.object("codeableConcept")
        coding = question.object("sourceCoding") or question.object("coding")
        codings = rows(concept, "coding") if concept is not None else [coding] if coding is not None else []
        for one in codings:
            yield _Asked(text(one, "system"), text(one, "code") or "", target, backwards)
        if not codings:
            yield _Asked(source, question.text("sourceCode", "code") or "", target, backwards)


def _maps(catalogue: Catalogue, question: Question) -> Iterator[Resource]:
    brought = question.resources.get("conceptMap", ())
    url = question.text("url")
    if brought:
        yield from brought
        return
    if url is None:
        scope = _Scope(question.text("sourceScope", "source"), question.text("targetScope", "target"))
        yield from (one for one in _latest(catalogue.concept_maps()) if scope.takes(one))
        return
    wanted, version = split_canonical(url)
    version = version or question.text("conceptMapVersion")
    found = [
        one
        for one in catalogue.concept_maps()
        if one.get("url") == wanted and (version is None or fits(text(one, "version"), version))
    ]
    if not found:
        raise messages.bad_request(f"There is no concept map '{url}' here.", "url", type="not-found", status=404)
    yield from _latest(found)


def _latest(maps: Iterable[Resource]) -> Iterable[Resource]:
    """Of each URL the latest version, and of that the first."""
    found: dict[str | None, Resource] = {}
    for one in maps:
        url = text(one, "url")
        known = found.get(url)
        if known is None or version_key(text(one, "version")) > version_key(text(known, "version")):
            found[url] = one
    return found.values()


@dataclass(frozen=True, slots=True)
class _Scope:
    source: str | None
    target: str | None

    def takes(self, concept_map: Resource) -> bool:
        """Whether a map goes between the value sets that were named; a map that names none is not ruled out."""
        for wanted, names in ((self.source, ("sourceUri", "sourceCanonical", "sourceScopeUri", "sourceScopeCanonical")),
                              (self.target, ("targetUri", "targetCanonical", "targetScopeUri", "targetScopeCanonical"))):  # fmt: skip
            have = next((value for name in names if (value := text(concept_map, name)) is not None), None)
            if wanted is not None and have is not None and split_canonical(have)[0] != split_canonical(wanted)[0]:
                return False
        return True


def _matches(concept_map: Resource, asked: _Asked) -> Iterator[tuple[Resource, str]]:
    for group in rows(concept_map, "group"):
        source, target = (split_canonical(text(group, name) or "")[0] for name in ("source", "target"))
        near, far = (target, source) if asked.backwards else (source, target)
        if asked.system not in (None, near) or asked.target_system not in (None, far):
            continue
        for element in rows(group, "element"):
            for one in rows(element, "target"):
                here, there = (one, element) if asked.backwards else (element, one)
                if here.get("code") == asked.code:
                    yield _match(concept_map, group, element, one, there), _equivalence(one)


def _equivalence(target: Resource) -> str:
    return text(target, "equivalence") or _TO_R4.get(text(target, "relationship") or "", "relatedto")


def _match(concept_map: Resource, group: Resource, element: Resource, target: Resource, there: Resource) -> Resource:
    equivalence = _equivalence(target)
    part: list[Resource] = [{"name": "equivalence", "valueCode": equivalence}]
    relationship = text(target, "relationship") or _TO_R5.get(equivalence)
    if relationship is not None:
        part.append({"name": "relationship", "valueCode": relationship})
    if text(target, "code") is not None:
        part.append({"name": "concept", "valueCoding": _coding(group, "target", target)})
    if there is element:
        part.append({"name": "source", "valueCoding": _coding(group, "source", element)})
    origin = canonical_of(text(concept_map, "url") or "", text(concept_map, "version"))
    if origin:
        part.append({"name": "originMap", "valueCanonical": origin})
    return {"name": "match", "part": part}


def _coding(group: Resource, side: str, element: Resource) -> Resource:
    system, version = split_canonical(text(group, side) or "")
    version = version or text(group, f"{side}Version")
    found = {"system": system, "version": version, "code": text(element, "code"), "display": text(element, "display")}
    return {name: value for name, value in found.items() if value}


def _unmapped(concept_map: Resource, asked: _Asked) -> Iterator[tuple[Resource, str]]:
    """What a group says of codes that it does not list: the same code, or one fixed code."""
    if asked.backwards:
        return
    for group in rows(concept_map, "group"):
        unmapped = group.get("unmapped")
        source = split_canonical(text(group, "source") or "")[0]
        target = split_canonical(text(group, "target") or "")[0]
        if (
            not isinstance(unmapped, dict)
            or asked.system not in (None, source)
            or asked.target_system not in (None, target)
        ):
            continue
        mode = unmapped.get("mode")
        code = (
            asked.code if mode in ("provided", "use-source-code") else text(unmapped, "code") if mode == "fixed" else None
        )
        if code is not None:
            stand_in = {"code": code, "display": text(unmapped, "display"), "equivalence": "inexact"}
            yield _match(concept_map, group, {"code": asked.code}, stand_in, stand_in), "inexact"
