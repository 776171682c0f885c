"""Errors as values: an `Issue`, the exception that carries some, and the OperationOutcome they become.

FHIR R4 `OperationOutcome`. Every issue carries one of our codes (profiles/error_codes.py) in `details.coding`, so that a
caller can act on the code and a person can read the sentence. No issue text may hold PHI: name elements, not their content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from profiles.error_codes import ERROR_CODES
from profiles.json import Resource

ERROR_CODE_SYSTEM: Final = "https://assent.example/fhir/CodeSystem/error"

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. `code` is ours; `expression` is a FHIRPath such as `Bundle.entry[0].resource.item[1].quantity`."""

    code: str
    text: str
    expression: str | None = None
    severity: Severity = "error"

    @property
    def issue_type(self) -> str:
        """The FHIR issue-type code (`required`, `structure`, `not-found`, ...)."""
        return ERROR_CODES[self.code].issue_type

    def to_fhir(self) -> Resource:
        issue: Resource = {
            "severity": self.severity,
            "code": self.issue_type,
            "details": {"coding": [{"system": ERROR_CODE_SYSTEM, "code": self.code}], "text": self.text},
        }
        if self.expression is not None:
            issue["expression"] = [self.expression]
        return issue


@dataclass(slots=True)
class FhirError(Exception):
    """A refusal: HTTP status and the issues that explain it. `headers` go onto the answer (Retry-After, ETag)."""

    issues: Sequence[Issue]
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "; ".join(f"{issue.code}: {issue.text}" for issue in self.issues)


def refuse(code: str, text: str, expression: str | None = None, *, status: int | None = None) -> FhirError:
    """An error with a single issue; the status is the one registered for the code unless given."""
    return FhirError([Issue(code, text, expression)], status or ERROR_CODES[code].status)


def operation_outcome(issues: Iterable[Issue]) -> Resource:
    """The OperationOutcome that holds `issues` in their order (at least one)."""
    return {"resourceType": "OperationOutcome", "issue": [issue.to_fhir() for issue in issues]}
