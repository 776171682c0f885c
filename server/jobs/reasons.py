"""Why a job's last try failed: one sealed sentence, and when."""

from __future__ import annotations

from typing import Any

import msgspec

from server.bindings import job_part_binding
from server.seal.cipher import SealBrokenError
from server.seal.keyring import Keyring
from server.store.jobs import REASON, Job, Jobs, JobStatus


def seal_reason(keyring: Keyring, job: Job, sentence: str, now: int) -> bytes:
    """Empty for a tenant that is not known here, under whose key nothing can be sealed."""
    if not any(entry["number"] == job.tenant for entry in keyring.entries().values()):
        return b""
    content = msgspec.json.encode({"why": sentence, "at": now, "attempt": job.attempts})
    return keyring.by_number(job.tenant).cipher.seal(content, job_part_binding(job.tenant, job.id, REASON))


async def read_reason(jobs: Jobs, keyring: Keyring, status: JobStatus) -> dict[str, Any]:
    """`why`, `at` (microseconds) and `attempt`; empty where there is none. Raises StoreUnavailableError."""
    found = await jobs.parts(status.id, REASON, 1)
    if not found or found[0][0] != REASON:
        return {}
    try:
        sealed = keyring.by_number(status.tenant).cipher
        content: dict[str, Any] = msgspec.json.decode(
            sealed.open(found[0][1], job_part_binding(status.tenant, status.id, REASON))
        )
    except (SealBrokenError, KeyError):
        return {"why": "The reason that was kept does not open; assent fsck names what is damaged."}
    return content
