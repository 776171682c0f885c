"""`assess`: one policy against the evidence for one item. Pure and deterministic (DESIGN section 5).

Every criterion comes with the facts that met it, or with what is missing and which document would show it; facts that
contradict each other are reported, and decide nothing silently (policies.md 3.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from operations.evidence.evidence import Contradiction, Evidence
from operations.packet import Packet
from operations.policy.assessment import Assessment, CriterionFinding, DocumentFinding, QuantityFinding
from operations.policy.claim_item import quantity_of, quantity_unit, sequence_of, service_date
from operations.policy.criteria_result import RuleResult
from operations.policy.criterion_findings import criterion_finding
from operations.policy.diagnosis_validity import diagnosis_warnings
from operations.policy.evidence_view import EvidenceView
from operations.policy.policy import Policy, Terms
from operations.policy.recommendation import recommend
from profiles.json import Json, Resource

CRITERIA_SHARE: Final = 0.7
"""Share of readiness that the criteria make up where the policy also wants documents."""

_PLAIN_UNITS: Final = frozenset({"unit", "units", "un", "each", "ea", "visit", "visits", "vs", "1", "{unit}", "fl"})


@dataclass(frozen=True, slots=True)
class AssessmentInput:
    """What an assessment was made of, so that it can be made again under a supposition."""

    policy: Policy
    view: EvidenceView
    item: Resource
    service_date: date


def assess(policy: Policy, evidence: Evidence, packet: Packet, item: Resource) -> Assessment:
    """Assess `item` (an entry of the packet's Claim.item) under `policy`."""
    return assess_input(assessment_input(policy, evidence, packet, item))


def assessment_input(policy: Policy, evidence: Evidence, packet: Packet, item: Resource) -> AssessmentInput:
    """The ingredients of an assessment."""
    day = service_date(item, packet.claim.resource, packet.received.date())
    return AssessmentInput(policy, EvidenceView.of(evidence), item, day)


def assess_input(given: AssessmentInput) -> Assessment:
    """Assess from ingredients, as they are or with something supposed."""
    policy, view = given.policy, given.view
    criteria = policy.criteria.evaluate(view.document)
    findings = tuple(
        criterion_finding(policy, rule, result, view)
        for rule, result in zip(policy.criteria.rules, criteria.results, strict=True)
    )
    documents = _documents(policy, view.document.get("documents"), criteria.results)
    quantity = _quantity(policy.terms, given.item)
    warnings = diagnosis_warnings(view.document.get("diagnosis"), given.service_date)
    return Assessment(
        policy=policy,
        item_sequence=sequence_of(given.item),
        service_date=given.service_date,
        criteria=criteria,
        findings=findings,
        documents=documents,
        contradictions=_relevant(view.contradictions, findings),
        warnings=warnings,
        quantity=quantity,
        readiness=_readiness(findings, documents),
        recommendation=recommend(policy, findings, documents, quantity, warnings),
    )


def _documents(policy: Policy, kinds: Json, results: tuple[RuleResult, ...]) -> tuple[DocumentFinding, ...]:
    present = {kind for kind in kinds if isinstance(kind, str)} if isinstance(kinds, list) else set()
    met = {rule.rule_id for result in results for rule in _every(result) if rule.state == "met"}
    top_level = {rule.rule_id: result for result in results for rule in _every(result)}

    def proved(rule_id: str) -> bool:
        """A nested rule needs no proof when the rule it is part of is met some other way."""
        return rule_id in met or (rule_id in top_level and top_level[rule_id].state == "met")

    return tuple(
        DocumentFinding(
            rule,
            rule.kind in present,
            not (rule.until_proved and rule.proves and all(proved(rule_id) for rule_id in rule.proves)),
        )
        for rule in policy.documents
    )


def _every(result: RuleResult) -> Iterator[RuleResult]:
    yield result
    for rule in result.rules:
        yield from _every(rule)


def _quantity(terms: Terms, item: Resource) -> QuantityFinding:
    requested, unit = quantity_of(item), quantity_unit(item)
    if terms.max_quantity is None or requested is None:
        return QuantityFinding(requested, None, terms.unit or unit)
    same = unit is None or unit.casefold() in _PLAIN_UNITS or unit.casefold() == (terms.unit or "").casefold()
    return QuantityFinding(requested, terms.max_quantity if same else None, terms.unit, comparable=same)


def _relevant(
    contradictions: tuple[Contradiction, ...], findings: tuple[CriterionFinding, ...]
) -> tuple[Contradiction, ...]:
    names = {condition.condition.name for finding in findings for condition in finding.result.all_conditions()}
    return tuple(entry for entry in contradictions if entry.name in names)


def _readiness(findings: tuple[CriterionFinding, ...], documents: tuple[DocumentFinding, ...]) -> float:
    """0.7 x mean over criteria (confidence when met, half of it when contested, else 0) + 0.3 x share of wanted documents.

    An exclusion that nothing speaks of counts on neither side.
    """
    scores = [_score(finding) for finding in findings if finding.state != "not_shown" or finding.contested]
    criteria = sum(scores) / len(scores) if scores else 1.0
    wanted = [finding for finding in documents if finding.wanted]
    if not wanted:
        return round(criteria, 4)
    share = sum(finding.present for finding in wanted) / len(wanted)
    return round(CRITERIA_SHARE * criteria + (1 - CRITERIA_SHARE) * share, 4)


def _score(finding: CriterionFinding) -> float:
    if finding.state != "met":
        return 0.0
    confidence = 1.0 if finding.confidence is None else finding.confidence
    return confidence / 2 if finding.contested else confidence
