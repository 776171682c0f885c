"""The Subscription as the server says that it is: another version of the resource, with its status and, where it failed, why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.access.access import everything
from server.audit.trail import Trail
from server.repository import Prepared, Repository
from server.subscriptions.owner import TYPE

if TYPE_CHECKING:
    from server.rest.exchange import Services


async def restated(repository: Repository, id_: str, status: str, why: str) -> Prepared | None:
    """None where the resource says so already, or is gone. Whoever commits it is refused when it changed meanwhile."""
    version = await repository.read(everything(TYPE), id_)
    if version is None or version.deleted:
        return None
    resource = version.resource()
    if resource.get("status") == status and resource.get("error", "") == why:
        return None
    told = {name: value for name, value in resource.items() if name != "error"}
    told["status"] = status
    if why:
        told["error"] = why
    return repository.prepare(told, id_, version)


def audit_of(services: Services, prepared: Prepared) -> bytes:
    """What the audit trail says of it."""
    trail = Trail(services.new_id(), interaction="$subscription-status", action="U", actor="assent")
    version = prepared.version
    trail.note_written([(f"{version.reference}/_history/{version.version}", version.patients)])
    return trail.encode(services.now(), 0)
