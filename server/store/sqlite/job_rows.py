"""What a commit does to the jobs of the embedded store: new ones, how far one is, its end. And the tables they are in."""

from __future__ import annotations

from typing import Final

import apsw

from server.store import fail_points
from server.store.jobs import Checkpoint
from server.store.store import Commit, KeyHeldError, LostLeaseError

TABLES: Final = """
DROP INDEX job_due;
ALTER TABLE job RENAME TO earlier_job;
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL, kind TEXT NOT NULL, due INTEGER NOT NULL,
  lease_until INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  closed TEXT, total INTEGER NOT NULL DEFAULT 1, done INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL DEFAULT 0,
  until INTEGER NOT NULL DEFAULT 0, owner BLOB NOT NULL DEFAULT x'', handle BLOB, body BLOB NOT NULL) STRICT;
INSERT INTO job (id, tenant, kind, due, lease_until, fence, attempts, closed, body)
  SELECT id, tenant, kind, due, lease_until, fence, attempts, CASE WHEN failed THEN 'failed' END, body FROM earlier_job;
DROP TABLE earlier_job;
CREATE INDEX job_due ON job (due) WHERE closed IS NULL;
CREATE INDEX job_owner ON job (tenant, owner) WHERE closed IS NULL;
CREATE INDEX job_until ON job (until) WHERE until > 0;
CREATE UNIQUE INDEX job_handle ON job (handle) WHERE handle IS NOT NULL;
CREATE TABLE job_part (job INTEGER NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (job, number)) STRICT;
"""
"""Numbers of jobs are never given again: a fence would mean another job's."""


def check_jobs(connection: apsw.Connection, commit: Commit) -> None:
    """Raises LostLeaseError for a fence that is not valid, KeyHeldError for a handle that is given already."""
    fences = [commit.finished_job] if commit.finished_job is not None else []
    if commit.checkpoint is not None:
        fences.append((commit.checkpoint.job, commit.checkpoint.fence))
    for job, fence in fences:
        row = connection.execute("SELECT fence FROM job WHERE id = ? AND closed IS NULL", (job,)).fetchone()
        if row is None or row[0] != fence:
            raise LostLeaseError
    for new in commit.jobs:
        if new.handle and connection.execute("SELECT 1 FROM job WHERE handle = ?", (new.handle,)).fetchone():
            raise KeyHeldError


def apply_jobs(connection: apsw.Connection, commit: Commit) -> None:
    """New jobs, the job's checkpoint, and the end of the job that is finished."""
    for job in commit.jobs:
        connection.execute(
            "INSERT INTO job (tenant, kind, due, total, created, owner, handle, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (commit.tenant, job.kind, job.due, job.total, job.created, job.owner, job.handle, job.body),
        )
        fail_points.reach("sqlite-07-jobs-applied")
    if commit.checkpoint is not None:
        _checkpoint(connection, commit.checkpoint)
        fail_points.reach("sqlite-14-job-checkpointed")
    if commit.finished_job is not None:
        remove_job(connection, commit.finished_job[0])
        fail_points.reach("sqlite-08-job-finished")


def _checkpoint(connection: apsw.Connection, checkpoint: Checkpoint) -> None:
    connection.execute(
        "UPDATE job SET attempts = CASE WHEN done < ?1 THEN 0 ELSE attempts END, done = ?1, total = ?2, closed = ?3, until = ?4, "
        "lease_until = CASE WHEN ?3 IS NULL THEN lease_until ELSE 0 END WHERE id = ?5",
        (checkpoint.done, checkpoint.total, checkpoint.closes, checkpoint.until, checkpoint.job),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO job_part (job, number, body) VALUES (?, ?, ?)",
        [(checkpoint.job, number, body) for number, body in checkpoint.parts],
    )


def remove_job(connection: apsw.Connection, job_id: int) -> None:
    connection.execute("DELETE FROM job WHERE id = ?", (job_id,))
    connection.execute("DELETE FROM job_part WHERE job = ?", (job_id,))
