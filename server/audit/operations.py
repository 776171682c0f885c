"""The operations of the audit trail, for the registry of the server (docs/audit.md)."""

from __future__ import annotations

from operations.ports import Operation
from server.audit.log import AuditLog
from server.audit.proof import Proof
from server.audit.verify_operation import verify
from server.seal.keyring import Keyring, Tenant


def audit_operations(log: AuditLog, proof: Proof, keyring: Keyring) -> tuple[Operation, ...]:
    def tenant_of(name: str) -> Tenant:
        found = keyring.get(name)
        if found is None:
            raise LookupError(name)  # who asks was let in as a caller of that tenant
        return found

    return (verify(proof, tenant_of),)
