"""The definition of `Claim/$preview-risk` (ours, docs/risk.md)."""

from __future__ import annotations

from typing import Final

from operations.definition import Definition, Parameter


def _out(name: str, low: int, high: str, kind: str | None, words: str, *parts: Parameter) -> Parameter:
    most = None if high == "*" else int(high)
    return Parameter(name, kind or "", words, least=low, most=most, parts=parts)


CLAIM_PREVIEW_RISK_DEFINITION: Final = Definition(
    id="claim-preview-risk",
    code="preview-risk",
    title="Readiness and denial risk of an authorization request, before it is sent",
    text="Assesses every item of a request under the policy of its payer: how ready it is, which documents and "
    "facts are missing, how likely a denial is and why, and what would lower that. Nothing is stored but the audit record.",
    levels=("type", "instance"),
    on=("Claim",),
    takes=(
        Parameter(
            "resource",
            "Resource",
            "A PAS request Bundle, or a Claim whose references are in the store. Either may also be the body itself; on an "
            "instance it is left out.",
        ),
    ),
    gives=(
        _out("readiness", 0, "1", "decimal", "0 to 1: that of the least ready item; absent where nothing was assessed."),
        _out("probability", 1, "1", "decimal", "0 to 1: that of the item most at risk."),
        _out("band", 1, "1", "code", "low, medium or high."),
        _out(
            "item",
            1,
            "*",
            None,
            "One item of the Claim.",
            _out("sequence", 0, "1", "positiveInt", "Claim.item.sequence."),
            _out("code", 0, "1", "Coding", "The code that the policy was looked for by."),
            _out("policy", 0, "1", None, "The policy in force: canonical, title, source, source-state."),
            _out("without-policy", 0, "1", "code", "What follows where there is none."),
            _out("explanation", 0, "1", "string", "Why there is none, in words."),
            _out("passed-over", 0, "*", "string", "Policies of the payer for the code that do not apply, and why."),
            _out("expected", 1, "1", "code", "approve, modify, pend, deny, no-authorization-required or manual-review."),
            _out("readiness", 0, "1", "decimal", "0 to 1; absent without a policy, where nothing was assessed."),
            _out("probability", 1, "1", "decimal", "0 to 1, of a denial."),
            _out("band", 1, "1", "code", "low (below 0.2), medium, high (from 0.5)."),
            _out("missing-document", 0, "*", None, "kind, title, loinc, when-missing, proves."),
            _out(
                "gap",
                0,
                "*",
                None,
                "An open criterion: rule, state, explanation, and way groups, any one of which would meet it. A way has "
                "missing-fact parts: name, condition, words, meaning, state, shown, document.",
            ),
            _out("criterion", 0, "*", None, "rule-id, description, met, state, logic, contested, condition, evidence."),
            _out("contradiction", 0, "*", None, "name and the evidence that disagrees."),
            _out(
                "code-warning", 0, "*", None, "A code that is not billable on the date of service, and those in its place."
            ),
            _out("remark", 0, "*", "string", "What else the payer would do, in words."),
            _out("driver", 0, "*", None, "text, kind, key, state, direction, weight (log-odds), evidence."),
            _out("remedy", 0, "*", None, "step, probability, band, reduction, verified: the engine run again with it."),
            _out("no-remedy", 0, "*", "string", "An open criterion that nothing which can be supplied would help with."),
            _out("risk", 1, "1", "RiskAssessment", "The same as a FHIR resource."),
        ),
        _out("warnings", 0, "1", "OperationOutcome", "What was noticed in the request without stopping at it."),
    ),
    body="resource",
)
