"""The business's own jobs (operations/ports.py): a payload and a context, whose commits carry the job's fence."""

from __future__ import annotations

from operations.ports import Context, JobHandler
from server.access.access import everything
from server.access.gate import ServersGate
from server.audit.trail import Trail
from server.auth.principal import Principal
from server.auth.scopes import parse_scopes
from server.jobs.step import Step, Worker
from server.repository import Repository
from server.rest.context import context_for
from server.rest.exchange import Exchange, Services
from server.rest.request import Base, Request
from server.rest.response import Response


def worker_of(handler: JobHandler) -> Worker:
    """Such a job counts as one part, and leaves nothing behind when it is done."""

    async def work(step: Step) -> None:
        await handler(step.payload, job_context(step.services, step.repository(), step.base, step.job.kind))
        step.done = step.total
        await step.finish()

    return work


def job_context(services: Services, repository: Repository, base: Base, kind: str, actor: str = "assent") -> Context:
    """The context of work that no request asked for: `actor` (the server itself) acts, inside one tenant, and the audit says so."""
    identity = services.new_id()
    trail = Trail(identity, interaction=f"${kind}", actor=actor)
    principal = Principal(repository.tenant.name, actor, actor, frozenset({"payer"}), parse_scopes(""), identity, 0)
    request = Request("POST", base, (), (), {}, b"", identity, "")

    async def nothing(_: Request) -> Response:
        raise LookupError("A job sends no requests.")

    exchange = Exchange(request, services, repository.tenant, principal, repository, trail, nothing, ServersGate())
    return context_for(exchange, everything("*"))
