"""`server.store.jobs.Jobs` on MongoDB. Each is leased by one atomic change, so that any number of servers may ask at the same time.

A change that was made twice because its answer was lost does no harm: a lease that nobody knows of runs out by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.results import UpdateResult

from server.store import fail_points
from server.store.jobs import REASON, Job, JobStatus
from server.store.mongo.documents import Document, part_id, to_job, to_job_status
from server.store.mongo.retry import persist
from server.store.mongo.schema import Database

LONGEST_MS: Final = 10_000
_LAST: Final = 1 << 62
_WITHOUT_BODY: Final = {"b": 0}


class MongoJobs:
    """Shares the store's database."""

    def __init__(self, database: Database) -> None:
        self._jobs = database["job"]
        self._parts = database["job_part"]

    async def lease(self, now: int, lease_until: int, limit: int, without: Collection[str] = ()) -> list[Job]:
        free: Document = {"failed": False, "due": {"$lte": now}, "lease": {"$lte": now}}
        if without:
            free["kind"] = {"$nin": sorted(without)}
        taken = {"$set": {"lease": lease_until}, "$inc": {"fence": 1, "tries": 1}}

        async def lease_one() -> Job | None:
            found = await self._jobs.find_one_and_update(
                free, taken, sort=[("due", 1)], return_document=ReturnDocument.AFTER, maxTimeMS=LONGEST_MS
            )
            fail_points.reach("mongodb-21-job-leased")
            return to_job(found) if found else None

        jobs: list[Job] = []
        while len(jobs) < limit:
            if not jobs and await persist(lambda: self._jobs.find_one(free, {"_id": 1})) is None:
                break
            job = await persist(lease_one)
            if job is None:
                break
            jobs.append(job)
        return jobs

    async def renew(self, job_id: int, fence: int, lease_until: int) -> bool:
        return await self._change({"_id": job_id, "fence": fence, "failed": False}, {"$set": {"lease": lease_until}})

    async def release(
        self,
        job_id: int,
        fence: int,
        due: int,
        *,
        reason: bytes = b"",
        failed_until: int | None = None,
        untried: bool = False,
    ) -> None:
        """The reason first: it is told only of a job that is tried again or set aside."""
        held: Document = {"_id": job_id, "fence": fence, "failed": False, "lease": {"$gt": 0}}
        if reason and await persist(lambda: self._jobs.find_one(held, {"_id": 1})) is not None:
            identity = part_id(job_id, REASON)
            await persist(lambda: self._parts.replace_one({"_id": identity}, {"_id": identity, "b": reason}, upsert=True))
        change: Document = {"due": due, "lease": 0}
        if untried:
            change["tries"] = {"$max": [0, {"$subtract": ["$tries", 1]}]}
        if failed_until is not None:
            change |= {"failed": True, "end": "failed", "until": failed_until}
        await self._change(held, [{"$set": change}])
        fail_points.reach("mongodb-22-job-released")

    async def release_all(self) -> None:
        await persist(lambda: self._jobs.update_many({"lease": {"$gt": 0}}, {"$set": {"lease": 0}, "$inc": {"fence": 1}}))

    async def status(self, job_id: int) -> JobStatus | None:
        return await self._status({"_id": job_id})

    async def find(self, handle: bytes) -> JobStatus | None:
        return await self._status({"handle": handle})

    async def _status(self, which: Document) -> JobStatus | None:
        found = await persist(lambda: self._jobs.find_one(which, _WITHOUT_BODY))
        return to_job_status(found) if found else None

    async def body(self, job_id: int) -> bytes | None:
        found = await persist(lambda: self._jobs.find_one({"_id": job_id}, {"b": 1}))
        return found["b"] if found else None

    async def parts(self, job_id: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        wanted = {"_id": {"$gte": part_id(job_id, first), "$lt": part_id(job_id, _LAST)}}
        found = await persist(lambda: self._parts.find(wanted, sort=[("_id", 1)], limit=limit).to_list())
        return [(int(document["_id"]["n"]), document["b"]) for document in found]

    async def listed(self, after: int, limit: int) -> list[JobStatus]:
        wanted = {"_id": {"$gt": after}}
        found = await persist(lambda: self._jobs.find(wanted, _WITHOUT_BODY, sort=[("_id", 1)], limit=limit).to_list())
        return [to_job_status(document) for document in found]

    async def count_open(self, tenant: int, owner: bytes | None, limit: int) -> int:
        wanted = {"n": tenant, "owner": {"$gt": b""} if owner is None else owner, "failed": False}
        return await persist(lambda: self._jobs.count_documents(wanted, limit=limit, maxTimeMS=LONGEST_MS))

    async def cancel(self, job_id: int, until: int) -> bool:
        change = {"failed": True, "end": "cancelled", "lease": 0, "until": until}
        if not await self._change({"_id": job_id, "failed": False}, {"$set": change, "$inc": {"fence": 1}}):
            return False
        await self._remove_parts(job_id, first=0)
        return True

    async def retry(self, job_id: int, due: int) -> bool:
        change = {
            "$set": {"failed": False, "tries": 0, "until": 0, "due": due},
            "$unset": {"end": ""},
            "$inc": {"fence": 1},
        }
        return await self._change({"_id": job_id, "failed": True, "end": {"$in": ["failed", None]}}, change)

    async def forget(self, job_id: int) -> None:
        """The parts first: whoever dies between the two leaves a job that is forgotten again."""
        closed = {"_id": job_id, "failed": True}
        if await persist(lambda: self._jobs.find_one(closed, {"_id": 1})) is not None:
            await self._remove_parts(job_id, first=REASON)
            await persist(lambda: self._jobs.delete_one(closed))

    async def expired(self, now: int, limit: int) -> list[int]:
        wanted = {"until": {"$gt": 0, "$lte": now}, "failed": True}
        found = await persist(lambda: self._jobs.find(wanted, {"_id": 1}, limit=limit).to_list())
        return [int(document["_id"]) for document in found]

    async def _change(self, which: Document, change: Document | list[Document]) -> bool:
        """Whether it took place. One whose answer was lost is not seen to have taken place: the next look tells."""
        result: UpdateResult = await persist(lambda: self._jobs.update_one(which, change))
        return result.matched_count > 0

    async def _remove_parts(self, job_id: int, first: int) -> None:
        wanted: dict[str, Any] = {"_id": {"$gte": part_id(job_id, first), "$lt": part_id(job_id, _LAST)}}
        await persist(lambda: self._parts.delete_many(wanted))
