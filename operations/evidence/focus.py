"""Which body regions a request is about: from its procedure codes, its diagnoses, and the body sites that it names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operations.evidence.body_site import region_in, region_of_code
from operations.evidence.coded.elements import Resolve, codings, items, obj, reference, resource_of, words
from operations.packet import Entry
from profiles.json import Json


def focus_of(claim: Entry, resolve: Resolve, item: int | None = None) -> frozenset[str]:
    """Regions of one item (all items when None): the procedure decides, then body sites, then diagnoses; else empty."""
    resource = resource_of(claim)
    wanted = [one for index, one in items(resource.get("item")) if item is None or index == item]
    for regions in (_by_procedure(wanted), _by_site(wanted), _by_diagnosis(claim, resource, wanted, resolve)):
        found = frozenset(regions)
        if found:
            return found
    return frozenset()


def _by_procedure(wanted: list[dict[str, Any]]) -> Iterator[str]:
    for one in wanted:
        for coding in codings(one.get("productOrService")):
            if (region := region_of_code(coding.system, coding.code)) is not None:
                yield region


def _by_site(wanted: list[dict[str, Any]]) -> Iterator[str]:
    for one in wanted:
        if (region := region_in(words(one.get("bodySite"), one.get("productOrService")))) is not None:
            yield region


def _by_diagnosis(claim: Entry, resource: dict[str, Any], wanted: list[dict[str, Any]], resolve: Resolve) -> Iterator[str]:
    pointed = {n for one in wanted for n in _sequences(one.get("diagnosisSequence"))}
    for _, diagnosis in items(resource.get("diagnosis")):
        if pointed and diagnosis.get("sequence") not in pointed:
            continue
        concept: Json = diagnosis.get("diagnosisCodeableConcept")
        target = reference(diagnosis.get("diagnosisReference"))
        if concept is None and target and (condition := resolve(target, claim)) is not None:
            concept = obj(resource_of(condition)).get("code")
        for coding in codings(concept):
            if (region := region_of_code(coding.system, coding.code)) is not None:
                yield region


def _sequences(value: Json) -> list[int]:
    return [n for n in value if isinstance(n, int)] if isinstance(value, list) else []
