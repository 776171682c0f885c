"""Every place in a change to the store at which a kill is tried out, numbered and named: the registry, and how one is passed.

Nothing switches them on. `reach` does nothing, holds no state and reads no setting, and no caller, header, file or variable of the
program changes that. The tests put a function of their own in its place, in a process of their own, before they start the program
in it (tests/durability/dying_server.py; docs/decisions, 0025).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

FailPoint = Literal[
    # a commit of the embedded store
    "sqlite-01-before-begin",
    "sqlite-02-record-written",
    "sqlite-03-version-written",
    "sqlite-04-terms-written",
    "sqlite-05-puts-applied",
    "sqlite-06-keys-applied",
    "sqlite-07-jobs-applied",
    "sqlite-08-job-finished",
    "sqlite-09-audit-appended",
    "sqlite-10-before-commit",
    "sqlite-11-committed",  # durable, and nobody was told yet
    "sqlite-12-audit-committed",  # audit records alone: the disk was not waited for
    "sqlite-13-acknowledged",
    "sqlite-14-job-checkpointed",
    "sqlite-15-blob-kept",
    "sqlite-16-internal-changed",
    # its jobs and upkeep
    "sqlite-21-jobs-leased",
    "sqlite-22-job-released",
    "sqlite-23-audit-indexed",  # the entries, not yet the watermark
    "sqlite-24-setting-put",
    "sqlite-25-resealed",  # one of a batch
    "sqlite-26-reindexing",  # one of a batch: its row, not yet its terms
    "sqlite-27-chunk-put",
    "sqlite-28-chunks-removed",
    # a commit on MongoDB
    "mongodb-01-before-transaction",
    "mongodb-02-state-read",
    "mongodb-03-audit-written",
    "mongodb-04-mark-written",
    "mongodb-05-records-inserted",
    "mongodb-06-records-replaced",
    "mongodb-07-versions-written",
    "mongodb-08-keys-written",
    "mongodb-09-jobs-written",
    "mongodb-10-jobs-finished",
    "mongodb-11-before-commit",
    "mongodb-12-committed",  # its answer is there, and nobody was told yet
    "mongodb-13-acknowledged",
    "mongodb-14-job-checkpointed",
    "mongodb-15-blob-kept",
    "mongodb-16-internals-changed",
    # its numbers, jobs and upkeep
    "mongodb-20-numbers-taken",
    "mongodb-21-job-leased",
    "mongodb-22-job-released",
    "mongodb-23-audit-indexed",  # the entries, not yet the watermark
    "mongodb-24-setting-put",
    "mongodb-25-records-resealed",  # earlier versions, keys and jobs follow
    "mongodb-26-batch-resealed",
    "mongodb-27-reindexed",
    "mongodb-28-chunk-put",
    "mongodb-29-chunks-removed",
]

FAIL_POINTS: Final[tuple[FailPoint, ...]] = get_args(FailPoint)


def reach(point: FailPoint) -> None:
    """Go on."""
