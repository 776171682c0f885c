"""Jobs under lease. Each is leased by one atomic change, so that any number of servers may ask at the same time."""

from __future__ import annotations

from typing import Final

from pymongo import ReturnDocument

from server.store import fail_points
from server.store.mongo.documents import to_job
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database
from server.store.store import Job

LONGEST_MS: Final = 10_000


async def lease(database: Database, now: int, lease_until: int, limit: int) -> list[Job]:
    """Due jobs that nobody has a lease on. A lease whose answer was lost runs out by itself. Raises StoreUnavailableError."""
    jobs: list[Job] = []
    free = {"failed": False, "due": {"$lte": now}, "lease": {"$lte": now}}
    taken = {"$set": {"lease": lease_until}, "$inc": {"fence": 1, "tries": 1}}

    async def lease_one() -> Job | None:
        found = await database["job"].find_one_and_update(
            free, taken, sort=[("due", 1)], return_document=ReturnDocument.AFTER, maxTimeMS=LONGEST_MS
        )
        return to_job(found) if found else None

    while len(jobs) < limit:
        if not jobs and await persist(lambda: database["job"].find_one(free, {"_id": 1})) is None:
            break
        job = await persist(lease_one)
        if job is None:
            break
        fail_points.reach("mongodb-21-job-leased")
        jobs.append(job)
    return jobs


async def release(database: Database, job_id: int, fence: int, due: int, failed: bool) -> None:
    """Does nothing when somebody else has the job by now. Raises StoreUnavailableError."""
    await persist(
        lambda: database["job"].update_one(
            {"_id": job_id, "fence": fence}, {"$set": {"due": due, "lease": 0, "failed": failed}}
        )
    )
    fail_points.reach("mongodb-22-job-released")
