"""`assent jobs list | show | retry | cancel`: durable work, and what became of it. Beside a running server or without one."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from typing import Final

from profiles import json
from server.bindings import job_binding
from server.commands.opened import Opened, now, opened
from server.config import ConfigurationError, Settings
from server.jobs.asked import describe
from server.jobs.reasons import read_reason
from server.repository import MICROSECOND, instant
from server.seal.cipher import SealBrokenError
from server.store.jobs import JobStatus
from server.upkeep.progress import FINISHED, decode
from server.upkeep.reindex import SETTING as REINDEX
from server.upkeep.reseal import SETTING as RESEAL

AT_ONCE: Final = 200
_HEAD: Final = f"{'job':>8}  {'state':9}  {'done':>13}  {'tries':>5}  {'asked for':20}  {'tenant':16}  kind"


def run(arguments: Namespace, environ: Mapping[str, str]) -> int:
    """Do what `arguments.action` names; raises ConfigurationError where it cannot be done."""
    asyncio.run(_run(arguments, Settings.from_environment(environ)))
    return 0


async def _run(arguments: Namespace, settings: Settings) -> None:
    async with opened(settings) as store:
        if arguments.action == "list":
            await _list(store, closed=arguments.all)
            return
        status = await store.store.jobs.status(arguments.job)
        if status is None:
            raise ConfigurationError(f"There is no job {arguments.job}: it is done and forgotten, or never was.")
        if arguments.action == "show":
            await _show(store, status)
        elif arguments.action == "retry":
            await _retry(store, status)
        else:
            await _cancel(store, status, settings)


async def _list(store: Opened, *, closed: bool) -> None:
    """First what goes through the whole store (server/upkeep), which keeps its own place and has no number."""
    print(_HEAD)
    names = _tenants(store)
    for kind in (REINDEX, RESEAL):
        place = decode(await store.store.get_setting(kind))
        if place is not None and place.stage != FINISHED:
            print(
                f"{'-':>8}  {'running':9}  {place.done:>13}  {'-':>5}  {'-':20}  {'(all)':16}  {kind}, at the {place.stage}"
            )
    async for job in _jobs(store):
        if closed or job.closed in {None, "failed"}:
            done = f"{job.done}/{job.total}"
            name = names.get(job.tenant, f"({job.tenant})")
            print(
                f"{job.id:>8}  {job.state:9}  {done:>13}  {job.attempts:>5}  {_time(job.created):20}  {name:16}  {job.kind}"
            )


async def _jobs(store: Opened) -> AsyncIterator[JobStatus]:
    after = 0
    while jobs := await store.store.jobs.listed(after, AT_ONCE):
        for job in jobs:
            yield job
        after = jobs[-1].id


async def _show(store: Opened, job: JobStatus) -> None:
    """What an administrator needs, and nothing of what the job is about."""
    reason = await read_reason(store.store.jobs, store.keyring, job)
    facts = {
        "job": job.id,
        "tenant": _tenants(store).get(job.tenant, f"({job.tenant})"),
        "kind": job.kind,
        "state": job.state,
        "done": f"{job.done} of {job.total}",
        "tries": f"{job.attempts} since it last came further",
        "asked for": _time(job.created),
        "next try": _time(job.due) if job.state == "queued" else "",
        "kept until": _time(job.until) if job.closed and job.until else "",
        "last failure": f"{_time(reason['at'])} {reason['why']}" if "at" in reason else reason.get("why", ""),
        **await _asked(store, job),
    }
    for name, value in facts.items():
        if value != "":
            print(f"{name + ':':14}{value}")


async def _asked(store: Opened, job: JobStatus) -> dict[str, str]:
    body = await store.store.jobs.body(job.id)
    try:
        cipher = store.keyring.by_number(job.tenant).cipher
        payload = json.loads(cipher.open(body or b"", job_binding(job.tenant, job.kind)))
    except (SealBrokenError, KeyError):
        return {"content": "does not open (see assent fsck)"}
    return describe(payload)


async def _retry(store: Opened, job: JobStatus) -> None:
    if not await store.store.jobs.retry(job.id, now()):
        raise ConfigurationError(f"The job {job.id} is {job.state}: only a failed one can be tried again.")
    await store.note("jobs-retry", f"job={job.id}")
    print(
        f"The job {job.id} is to be done again, from {job.done} of {job.total} on; a running server begins within a second."
    )


async def _cancel(store: Opened, job: JobStatus, settings: Settings) -> None:
    if job.closed == "failed":
        await store.store.jobs.forget(job.id)
    elif not await store.store.jobs.cancel(job.id, now() + settings.job_result_ttl * MICROSECOND):
        raise ConfigurationError(f"The job {job.id} is {job.state} already.")
    await store.note("jobs-cancel", f"job={job.id}")
    print(f"Nobody does the job {job.id} any more. What it stored before stays.")


def _tenants(store: Opened) -> dict[int, str]:
    return {entry["number"]: name for name, entry in store.keyring.entries().items()}


def _time(moment: int) -> str:
    return instant(moment)[:19] + "Z" if moment else "-"
