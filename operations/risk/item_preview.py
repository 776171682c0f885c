"""One item of a request, previewed: its policy, what is known and missing, the risk, and what would lower it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from operations.evidence.evidence import Evidence
from operations.packet import Packet
from operations.policy.assess import assess_input, assessment_input
from operations.policy.assessment import Assessment
from operations.policy.item_policy import ItemPolicy
from operations.policy.selection import WithoutPolicy
from operations.risk.denial_risk import Band, Risk, band_of, denial_risk
from operations.risk.remedies import Remedy, remedies
from profiles.json import Resource

WITHOUT_POLICY: Final[dict[WithoutPolicy, float]] = {"no-authorization-required": 0.01, "manual-review": 0.3}
"""General assumptions where no policy says anything; no figures of a payer."""


@dataclass(frozen=True, slots=True)
class ItemPreview:
    """`assessment` and `risk` are None where no policy exists; `probability` is then the general assumption."""

    item: Resource
    found: ItemPolicy
    payer_known: bool
    assessment: Assessment | None
    risk: Risk | None
    remedies: tuple[Remedy, ...]

    @property
    def probability(self) -> float:
        return self.risk.probability if self.risk else WITHOUT_POLICY[self.found.without]

    @property
    def band(self) -> Band:
        return band_of(self.probability)

    @property
    def readiness(self) -> float:
        """Where no policy asks for anything, nothing is missing."""
        return self.assessment.readiness if self.assessment else 1.0

    @property
    def expected(self) -> str:
        """What would follow if the request were sent as it is."""
        return self.assessment.recommendation.action if self.assessment else self.found.without


def preview_item(packet: Packet, evidence: Evidence, item: Resource, found: ItemPolicy, payer_known: bool) -> ItemPreview:
    """Assess one item and try out every way to close its gaps."""
    policy = found.choice.policy
    if policy is None:
        return ItemPreview(item, found, payer_known, None, None, ())
    given = assessment_input(policy, evidence, packet, item)
    assessment = assess_input(given)
    risk = denial_risk(assessment)
    return ItemPreview(item, found, payer_known, assessment, risk, remedies(given, assessment, risk))
