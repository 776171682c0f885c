"""Visits that took place (FHIR R4 Encounter): sleep evaluation, mobility examination, therapy sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from operations.evidence.coded.elements import months_between, obj, period, resource_of, source, words
from operations.evidence.fact import Fact
from operations.packet import Entry

_PT: Final = "conservative_therapy.physical_therapy.sessions"


def encounter_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """Facts of a finished encounter, by its type, service and reason; a virtual one is no in-person evaluation."""
    visit = resource_of(entry)
    start, end = period(visit.get("period"))
    took_place = start or end
    if visit.get("status") != "finished" or (took_place is not None and took_place > as_of):
        return
    described = words(visit.get("type"), visit.get("serviceType"), visit.get("reasonCode"))
    where = source(entry, "type")
    in_person = obj(visit.get("class")).get("code") != "VR"
    if in_person and "sleep" in described:
        yield Fact("sleep.evaluated", True, where, "coded", 0.7, took_place)
    if in_person and ("mobility" in described or "wheelchair" in described):
        yield Fact("mobility.face_to_face", True, where, "coded", 0.75, took_place)
    if took_place is not None and "physical therapy" in described:
        yield Fact(_PT, 1, where, "coded", 0.8, took_place, topic=took_place.isoformat())
        ago = months_between(took_place, as_of)
        yield Fact("conservative_therapy.months_ago", ago, where, "coded", 0.8, took_place)
