"""What a terminology answer says is wrong: issues with HL7's issue types and message ids, and the refusal that carries some.

The codes are those of `http://hl7.org/fhir/tools/CodeSystem/tx-issue-type`; message ids are the names by which clients of
the HL7 terminology ecosystem know a message. The sentences are ours (messages.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from terminology.elements import Resource

TX_ISSUE_TYPE: Final = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"
MESSAGE_ID: Final = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class TxIssue:
    """One issue. `type` is a FHIR issue type, `kind` HL7's tx-issue-type; `spoken`: its sentence goes into `message` as well."""

    severity: Severity
    type: str
    kind: str
    message_id: str | None
    text: str
    expression: str | None = None
    diagnostics: str | None = None
    spoken: bool = True

    def to_fhir(self) -> Resource:
        issue: Resource = {}
        if self.message_id is not None:
            issue["extension"] = [{"url": MESSAGE_ID, "valueString": self.message_id}]
        issue |= {"severity": self.severity, "code": self.type}
        details: Resource = {"coding": [{"system": TX_ISSUE_TYPE, "code": self.kind}]} if self.kind else {}
        issue["details"] = details | {"text": self.text}
        if self.diagnostics is not None:
            issue["diagnostics"] = self.diagnostics
        if self.expression is not None:
            issue["location"] = [self.expression]
            issue["expression"] = [self.expression]
        return issue


class TerminologyError(Exception):
    """A refusal: the request cannot be answered at all. `status` is the HTTP status that fits."""

    def __init__(self, issue: TxIssue, status: int = 422) -> None:
        super().__init__(issue.text)
        self.issues: Sequence[TxIssue] = (issue,)
        self.status = status


def outcome(issues: Iterable[TxIssue]) -> Resource:
    """The OperationOutcome that holds the issues in their order."""
    return {"resourceType": "OperationOutcome", "issue": [issue.to_fhir() for issue in issues]}


def message_of(issues: Iterable[TxIssue], result: bool) -> str | None:
    """The one string that `$validate-code` gives beside its issues: all errors, or, where it holds, what a person should know."""
    spoken = [issue for issue in issues if issue.spoken]
    chosen = spoken if result else [issue for issue in spoken if issue.severity == "error"] or spoken
    return "; ".join(sorted({issue.text for issue in chosen})) or None
