"""`$export` asked for (Bulk Data Access, kick-off request): checked, made a job, answered with 202 and the address of its status."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from operations.ports import Changes, Context, JobRequest, Operation, OperationInput, OperationOutput
from profiles.json import Resource
from profiles.outcome import refuse
from server.bulk.asked import read_asked
from server.bulk.definitions import EXPORT, GROUP_EXPORT, PATIENT_EXPORT

KIND: Final = "export"


def export_operations(settle: int) -> tuple[Operation, ...]:
    """`settle`: seconds after which what was written at the moment of the request can be found."""

    async def run(given: OperationInput, context: Context) -> OperationOutput:
        """Raises FhirError: 400, 403, 429."""
        wishes = later_wishes(given)
        asked = read_asked(given, context, lenient="handling=lenient" in wishes)
        job = JobRequest(KIND, context.now() + timedelta(seconds=settle), asked.to_json(), context.new_id())
        return await accepted(job, context)

    return tuple(
        Operation(definition, run, "r", header_names=("prefer",), makes_job=True)
        for definition in (EXPORT, PATIENT_EXPORT, GROUP_EXPORT)
    )


def later_wishes(given: OperationInput) -> frozenset[str]:
    """What the Prefer header says. Raises FhirError (400) where it does not say respond-async."""
    wishes = frozenset(part.strip().lower() for part in re.split("[,;]", given.headers.get("prefer", "")))
    if "respond-async" not in wishes:
        raise refuse("only-later", "This is only done later: send Prefer: respond-async.", "http.Prefer")
    return wishes


async def accepted(job: JobRequest, context: Context) -> OperationOutput:
    """The job stored, and where to ask for it. Raises FhirError (429)."""
    await context.commit(Changes(jobs=[job]))
    told = {"text": "Accepted; ask how far it is at the address in Content-Location."}
    outcome: Resource = {"severity": "information", "code": "informational", "details": told}
    where = {"Content-Location": f"{context.base_url}/_async/{job.name}"}
    return OperationOutput({"resourceType": "OperationOutcome", "issue": [outcome]}, 202, where)
