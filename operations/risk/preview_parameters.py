"""The answer of `Claim/$preview-risk` as FHIR `Parameters` (docs/risk.md lists every parameter)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from operations.evidence.fact import Fact
from operations.policy.assessment import Assessment, CriterionFinding, MissingFact
from operations.policy.claim_item import sequence_of
from operations.policy.fhir_parameters import boolean, code, coding, decimal, group, parameters, text
from operations.policy.policy import DocumentRule
from operations.risk.denial_risk import Driver
from operations.risk.item_preview import ItemPreview
from operations.risk.remedies import Remedy
from operations.risk.risk_assessment import percent, risk_assessment
from profiles.json import Json, Resource, dumps

_LOINC: Final = "http://loinc.org"
_TEXT_LIMIT: Final = 400


def preview_parameters(items: Sequence[ItemPreview], subject: Resource, now: datetime) -> Resource:
    """The whole answer: the packet is as ready as its least ready item, and as much at risk as the one most at risk."""
    worst = max(items, key=lambda item: item.probability)
    assessed = [item.readiness for item in items if item.readiness is not None]
    return parameters(
        [
            *([decimal("readiness", min(assessed))] if assessed else []),
            decimal("probability", worst.probability),
            code("band", worst.band),
            *(_item(item, subject, now.isoformat(timespec="seconds")) for item in items),
        ]
    )


def _item(item: ItemPreview, subject: Resource, now: str) -> Resource:
    sequence = sequence_of(item.item)
    return group(
        "item",
        [
            {"name": "sequence", "valuePositiveInt": sequence} if sequence > 0 else None,
            coding("code", item.found.code.system, item.found.code.value) if item.found.code else None,
            *_policy(item),
            code("expected", item.expected),
            decimal("readiness", item.readiness) if item.readiness is not None else None,
            decimal("probability", item.probability),
            code("band", item.band),
            *(_assessed(item.assessment) if item.assessment else ()),
            *(_driver(driver) for driver in (item.risk.drivers if item.risk else ())),
            *(_remedy(remedy) for remedy in item.remedies),
            *(text("no-remedy", sentence) for sentence in item.without_remedy),
            {"name": "risk", "resource": _risk(item, subject, now)},
        ],
    )


def _policy(item: ItemPreview) -> Iterator[Resource | None]:
    policy = item.found.choice.policy
    if policy is not None:
        yield group(
            "policy",
            [
                {"name": "canonical", "valueCanonical": policy.canonical},
                text("title", policy.title),
                text("source", f"{policy.source_id}, {policy.source_version}"),
                code("source-state", "read" if policy.source_state == "R" else "known"),
            ],
        )
    else:
        yield code("without-policy", item.found.without)
        yield text("explanation", _explanation(item))
    for canonical, reason in item.found.choice.passed_over:
        yield text("passed-over", f"{canonical}: {reason}")


def _explanation(item: ItemPreview) -> str:
    if not item.payer_known:
        return "This payer is not known here: a reviewer of the payer decides. Nothing was assessed."
    if item.found.without == "no-authorization-required":
        return "The payer has no policy for this item on this date, and says that no authorization is then needed. Nothing was assessed."
    return "The payer has no policy for this item on this date: a reviewer decides. Nothing was assessed."


def _assessed(assessment: Assessment) -> Iterator[Resource]:
    for rule in assessment.missing_documents:
        yield _document(rule)
    for finding in assessment.findings:
        if finding.ways:
            yield _gap(finding)
    for finding in assessment.findings:
        yield _criterion(finding)
    for contradiction in assessment.contradictions:
        yield group("contradiction", [text("name", contradiction.name), *_evidence(contradiction.facts)])
    for warning in assessment.warnings:
        yield group(
            "code-warning",
            [
                code("code", warning.code),
                text("text", warning.text),
                *(code("instead", other) for other in warning.instead),
            ],
        )
    for reason in assessment.recommendation.reasons:
        if reason.kind in ("quantity", "review"):
            yield {"name": "remark", "valueString": reason.text}


def _document(rule: DocumentRule) -> Resource:
    return group(
        "missing-document",
        [
            code("kind", rule.kind),
            text("title", rule.title),
            coding("loinc", _LOINC, rule.loinc) if rule.loinc else None,
            code("when-missing", rule.when_missing),
            *(text("proves", rule_id) for rule_id in rule.proves),
        ],
    )


def _gap(finding: CriterionFinding) -> Resource:
    """What one criterion lacks: any one of its `way` groups would meet it."""
    return group(
        "gap",
        [
            text("rule", finding.rule_id),
            code("state", finding.state.replace("_", "-")),
            text("explanation", f"{finding.result.description or finding.rule_id}: {finding.needs}"),
            *(group("way", [_missing_fact(gap) for gap in way]) for way in finding.ways),
        ],
    )


def _missing_fact(gap: MissingFact) -> Resource:
    return group(
        "missing-fact",
        [
            text("name", gap.name),
            text("condition", gap.condition),
            text("words", gap.words),
            text("meaning", gap.meaning),
            code("state", gap.state.replace("_", "-")),
            text("shown", gap.shown),
            *(code("document", kind) for kind in dict.fromkeys(gap.documents)),
        ],
    )


def _criterion(finding: CriterionFinding) -> Resource:
    return group(
        "criterion",
        [
            text("rule-id", finding.rule_id),
            text("description", finding.result.description),
            boolean("met", finding.result.met),
            code("state", finding.state.replace("_", "-")),
            code("logic", finding.result.logic),
            boolean("contested", finding.contested),
            *(_condition(detail) for detail in finding.result.details()),
            *_evidence(finding.facts),
        ],
    )


def _condition(detail: Resource) -> Resource:
    return group(
        "condition",
        [
            text("condition", detail["condition"]),
            text("patient-value", shown(detail["patient_value"])),
            boolean("met", detail["met"]),
            text("reason", detail.get("reason")),
        ],
    )


def _driver(driver: Driver) -> Resource:
    return group(
        "driver",
        [
            text("text", driver.text),
            code("kind", driver.kind),
            text("key", driver.key),
            code("state", driver.state.replace("_", "-")),
            code("direction", driver.direction),
            decimal("weight", driver.weight),
            *_evidence(driver.facts),
        ],
    )


def _remedy(remedy: Remedy) -> Resource:
    steps = [
        group(
            "step",
            [
                text("text", step.text),
                text("provided", step.provided),
                code("kind", step.kind),
                text("key", step.key),
                code("action", step.action),
            ],
        )
        for step in remedy.steps
    ]
    return group(
        "remedy",
        [
            *steps,
            decimal("probability", remedy.probability),
            code("band", remedy.band),
            decimal("reduction", remedy.reduction),
            boolean("verified", True),
        ],
    )


def _evidence(facts: Iterable[Fact]) -> Iterator[Resource]:
    for fact in facts:
        yield group(
            "evidence",
            [
                text("name", fact.name),
                text("value", shown(fact.value)),
                {"name": "source", "valueReference": {"reference": fact.source.reference}},
                text("expression", fact.source.expression),
                text("quote", fact.source.quote),
                {"name": "start", "valueInteger": fact.source.start} if fact.source.start is not None else None,
                {"name": "end", "valueInteger": fact.source.end} if fact.source.end is not None else None,
                code("method", fact.method),
                decimal("confidence", fact.confidence),
            ],
        )


def shown(value: Json) -> str | None:
    """A value as text: a text as it is, anything else as JSON; long ones are cut."""
    if value is None:
        return None
    words = value if isinstance(value, str) else dumps(value).decode()
    return words if len(words) <= _TEXT_LIMIT else words[: _TEXT_LIMIT - 3] + "..."


def _risk(item: ItemPreview, subject: Resource, now: str) -> Resource:
    if item.risk is None or item.assessment is None:
        method = "General assumption of Assent where no policy is known; not a figure of this payer"
        rationale = f"{percent(item.probability)}. {_explanation(item)}"
        return risk_assessment(
            subject=subject,
            occurrence=now,
            method=method,
            probability=item.probability,
            band=item.band,
            rationale=rationale,
        )
    raising = [driver.text for driver in item.risk.drivers if driver.weight > 0]
    base = percent(item.assessment.policy.risk.base_rate)
    rationale = f"{percent(item.probability)}, from a base rate of {base}. " + (
        "; ".join(raising[:5]) or "No criterion is open and every document is there."
    )
    return risk_assessment(
        subject=subject,
        occurrence=now,
        method=f"Assent denial risk: logistic model over the findings of {item.assessment.policy.canonical}",
        probability=item.probability,
        band=item.band,
        rationale=rationale,
        drivers=item.risk.drivers,
        remedies=item.remedies[:3],
        without_remedy=" ".join(item.without_remedy),
    )
