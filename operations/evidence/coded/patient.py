"""Age and administrative gender (FHIR R4 Patient)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from operations.evidence.coded.elements import day, resource_of, source, text
from operations.evidence.fact import Fact
from operations.packet import Entry

_GENDERS: Final = ("male", "female", "other", "unknown")


def patient_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """Completed years at `as_of`; a birth date after it gives no age."""
    patient = resource_of(entry)
    born = day(patient.get("birthDate"))
    if born is not None and born <= as_of:
        years = as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day))
        yield Fact("age", years, source(entry, "birthDate"), "coded", 1.0, as_of)
    if text(patient.get("gender")) in _GENDERS:
        yield Fact("sex", patient["gender"], source(entry, "gender"), "coded", 1.0, as_of)
