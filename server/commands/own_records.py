"""What the commands for accounts and clients share: a tenant's own records, and the audit record of what is done to them."""

from __future__ import annotations

from uuid import uuid4

from server.audit.trail import Trail
from server.commands.opened import Opened, now
from server.config import ConfigurationError
from server.internal import OwnRecords


def own_records(store: Opened, tenant: str) -> OwnRecords:
    """Raises ConfigurationError."""
    found = store.keyring.get(tenant)
    if found is None:
        raise ConfigurationError(f"There is no tenant {tenant}: `assent tenant list` prints those that there are.")
    return OwnRecords(store.store, found, now)


def note(activity: str, query: str) -> bytes:
    """For the tenant's audit trail, in the same commit."""
    return Trail(str(uuid4()), interaction=f"${activity}", action="E", actor="assent-cli", query=query).encode(now(), 0)
