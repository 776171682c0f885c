"""What a group of commits does to jobs: new ones, how far others are, and the end of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from server.store import fail_points
from server.store.jobs import Checkpoint, NewJob
from server.store.mongo.documents import Document, new_job_document, part_id
from server.store.mongo.numbers import Numbers
from server.store.mongo.schema import Database
from server.store.store import Commit, KeyHeldError, LostLeaseError

_NEEDED: Final = {"fence": 1, "done": 1, "handle": 1, "failed": 1}


@dataclass(slots=True)
class JobChanges:
    """`fences` and `done` are those of open jobs; `handles` those that are given away."""

    fences: dict[int, int] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    handles: set[bytes] = field(default_factory=set)
    new: list[tuple[int, NewJob]] = field(default_factory=list)
    updates: list[UpdateOne] = field(default_factory=list)
    parts: list[ReplaceOne[Document]] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)

    def check(self, commit: Commit) -> None:
        """Raises LostLeaseError or KeyHeldError, and leaves the group as it was."""
        fenced = [commit.finished_job] if commit.finished_job is not None else []
        if commit.checkpoint is not None:
            fenced.append((commit.checkpoint.job, commit.checkpoint.fence))
        if any(self.fences.get(job) != fence for job, fence in fenced):
            raise LostLeaseError
        if any(job.handle in self.handles for job in commit.jobs):
            raise KeyHeldError

    def add(self, commit: Commit) -> None:
        """Take in what was checked."""
        self.new += [(commit.tenant, job) for job in commit.jobs]
        self.handles.update(job.handle for job in commit.jobs if job.handle is not None)
        if commit.checkpoint is not None:
            self._checkpoint(commit.checkpoint)
        if commit.finished_job is not None:
            self.finished.add(commit.finished_job[0])
            del self.fences[commit.finished_job[0]]

    def _checkpoint(self, checkpoint: Checkpoint) -> None:
        """Always a change, also where nothing differs: so it collides with whoever takes or cancels the job meanwhile."""
        values: Document = {"done": checkpoint.done, "total": checkpoint.total}
        if checkpoint.done > self.done[checkpoint.job]:
            values["tries"] = 0
        if checkpoint.closes is not None:
            values |= {"failed": True, "end": checkpoint.closes, "until": checkpoint.until, "lease": 0}
            del self.fences[checkpoint.job]
        self.done[checkpoint.job] = checkpoint.done
        self.updates.append(UpdateOne({"_id": checkpoint.job}, {"$set": values, "$inc": {"commits": 1}}))
        for number, body in checkpoint.parts:
            identity = part_id(checkpoint.job, number)
            self.parts.append(ReplaceOne({"_id": identity}, {"_id": identity, "b": body}, upsert=True))


async def load_jobs(database: Database, session: AsyncClientSession, commits: Iterable[Commit]) -> JobChanges:
    """Read what the commits stand on, without the bodies; no round trip for commits that have nothing to do with jobs."""
    jobs: dict[int, None] = {}
    handles: dict[bytes, None] = {}
    for commit in commits:
        if commit.finished_job is not None:
            jobs[commit.finished_job[0]] = None
        if commit.checkpoint is not None:
            jobs[commit.checkpoint.job] = None
        handles.update({job.handle: None for job in commit.jobs if job.handle is not None})
    changes = JobChanges()
    wanted: list[dict[str, Any]] = [{"_id": {"$in": list(jobs)}}] if jobs else []
    wanted += [{"handle": {"$in": list(handles)}}] if handles else []
    for which in wanted:
        async for document in database["job"].find(which, _NEEDED, session=session):
            if not document["failed"]:
                changes.fences[int(document["_id"])] = int(document["fence"])
                changes.done[int(document["_id"])] = int(document.get("done", 0))
            if "handle" in document:
                changes.handles.add(document["handle"])
    return changes


async def write_jobs(database: Database, session: AsyncClientSession, changes: JobChanges, numbers: Numbers) -> None:
    """Inside the transaction. `numbers` are those of jobs."""
    jobs, parts = database["job"], database["job_part"]
    if changes.new:
        taken = await numbers.take(len(changes.new))
        documents = [new_job_document(number, *new) for number, new in zip(taken, changes.new, strict=True)]
        await jobs.insert_many(documents, session=session)
        fail_points.reach("mongodb-09-jobs-written")
    if changes.updates:
        await jobs.bulk_write(changes.updates, session=session)
        fail_points.reach("mongodb-14-job-checkpointed")
    if changes.parts:
        await parts.bulk_write(changes.parts, session=session)
    if changes.finished:
        for job_id in changes.finished:
            await parts.delete_many({"_id": {"$gte": part_id(job_id, -9), "$lt": part_id(job_id + 1, -9)}}, session=session)
        await jobs.delete_many({"_id": {"$in": list(changes.finished)}}, session=session)
        fail_points.reach("mongodb-10-jobs-finished")
