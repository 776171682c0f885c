"""A diagnosis that may not be billed on the day of service: accepted, with a warning that offers the codes to use.

Ours; CMS's ICD-10-CM guidelines, section I.B.2 (a code is to be given in its full length). Which day counts is the caller's
to say (`date`); without one the newest edition does.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from terminology.code_system import CodeSystem
from terminology.icd10_validity import billable_on
from terminology.issues import TxIssue
from terminology.systems import ICD10_CM

_MOST_OFFERED: Final = 12


def billing_note(system: CodeSystem, row: int, day: str | None, place: str) -> TxIssue | None:
    """The warning, where a code of ICD-10-CM is not billable; None for every other."""
    if system.url != ICD10_CM:
        return None
    code = system.codes[row]
    parsed = _day(day)
    validity = billable_on(code, parsed) if parsed is not None else None
    if validity is not None and validity.known:
        instead = () if validity.billable else validity.replaced_by
        if validity.billable:
            return None
    else:
        if row not in system.children:
            return None
        instead = tuple(system.codes[child] for child in system.children[row])
    when = f" on {parsed.isoformat()}" if parsed is not None else ""
    listed = ", ".join(instead[:_MOST_OFFERED])
    words = f"'{code}' is not billable{when}; use one of: {listed}."
    return TxIssue("warning", "business-rule", "code-comment", "ASSENT_NOT_BILLABLE", words, place)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
