"""All operations and job handlers of the server: a new operation is one new file and one line here."""

from __future__ import annotations

from operations.pas.claim_submit import claim_submit
from operations.pas.services import PasServices
from operations.policy.evaluate import LIBRARY_EVALUATE
from operations.ports import Operation
from operations.risk.claim_preview_risk import CLAIM_PREVIEW_RISK, CLAIM_PREVIEW_RISK_INSTANCE
from operations.risk.patient_preview_risk import PATIENT_PREVIEW_RISK


def operations(pas: PasServices) -> tuple[Operation, ...]:
    """Every operation of the server."""
    return (
        claim_submit(pas),
        CLAIM_PREVIEW_RISK,
        CLAIM_PREVIEW_RISK_INSTANCE,
        PATIENT_PREVIEW_RISK,
        LIBRARY_EVALUATE,
    )
