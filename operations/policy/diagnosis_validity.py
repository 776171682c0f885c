"""Diagnosis codes that cannot be billed on the date of service: accepted, said, and the codes to use named (policies.md 3.6)."""

from __future__ import annotations

from datetime import date

from operations.policy.assessment import CodeWarning
from profiles.json import Json
from terminology.icd10_validity import billable_on, normalize_icd10


def diagnosis_warnings(codes: Json, on: date) -> tuple[CodeWarning, ...]:
    """One warning for each ICD-10-CM code of the evidence that is not billable `on` that day."""
    warnings: dict[str, CodeWarning] = {}
    for code in codes if isinstance(codes, list) else ():
        if isinstance(code, str) and not (validity := billable_on(code, on)).billable:
            name = normalize_icd10(code)
            instead = f"; use {', '.join(validity.replaced_by)}" if validity.replaced_by else ""
            text = f"{name} is not billable on this date of service ({on.isoformat()}){instead}"
            warnings[name] = CodeWarning(name, text, validity.replaced_by)
    return tuple(warnings.values())
