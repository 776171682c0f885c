"""The jobs of a store: durable work that one at a time does under a lease, with a fence that everything it stores is checked by.

A lease is a courtesy and runs by the clock of whoever takes it. The fence is the promise: each lease of a job has a number of its
own, and a commit that names an older one is refused, whatever the clocks say. So a holder that was slow, was cut off or whose job
was cancelled stores nothing more. A job is known by a number; one that somebody asked for also by a handle, which is a keyed hash.
Bodies, results and reasons are sealed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

State = Literal["queued", "running", "done", "failed", "cancelled"]
Closed = Literal["done", "failed", "cancelled"]

POSITION: Final = -1
"""The part that says where to go on."""

REASON: Final = -2
"""The part that says why the last try failed."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done at or after `due`. `total` is what was counted; `owner` (a keyed hash) is who asked for it."""

    kind: str
    due: int
    body: bytes
    total: int = 1
    handle: bytes | None = None
    owner: bytes = b""
    created: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job under lease: only the holder of `fence` may store for it. `attempts` counts leases since it last came further."""

    id: int
    tenant: int
    kind: str
    attempts: int
    fence: int
    body: bytes
    total: int = 1
    done: int = 0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job stands, without its content. `until` is when a closed one is forgotten; `lease_until` is 0 when nobody has it."""

    id: int
    tenant: int
    kind: str
    closed: Closed | None
    total: int
    done: int
    attempts: int
    created: int
    due: int
    lease_until: int
    until: int
    owner: bytes

    @property
    def state(self) -> State:
        return self.closed or ("running" if self.lease_until else "queued")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a job is, for a commit to carry; refused when the fence is no longer valid.

    `parts` are (number, sealed): results count from 0, below are `POSITION` and `REASON`; one that is there already is replaced.
    With `closes` the job ends, and is forgotten at `until`.
    """

    job: int
    fence: int
    done: int
    total: int
    parts: Sequence[tuple[int, bytes]] = ()
    closes: Closed | None = None
    until: int = 0


class Jobs(Protocol):
    """All raise StoreUnavailableError. Jobs come into being, come further and end by commits (server/store/store.py)."""

    async def lease(self, now: int, lease_until: int, limit: int, without: Collection[str] = ()) -> list[Job]:
        """Due jobs that nobody has a lease on, of other kinds than `without`, leased to the caller with a new fence each."""

    async def renew(self, job_id: int, fence: int, lease_until: int) -> bool:
        """Keep the lease; False when somebody else has the job by now, or it ended."""

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
        """Give a job back to be done at `due`, or set it aside as failed. Nothing happens without the lease.

        `untried` says that the attempt does not count.
        """

    async def release_all(self) -> None:
        """End every lease. Only for whoever knows that no other holder is left."""

    async def status(self, job_id: int) -> JobStatus | None: ...

    async def find(self, handle: bytes) -> JobStatus | None: ...

    async def body(self, job_id: int) -> bytes | None: ...

    async def parts(self, job_id: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Parts from the number `first` on, in order."""

    async def listed(self, after: int, limit: int) -> list[JobStatus]:
        """All jobs, in the order of their ids."""

    async def count_open(self, tenant: int, owner: bytes | None, limit: int) -> int:
        """How many jobs that somebody asked for wait or are being done, counting no further than `limit`."""

    async def cancel(self, job_id: int, until: int) -> bool:
        """Nobody does it any more, and from this moment its holder stores nothing; False when it was closed already."""

    async def retry(self, job_id: int, due: int) -> bool:
        """A failed job is to be done again, from where it stood; False when it is not failed."""

    async def forget(self, job_id: int) -> None:
        """Remove a closed job and its parts."""

    async def expired(self, now: int, limit: int) -> list[int]:
        """Closed jobs whose time is over."""
