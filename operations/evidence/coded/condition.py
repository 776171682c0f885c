"""Diagnoses, comorbidities and the findings that a diagnosis implies (FHIR R4 Condition).

Only a present condition counts: clinical status active, recurrence, relapse or not said; never refuted or entered in error.
What is provisional, differential or unconfirmed is kept below the confidence floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from operations.evidence.body_site import region_of_code
from operations.evidence.code_families import ICD_10_CM, meanings
from operations.evidence.coded.elements import codes, codings, resource_of, source, when, words
from operations.evidence.fact import Fact
from operations.evidence.phrases import comorbidities_in
from operations.packet import Entry

_PRESENT: Final = frozenset({"active", "recurrence", "relapse"})
_WRONG: Final = frozenset({"refuted", "entered-in-error"})
_UNSURE: Final = frozenset({"unconfirmed", "provisional", "differential"})


def condition_facts(entry: Entry, as_of: date) -> Iterator[Fact]:
    """`diagnosis`, `comorbidities`, and findings such as `exam.radiculopathy`."""
    condition = resource_of(entry)
    status, verified = codes(condition.get("clinicalStatus")), codes(condition.get("verificationStatus"))
    if (status and not status & _PRESENT) or verified & _WRONG:
        return
    worth = 0.4 if verified & _UNSURE else 1.0
    noted = when(condition, "recordedDate", "onsetDateTime", "onsetPeriod") or as_of
    for coding in codings(condition.get("code")):
        where = source(entry, f"code{coding.path}")
        if coding.code and coding.system in ICD_10_CM:
            yield Fact("diagnosis", [coding.code], where, "coded", 0.95 * worth, noted)
        site = region_of_code(coding.system, coding.code)
        for name, value, confidence in meanings(coding.system, coding.code):
            yield Fact(name, value, where, "coded", confidence * worth, noted, None if name == "comorbidities" else site)
    described = words(condition.get("code"))
    if "history" not in described:
        for comorbidity in comorbidities_in(described):
            yield Fact("comorbidities", [comorbidity], source(entry, "code"), "coded", 0.8 * worth, noted)
