"""What is known of one requested item under one policy: criteria with their evidence, documents, gaps, readiness.

Pure values. Made by `assess` (operations/policy/assess.py); read by previews, the built-in payer and appeals alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from operations.evidence.evidence import Contradiction
from operations.evidence.fact import Fact
from operations.policy.condition import State
from operations.policy.criteria_result import CriteriaResult, RuleResult
from operations.policy.policy import DocumentRule, Policy

Action = Literal["approve", "modify", "pend", "deny"]


@dataclass(frozen=True, slots=True)
class MissingFact:
    """A fact that would have to be known. `meaning` is the name in plain words, `words` what it would have to be;
    `documents` are kinds that would show it.

    `shown` is what the evidence says instead, when it says something (`4`), else None.
    """

    name: str
    condition: str
    meaning: str
    state: State
    shown: str | None
    documents: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class CriterionFinding:
    """One top-level rule. `facts` met it, or were weighed and did not.

    Each of `ways` is a set of facts that would meet it, `needs` says them in words; both are empty when it is met.
    `contested` is true when facts that contradict each other would decide it differently. `confidence` is that of the
    weakest fact that it could not be met without, None when no fact speaks.
    """

    result: RuleResult
    facts: tuple[Fact, ...]
    ways: tuple[tuple[MissingFact, ...], ...]
    needs: str
    contested: bool
    confidence: float | None

    @property
    def rule_id(self) -> str:
        return self.result.rule_id

    @property
    def state(self) -> State:
        return self.result.state

    @property
    def gaps(self) -> tuple[MissingFact, ...]:
        """Every fact that one way or another asks for."""
        return tuple({(gap.name, gap.condition): gap for way in self.ways for gap in way}.values())


@dataclass(frozen=True, slots=True)
class DocumentFinding:
    """One document rule. `wanted` is false when the rule lets it go because what it would prove is proved."""

    rule: DocumentRule
    present: bool
    wanted: bool

    @property
    def missing(self) -> bool:
        return self.wanted and not self.present


@dataclass(frozen=True, slots=True)
class CodeWarning:
    """A code that cannot be billed on the date of service, and those that can be used in its place."""

    code: str
    text: str
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuantityFinding:
    """What is asked for against the policy's limit. `allowed` None: no limit, or one that cannot be compared."""

    requested: Decimal | int | None
    allowed: int | None
    unit: str | None
    comparable: bool = True

    @property
    def over(self) -> bool:
        return self.requested is not None and self.allowed is not None and self.requested > self.allowed


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a recommendation is what it is. `rule_id` or `document` names what it is about."""

    kind: Literal["criterion", "document", "quantity", "contradiction", "review", "code"]
    state: Literal["met", "not_shown", "not_met", "missing", "contested", "limit", "note"]
    text: str
    rule_id: str | None = None
    document: DocumentRule | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the policy says to do. For `modify`, `quantity` is what may be authorized; `days_valid` counts from the decision."""

    action: Action
    reasons: tuple[Reason, ...]
    quantity: int | None
    unit: str | None
    days_valid: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """One item under one policy. `readiness` is 0..1 (docs/policies.md has the formula)."""

    policy: Policy
    item_sequence: int
    service_date: date
    criteria: CriteriaResult
    findings: tuple[CriterionFinding, ...]
    documents: tuple[DocumentFinding, ...]
    contradictions: tuple[Contradiction, ...]
    warnings: tuple[CodeWarning, ...]
    quantity: QuantityFinding
    readiness: float
    recommendation: Recommendation

    @property
    def missing_documents(self) -> tuple[DocumentRule, ...]:
        return tuple(finding.rule for finding in self.documents if finding.missing)

    @property
    def gaps(self) -> tuple[MissingFact, ...]:
        """Every gap of every criterion that is not met."""
        return tuple(gap for finding in self.findings for gap in finding.gaps)
