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
from operations.risk.remedies import Remedy, remedies, without_remedy
from profiles.json import Resource

WITHOUT_POLICY: Final[dict[WithoutPolicy, float]] = {"no-authorization-required": 0.01, "manual-review": 0.3}
"""General assumptions where no policy says anything; no figures of a payer."""


@dataclass(frozen=True, slots=True)
class ItemPreview:
    """`assessment` and `risk` are None where no policy exists; `probability` is then the general assumption.

    `without_remedy` has a sentence for each open criterion that nothing a practice can supply would help with.
    """

    item: Resource
    found: ItemPolicy
    payer_known: bool
    assessment: Assessment | None
    risk: Risk | None
    remedies: tuple[Remedy, ...]
    without_remedy: tuple[str, ...] = ()

    @property
    def probability(self) -> float:
        return self.risk.probability if self.risk else WITHOUT_POLICY[self.found.without]

    @property
    def band(self) -> Band:
        return band_of(self.probability)

    @property
    def readiness(self) -> float | None:
        """None where nothing was assessed."""
        return self.assessment.readiness if self.assessment else None

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
    tried = remedies(given, assessment, risk)
    return ItemPreview(item, found, payer_known, assessment, risk, tried, without_remedy(risk, tried))
