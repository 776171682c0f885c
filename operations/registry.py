"""All operations and job handlers of the server: a new operation is one new file and one line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from operations.documents.signed_link import LinkSigner, signed_link
from operations.packages.package_operations import package_operations
from operations.pas.claim_inquire import claim_inquire
from operations.pas.claim_submit import claim_submit
from operations.pas.jobs import pas_jobs
from operations.pas.services import PasServices
from operations.policy.evaluate import LIBRARY_EVALUATE
from operations.ports import JobHandler, Operation
from operations.records.diff import diff_operations
from operations.records.everything import everything_operations
from operations.records.lastn import LASTN_OPERATION
from operations.records.match import MATCH_OPERATION
from operations.records.meta import meta_operations
from operations.records.purge import PURGE_OPERATION
from operations.risk.claim_preview_risk import CLAIM_PREVIEW_RISK
from operations.risk.patient_preview_risk import PATIENT_PREVIEW_RISK
from operations.terminology.content import StoredContent
from operations.terminology.terminology_operations import terminology_operations
from operations.validation.checker import Checker
from operations.validation.validate import validate


def operations(
    pas: PasServices, sign: LinkSigner, longest_link: int, checker: Checker, terminology: StoredContent
) -> tuple[Operation, ...]:
    """Every operation of the server. `longest_link` in seconds."""
    return (
        claim_submit(pas),
        claim_inquire(pas),
        CLAIM_PREVIEW_RISK,
        PATIENT_PREVIEW_RISK,
        LIBRARY_EVALUATE,
        signed_link(sign, longest_link),
        validate(checker),
        *package_operations(),
        *terminology_operations(terminology),
        *everything_operations(),
        *meta_operations(),
        *diff_operations(),
        LASTN_OPERATION,
        MATCH_OPERATION,
        PURGE_OPERATION,
    )


def by_address(offered: Iterable[Operation]) -> dict[tuple[str, str, str], Operation]:
    """Where each operation is called: (level, type or "", code)."""
    return {(*address, each.code): each for each in offered for address in each.definition.addresses()}


def job_handlers(pas: PasServices) -> Mapping[str, JobHandler]:
    """What does each kind of durable work."""
    return pas_jobs(pas)
